/**
 * Writes in the flat form in which they cross to the writer's thread: one list of numbers and texts, and one buffer of
 * bytes, which cost a tenth of cloning objects. https://hl7.org/fhir/R4/http.html#transaction
 */
import { containedType, isContained, resourceTypeOf } from '../../search/contained.ts';
import type { IndexEntry, IndexValue } from '../../search/entry.ts';
import type { Entries, Precondition, Write } from '../write.ts';

/** A run of writes of one commit. */
export interface PackedWrites {
  readonly count: number;
  /** For each write its kind, type and id; for a put also method, lengths of head and tail, and fields in `entries`. */
  readonly fields: readonly (string | number)[];
  /**
   * The puts' index entries: for each the count, then the parameter's number, kind and columns of each value; then the
   * count of its contained resources, and the type (`containedType`), id and entries of each.
   */
  readonly entries: readonly (string | number)[];
  /** Heads and tails of the bodies, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Sparse: the index of the write in the run, and its precondition. */
  readonly preconditions: readonly (readonly [index: number, precondition: Precondition])[];
}

/** Kinds of writes and values in the flat form. */
export const PUT = 0;
export const DELETE = 1;
export const ERASE = 2;
export const valueKinds = [
  'token',
  'identifier',
  'string',
  'date',
  'number',
  'quantity',
  'reference',
  'uri',
  'composite',
  'position',
] as const satisfies readonly IndexValue['kind'][];

/** Numbers of `version.method`. */
export const methods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Numbers of current parameters: type, then code. */
export type ParameterNumbers = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * Packs the writes from `start` up to `end`.
 * @throws Error for an entry of a parameter that the store wasn't opened with.
 */
export function packWrites(
  writes: readonly Write[],
  start: number,
  end: number,
  parameters: ParameterNumbers,
): PackedWrites {
  const fields: (string | number)[] = [];
  const entries: (string | number)[] = [];
  const preconditions: [number, Precondition][] = [];
  const chosen = writes.slice(start, end);
  let size = 0;
  for (const write of chosen) if (write.kind === 'put') size += write.body.head.length + write.body.tail.length;
  const bytes = new Uint8Array(size);
  let offset = 0;
  chosen.forEach((write, index) => {
    if (write.kind !== 'erase' && write.precondition !== undefined) preconditions.push([index, write.precondition]);
    if (write.kind !== 'put') {
      fields.push(write.kind === 'delete' ? DELETE : ERASE, write.type, write.id);
      return;
    }
    const { head, tail } = write.body;
    bytes.set(head, offset);
    bytes.set(tail, offset + head.length);
    offset += head.length + tail.length;
    const before = entries.length;
    packResource(entries, write.type, write, parameters);
    const length = entries.length - before;
    fields.push(PUT, write.type, write.id, methods.indexOf(write.method), head.length, tail.length, length);
  });
  return { count: chosen.length, fields, entries, bytes, preconditions };
}

/** Appends a resource's entries and those of what it contains. */
export function packResource(
  fields: (string | number)[],
  type: string,
  { entries, contained = [] }: Entries,
  parameters: ParameterNumbers,
): void {
  packEntries(fields, type, entries, parameters);
  fields.push(contained.length);
  for (const each of contained) {
    const of = containedType(each.type);
    fields.push(of, each.id);
    packEntries(fields, of, each.entries, parameters);
  }
}

/**
 * Appends a resource's entries: their count, then for each the parameter's number and the value. Entries of contained
 * resources have the negative of their parameter's number, which keeps their rows apart from those of others.
 */
export function packEntries(
  fields: (string | number)[],
  type: string,
  entries: readonly IndexEntry[],
  parameters: ParameterNumbers,
): void {
  const numbers = parameters.get(resourceTypeOf(type));
  const sign = isContained(type) ? -1 : 1;
  fields.push(entries.length);
  for (const entry of entries) {
    const number = numbers?.get(entry.parameter);
    if (number === undefined) throw new Error(`the store was opened without the parameter ${type}.${entry.parameter}`);
    fields.push(sign * number);
    packValue(fields, entry.value);
  }
}

function packValue(fields: (string | number)[], value: IndexValue): void {
  switch (value.kind) {
    case 'token':
      fields.push(0, value.system, value.value);
      break;
    case 'identifier':
      fields.push(1, value.system, value.value);
      break;
    case 'string':
      fields.push(2, value.norm, value.exact ?? '');
      break;
    case 'date':
      fields.push(3, value.low, value.high);
      break;
    case 'number':
      fields.push(4, value.low, value.high);
      break;
    case 'quantity':
      fields.push(5, value.system, value.code, value.unit, value.low, value.high);
      break;
    case 'reference':
      fields.push(6, value.type, value.id, value.version);
      break;
    case 'uri':
      fields.push(7, value.value);
      break;
    case 'composite':
      fields.push(8, value.components.length);
      for (const component of value.components) packValue(fields, component);
      break;
    case 'position':
      fields.push(9, value.latitude, value.longitude);
  }
}

/** Reads the flat form from front to back. */
export class FieldReader {
  readonly #fields: readonly (string | number)[];
  #place = 0;

  constructor(fields: readonly (string | number)[]) {
    this.#fields = fields;
  }

  number(): number {
    const value = this.#fields[this.#place++];
    if (typeof value !== 'number') throw new Error('a number is missing in a packed write');
    return value;
  }

  skip(count: number): void {
    this.#place += count;
  }

  text(): string {
    const value = this.#fields[this.#place++];
    if (typeof value !== 'string') throw new Error('a text is missing in a packed write');
    return value;
  }
}
