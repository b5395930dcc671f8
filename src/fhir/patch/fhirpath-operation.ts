/** The operations of a FHIRPath Patch, read from Parameters. https://hl7.org/fhir/R4/fhirpatch.html#format */
import { type ExactJson, ExactNumber, type ExactObject, isExactObject } from '../exact-json.ts';
import { failure, type OutcomeError } from '../outcome.ts';

/** A value of a known type: `valueDate` and `_valueDate`, or `resource`. */
export interface TypedValue {
  readonly kind: 'typed';
  /** As the property says it: `Date`, `HumanName`; `Resource` for a resource. */
  readonly suffix: string;
  readonly value: ExactJson | undefined;
  /** The id and extensions of a primitive. */
  readonly extra: ExactJson | undefined;
}

/** A value of an anonymous type, member by member. https://hl7.org/fhir/R4/fhirpatch.html#anonymous */
export interface PartsValue {
  readonly kind: 'parts';
  readonly parts: readonly { readonly name: string; readonly value: PatchValue }[];
}

export type PatchValue = TypedValue | PartsValue;

export type FhirPathOperation = { readonly path: string; readonly title: string; readonly expression: string } & (
  | { readonly type: 'add'; readonly name: string; readonly value: PatchValue }
  | { readonly type: 'insert'; readonly index: number; readonly value: PatchValue }
  | { readonly type: 'delete' }
  | { readonly type: 'replace'; readonly value: PatchValue }
  | { readonly type: 'move'; readonly source: number; readonly destination: number }
);

/** Which parts each operation has besides `type` and `path`, all of them required. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
};

/** The operations in order. Throws OutcomeError 400 where the document is no FHIRPath Patch; `expression` names the part. */
export function readOperations(document: ExactJson): readonly FhirPathOperation[] {
  if (!isExactObject(document) || document.resourceType !== 'Parameters') {
    throw failure(400, 'structure', 'A FHIRPath Patch is a Parameters resource.');
  }
  const { parameter } = document;
  if (parameter === undefined) return [];
  if (!Array.isArray(parameter)) throw malformed('Parameters.parameter is an array.', 'Parameters.parameter');
  return parameter.map((item, index) =>
    readOperation(item, `Parameters.parameter[${index}]`, `Operation ${index + 1}`),
  );
}

function readOperation(item: ExactJson, expression: string, title: string): FhirPathOperation {
  if (!isExactObject(item) || item.name !== 'operation') {
    throw malformed(`${title}: each parameter of a FHIRPath Patch is named 'operation'.`, expression);
  }
  const parts = readParts(item, expression, title);
  const type = textOf(parts, 'type', expression, title);
  const names = Object.hasOwn(PARTS, type) ? PARTS[type] : undefined;
  if (names === undefined) {
    throw malformed(`${title} has no type that FHIRPath Patch knows: ${Object.keys(PARTS).join(', ')}.`, expression);
  }
  for (const name of parts.keys()) {
    if (name !== 'type' && name !== 'path' && !names.includes(name)) {
      throw malformed(
        `${title} (${type}) has a part that it doesn't take; it takes ${['path', ...names].join(', ')}.`,
        expression,
      );
    }
  }
  const path = textOf(parts, 'path', expression, title);
  const common = { path, title: `${title} (${type} ${shortened(path)})`, expression };
  switch (type) {
    case 'add': {
      const name = textOf(parts, 'name', expression, title);
      return { ...common, type, name, value: patchValueOf(parts, expression, common.title) };
    }
    case 'insert': {
      const index = numberOf(parts, 'index', expression, common.title);
      return { ...common, type, index, value: patchValueOf(parts, expression, common.title) };
    }
    case 'replace':
      return { ...common, type, value: patchValueOf(parts, expression, common.title) };
    case 'move': {
      const source = numberOf(parts, 'source', expression, common.title);
      return { ...common, type, source, destination: numberOf(parts, 'destination', expression, common.title) };
    }
    default:
      return { ...common, type: 'delete' };
  }
}

function readParts(item: ExactObject, expression: string, title: string): ReadonlyMap<string, ExactObject> {
  const parts = new Map<string, ExactObject>();
  if (!Array.isArray(item.part)) throw malformed(`${title} has no parts.`, expression);
  for (const part of item.part) {
    if (!isExactObject(part) || typeof part.name !== 'string')
      throw malformed(`${title}: each part has a name.`, expression);
    if (parts.has(part.name)) throw malformed(`${title} has a part twice.`, expression);
    parts.set(part.name, part);
  }
  return parts;
}

function textOf(parts: ReadonlyMap<string, ExactObject>, name: string, expression: string, title: string): string {
  const part = parts.get(name);
  const text = part?.valueCode ?? part?.valueString;
  if (typeof text !== 'string' || text === '') {
    throw malformed(`${title} has no ${name}, a ${name === 'type' ? 'valueCode' : 'valueString'}.`, expression);
  }
  return text;
}

function numberOf(parts: ReadonlyMap<string, ExactObject>, name: string, expression: string, title: string): number {
  const number = parts.get(name)?.valueInteger;
  if (!(number instanceof ExactNumber) || !/^[0-9]{1,9}$/.test(number.text)) {
    throw malformed(`${title} has no ${name}, a valueInteger from 0.`, expression);
  }
  return Number(number.text);
}

function patchValueOf(parts: ReadonlyMap<string, ExactObject>, expression: string, title: string): PatchValue {
  const part = parts.get('value');
  if (part === undefined) throw malformed(`${title} has no value.`, expression);
  return readValue(part, expression, title);
}

function readValue(part: ExactObject, expression: string, title: string): PatchValue {
  let suffix: string | undefined;
  for (const property of Object.keys(part)) {
    const found = property === 'resource' ? 'Resource' : /^_?value([A-Z][A-Za-z0-9]*)$/.exec(property)?.[1];
    if (found === undefined) continue;
    if (suffix !== undefined && found !== suffix) throw malformed(`${title} has two values in one part.`, expression);
    suffix = found;
  }
  if (suffix !== undefined) {
    if (part.part !== undefined) throw malformed(`${title} has both a value and parts in one part.`, expression);
    const value = suffix === 'Resource' ? part.resource : part[`value${suffix}`];
    return { kind: 'typed', suffix, value, extra: part[`_value${suffix}`] };
  }
  if (!Array.isArray(part.part) || part.part.length === 0) {
    throw malformed(`${title}: a value part has a value[x], or parts with values.`, expression);
  }
  const parts = part.part.map((item) => {
    if (!isExactObject(item) || typeof item.name !== 'string') {
      throw malformed(`${title}: each part of a value has a name, the element's.`, expression);
    }
    return { name: item.name, value: readValue(item, expression, title) };
  });
  return { kind: 'parts', parts };
}

function malformed(text: string, expression: string): OutcomeError {
  return failure(400, 'structure', text, expression);
}

function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
