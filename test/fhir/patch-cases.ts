/** What the tests of patches share: reading fixtures, exact JSON from literals. */
import { readFileSync } from 'node:fs';
import { type ExactJson, type ExactObject, isExactObject, parseExact, writeExact } from '../../src/fhir/exact-json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';

/** A fixture of test/fixtures/patch: where it comes from and its cases. */
export function readCases(name: string): readonly ExactObject[] {
  const file = parseExact(readFileSync(new URL(`../fixtures/patch/${name}`, import.meta.url)));
  if (!isExactObject(file) || !Array.isArray(file.cases)) throw new Error(`${name} has no cases`);
  return file.cases.filter(isExactObject);
}

/** Exact JSON of a text or of a plain value. */
export function exact(value: unknown): ExactJson {
  return parseExact(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

export function exactResource(value: unknown): ExactObject {
  const resource = exact(value);
  if (!isExactObject(resource)) throw new Error('not an object');
  return resource;
}

export function textOf(value: ExactJson): string {
  return Buffer.from(writeExact(value)).toString();
}

/** What a call throws, which has to be an OutcomeError. */
export function outcomeOf(call: () => unknown): OutcomeError {
  try {
    call();
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
