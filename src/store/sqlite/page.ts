/** A page of one or several types, and the places of its first and last match. https://hl7.org/fhir/R4/http.html#paging */
import type { Around, Spliced, Version } from '../port.ts';
import { type Hit, keyOf } from './hits.ts';
import { compareKeys, type Key } from './keyset.ts';
import type { Part } from './part.ts';

/** What a page shows, with the keys of its first and last match. */
export interface PageOfHits {
  /** How many matches it shows. */
  readonly size: number;
  /** None where they are in `spliced`. */
  readonly versions: readonly Version[];
  /** The matches as one text. */
  readonly spliced?: Spliced | undefined;
  readonly first: Key | undefined;
  readonly last: Key | undefined;
  /** The place before the first match of the walk: an unsorted one is led there as it is here. */
  readonly beginning: Key | undefined;
  /** Whether there are matches beyond the page in the direction it was read. */
  readonly more: boolean;
}

/** Matches of one part. */
interface Found {
  readonly part: Part;
  readonly hits: readonly Hit[];
}

/**
 * Reads a page: `count` matches after the key, or before it when going backwards, always in the walk's order.
 * @param around what stands around matches that are wanted as one text: only for a single part.
 */
export function readPage(
  parts: readonly Part[],
  sorted: boolean,
  after: Key | undefined,
  backwards: boolean,
  count: number,
  around?: Around,
): PageOfHits {
  const found = (sorted ? readMerged : readInTurn)(parts, after, backwards, count + 1);
  const shown: Version[] = [];
  let first: Hit | undefined;
  let last: Hit | undefined;
  let more = false;
  let size = 0;
  let spliced: Spliced | undefined;
  for (const { part, hits } of found) {
    const taken = hits.length > count - size ? hits.slice(0, count - size) : hits;
    more ||= taken.length < hits.length;
    first ??= taken[0];
    last = taken.at(-1) ?? last;
    size += taken.length;
    if (around !== undefined && taken.length > 0)
      spliced = part.spliced(backwards ? [...taken].reverse() : taken, around);
    if (spliced === undefined) for (const version of part.versions(taken)) shown.push(version);
  }
  if (backwards) {
    shown.reverse();
    [first, last] = [last, first];
  }
  // What led each part so far belongs to the place in an unsorted walk.
  const leads = parts
    .map(({ lead }) => lead ?? '')
    .join(' ')
    .trimEnd();
  const place = (hit: Hit): Key => {
    const [index = null, ...key] = keyOf(hit);
    return sorted ? [index, ...key] : [index, leads, ...key];
  };
  return {
    size,
    versions: shown,
    spliced,
    first: first && place(first),
    last: last && place(last),
    beginning: sorted ? undefined : [null, leads],
    more,
  };
}

/** Whether a place is before the first match of its walk: where a match is, the key ends with its number. */
export function isBeginning(key: Key | undefined): boolean {
  return key === undefined || (key.length === 2 && key[0] === null && typeof key[1] === 'string');
}

/** Sorted: the parts' matches merged by their sort values. */
function readMerged(parts: readonly Part[], after: Key | undefined, backwards: boolean, limit: number): Found[] {
  const filled = parts
    .map((part) => ({ part, hits: part.read([], after, backwards, limit) }))
    .filter(({ hits }) => hits.length > 0);
  if (filled.length <= 1) return filled;
  const order = parts[0]?.order ?? [];
  const sign = backwards ? -1 : 1;
  return filled
    .flatMap(({ part, hits }) => hits.map((hit) => ({ part, hits: [hit], key: keyOf(hit) })))
    .sort((a, b) => sign * compareKeys(order, a.key, b.key))
    .slice(0, limit);
}

/** Unsorted: one part after the other. A key begins with the part's place and what led each part so far. */
function readInTurn(parts: readonly Part[], after: Key | undefined, backwards: boolean, limit: number): Found[] {
  const [place, leads, ...rest] = after ?? [];
  const known = typeof leads === 'string' ? leads.split(' ') : [];
  parts.forEach((part, index) => {
    const lead = known[index];
    if (lead !== undefined && lead !== '') part.lead = Number(lead);
  });
  const begin = isBeginning(after) ? undefined : Number(place);
  const found: Found[] = [];
  let left = limit;
  const places = parts.map((_, index) => index);
  for (const index of backwards ? places.reverse() : places) {
    const part = parts[index];
    if (part === undefined) continue;
    if (begin !== undefined && (backwards ? index > begin : index < begin)) continue;
    const hits = part.read([index], index === begin ? rest : undefined, backwards, left);
    if (hits.length > 0) found.push({ part, hits });
    left -= hits.length;
    if (left <= 0) break;
  }
  return found;
}
