/** What faults say of the JSON they found: its type, never its value. https://hl7.org/fhir/R4/json.html */
import { distance } from 'fastest-levenshtein';
import { isArray, type JsonValue } from '../fhir/resource.ts';

/** `an object`, `an empty string`, `null` … */
export function found(value: JsonValue): string {
  if (value === null) return 'null';
  if (isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (value === '') return 'an empty string';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Longer names are no misspelling, and would make the comparison slow. */
const MAX_NAME = 64;

/** A property's name as it may stand in a message. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name);
}

/** Whether a name can be part of a FHIRPath without quotes. */
export function isIdentifier(name: string): boolean {
  return name.length <= MAX_NAME && /^_?[A-Za-z][A-Za-z0-9]*$/.test(name);
}

/** The known name that is most like a misspelt one, if one is like it. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME) return undefined;
  const folded = name.toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(folded, candidate.toLowerCase());
    if (steps >= least) continue;
    best = candidate;
    least = steps;
  }
  return best;
}
