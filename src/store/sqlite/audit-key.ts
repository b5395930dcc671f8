/**
 * Hashes of what audit records name, for the index of batches. They are stored: changing one needs a migration.
 * https://hl7.org/fhir/R4/auditevent.html#search
 */
import type { UuidParts } from './audit-uuid.ts';
import { parseUuid } from './audit-uuid.ts';

/** What a key is about. `id` only for ids that don't tell when they were made. */
export type KeyKind = 'agent' | 'subtype' | 'action' | 'outcome' | 'entity' | 'patient' | 'id';

const seeds: Readonly<Record<KeyKind, number>> = {
  agent: 0x1b873593,
  subtype: 0x2c1b3c6d,
  action: 0x3ad8025f,
  outcome: 0x4cf5ad43,
  entity: 0x5bd1e995,
  patient: 0x6b43a9b5,
  id: 0x7feb352d,
};

/** Spreads the bits of a 32-bit number (the last step of MurmurHash3). */
function spread(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A hash of a text, 32 bits without sign. */
export function textHash(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return spread(hash);
}

/** A hash of a UUID's parts. */
export function uuidHash(time: number, head: number, tail: number): number {
  const mixed = Math.imul(time | 0, 0x9e3779b1) ^ Math.imul((time / 65536) | 0, 0x85ebca77);
  const more =
    Math.imul(head | 0, 0xc2b2ae3d) ^ Math.imul(tail | 0, 0x27d4eb2f) ^ Math.imul((tail / 65536) | 0, 0x165667b1);
  return spread(mixed ^ more);
}

const scratch: UuidParts = { time: 0, head: 0, tail: 0 };

/** A hash of a logical id. */
export function idHash(id: string): number {
  return parseUuid(id, scratch) ? uuidHash(scratch.time, scratch.head, scratch.tail) : textHash(id);
}

/** The key of an agent, subtype, action, outcome, or of an odd id. */
export function textKey(kind: 'agent' | 'subtype' | 'action' | 'outcome' | 'id', text: string): number {
  return textHash(text, seeds[kind]);
}

/** The key of an entity: the hash of its type (`textHash`) and of its id (`idHash`). */
export function entityKey(typeHash: number, id: number): number {
  return spread(Math.imul(typeHash, 31) ^ id ^ seeds.entity);
}

/** The key of a patient by the hash of its id. */
export function patientKey(id: number): number {
  return spread(id ^ seeds.patient);
}
