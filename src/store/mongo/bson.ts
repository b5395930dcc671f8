/** Resources as documents that people query, with R4's names. https://hl7.org/fhir/R4/json.html */
import { Decimal128, type Document } from 'mongodb';
import { type ExactJson, ExactNumber, readExact } from '../../fhir/exact-json.ts';
import { isHeldByDouble } from '../../fhir/json-limits.ts';
import { scanJson } from '../../fhir/json-scan.ts';
import { isObject, type JsonValue } from '../../fhir/resource.ts';

/** What MongoDB keeps of a number, or of anything inside a resource. */
export type BsonValue = string | number | boolean | null | Decimal128 | BsonObject | readonly BsonValue[];

export interface BsonObject {
  readonly [name: string]: BsonValue | undefined;
}

/** Digits that a Decimal128 has. */
const digits = 34;

/**
 * A resource's bytes as a document, and as plain JSON. Numbers that a double doesn't hold are Decimal128, and text where that
 * doesn't hold them either. undefined for what is no JSON object or has a name that BSON doesn't take.
 */
export function documentOf(bytes: Uint8Array): { readonly document: Document | undefined; readonly json: JsonValue } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const json: JsonValue = JSON.parse(text);
  if (!isObject(json) || text.includes('\\u0000')) return { document: undefined, json };
  if (!scanJson(bytes).inexact) return { document: json, json };
  const exact = bsonOf(readExact(text));
  return { document: isDocument(exact) ? exact : undefined, json };
}

function bsonOf(value: ExactJson): BsonValue {
  if (value instanceof ExactNumber) return numberOf(value.text);
  if (Array.isArray(value)) return value.map(bsonOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bsonOf(member)]));
}

/** The best form of a number: one that means the same. */
export function numberOf(text: string): number | Decimal128 | string {
  if (isHeldByDouble(text)) return Number(text);
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const significant = mantissa.replace(/[-.]/g, '').replace(/^0+/, '');
  const fits = significant.length <= digits && Math.abs(Number(exponent)) < 6000;
  return fits ? Decimal128.fromString(text) : text;
}

function isDocument(value: BsonValue): value is BsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal128);
}
