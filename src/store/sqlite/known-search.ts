/** What was found out of a search, for when it comes again: its parts, which know their first matches, and its total. https://hl7.org/fhir/R4/search.html */
import type { TypeQuery } from '../port.ts';
import type { Part } from './part.ts';

export interface KnownSearch {
  /** What reads the current state; only walks' first pages, since a later one tells a part what led it. */
  parts?: readonly Part[];
  /** The same for matches that are given as one text. */
  spliced?: readonly Part[];
  /** By how far it was counted. */
  readonly totals: Map<number, number>;
}

/** The compiled parts of a search; they are remembered in what is known of it. */
export function partsKnown(
  known: KnownSearch | undefined,
  spliced: boolean,
  compile: () => readonly Part[],
): readonly Part[] {
  const before = spliced ? known?.spliced : known?.parts;
  if (before !== undefined) return before;
  const parts = compile();
  if (known !== undefined) known[spliced ? 'spliced' : 'parts'] = parts;
  return parts;
}

const keys = new WeakMap<readonly TypeQuery[], string>();

/** A text that names what is searched. A query that is parsed once comes again as the same object. */
export function keyOf(queries: readonly TypeQuery[]): string {
  const known = keys.get(queries);
  if (known !== undefined) return known;
  const key = JSON.stringify(queries);
  keys.set(queries, key);
  return key;
}
