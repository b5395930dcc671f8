/**
 * The format of packed audit records. https://hl7.org/fhir/R4/auditevent.html
 *
 * A part stands for itself: a count, fields (which compress well) and raw bytes (which don't). For each record the
 * fields hold the number of its shape (everything that repeats, and how the rest is spelled; 0: a new shape follows),
 * the milliseconds since the record before, and what the shape's flags say of id, request id, entity, patient and query.
 * The raw bytes hold new UUIDs of entity, patient and request, and last of each record a running check over all bytes
 * so far, which tells which record was changed.
 */
import type { AuditRecord } from '../audit-record.ts';

/** What many records have in common. */
export interface Shape {
  readonly flags: number;
  readonly subtype: string;
  readonly action: string;
  readonly outcome: string;
  readonly status: number;
  readonly agent: string;
  readonly address: string;
  readonly type: string;
}

/** How the rest of a record is spelled: values of the fields of `flags`. */
export const spelling = {
  /** A UUID that begins with `recorded`: `next` counts on from the record before; `jump`, `head`: other digits follow. */
  id: { next: 0, jump: 1, head: 2, text: 3 },
  /** `uuid`, `number` count on from the last one of their kind that began alike; `raw`: a UUID that doesn't. */
  request: { same: 0, uuid: 1, number: 2, raw: 3, text: 4 },
  entity: { none: 0, uuid: 1, text: 2, known: 3 },
  patient: { none: 0, entity: 1, same: 2, uuid: 3, text: 4, known: 5 },
  query: { none: 0, text: 1, known: 2 },
} as const;

/** The flags of a shape from five spellings. */
export function flagsOf(id: number, request: number, entity: number, patient: number, query: number): number {
  return id | (request << 2) | (entity << 5) | (patient << 7) | (query << 10);
}

export const idFlag = (flags: number): number => flags & 3;
export const requestFlag = (flags: number): number => (flags >>> 2) & 7;
export const entityFlag = (flags: number): number => (flags >>> 5) & 3;
export const patientFlag = (flags: number): number => (flags >>> 7) & 7;
export const queryFlag = (flags: number): number => (flags >>> 10) & 3;

/** The state of the running check before the first record of a part. */
export const checkStart = 0x811c9dc5;

/** One step of the running check. */
export function checkStep(state: number, byte: number): number {
  return Math.imul(state ^ byte, 0x01000193);
}

/** The byte that is stored of the check's state. */
export function checkByte(state: number): number {
  return (state ^ (state >>> 15) ^ (state >>> 24)) & 255;
}

const digit0 = 48;
const digit9 = 57;
const letterA = 97;
const letterZ = 122;
/** Digits of a number in a request id at most: 36^10 is below 2^52. */
const longestNumber = 10;

/**
 * The place behind the last `-` of a request id that ends in a number to the base 36, as in `aB3-1k9`; -1 where the
 * number is written in any other way than `toString(36)` writes it.
 */
export function numberStart(text: string): number {
  const start = text.lastIndexOf('-') + 1;
  const size = text.length - start;
  if (start === 0 || size === 0 || size > longestNumber) return -1;
  if (size > 1 && text.charCodeAt(start) === digit0) return -1;
  for (let n = start; n < text.length; n++) if (base36(text.charCodeAt(n)) < 0) return -1;
  return start;
}

/** The number that begins there. */
export function numberAt(text: string, start: number): number {
  let value = 0;
  for (let n = start; n < text.length; n++) value = value * 36 + base36(text.charCodeAt(n));
  return value;
}

function base36(code: number): number {
  if (code >= digit0 && code <= digit9) return code - digit0;
  return code >= letterA && code <= letterZ ? code - letterA + 10 : -1;
}

/** Whether a record has a shape, apart from its flags. */
export function hasShape(shape: Shape, record: AuditRecord): boolean {
  return (
    shape.type === record.type &&
    shape.subtype === record.subtype &&
    shape.status === record.status &&
    shape.outcome === record.outcome &&
    shape.action === record.action &&
    shape.agent === record.agent &&
    shape.address === record.address
  );
}
