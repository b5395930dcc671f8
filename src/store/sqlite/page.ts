/** A page of one or several types, and the positions beside it. https://hl7.org/fhir/R4/http.html#paging */
import type { Version } from '../port.ts';
import type { Hit } from './hits.ts';
import { compareKeys, type Key } from './keyset.ts';
import type { Part } from './part.ts';

/** What a page shows, with the keys of its first and last match. */
export interface PageOfHits {
  readonly versions: readonly Version[];
  readonly first: Key | undefined;
  readonly last: Key | undefined;
  /** Whether there are matches beyond the page in the direction it was read. */
  readonly more: boolean;
}

interface Found {
  readonly hit: Hit;
  readonly part: Part;
  readonly key: Key;
}

/** Reads a page: `count` matches after the key, or before it when going backwards, always in the walk's order. */
export function readPage(
  parts: readonly Part[],
  sorted: boolean,
  after: Key | undefined,
  backwards: boolean,
  count: number,
): PageOfHits {
  const limit = count + 1;
  const found = sorted ? readMerged(parts, after, backwards, limit) : readInTurn(parts, after, backwards, limit);
  const shown = found.slice(0, count);
  if (backwards) shown.reverse();
  return {
    versions: versionsOf(shown),
    first: shown[0]?.key,
    last: shown.at(-1)?.key,
    more: found.length > count,
  };
}

/** Sorted: the parts' matches merged by their sort values. */
function readMerged(parts: readonly Part[], after: Key | undefined, backwards: boolean, limit: number): Found[] {
  const lists = parts.map((part) => part.read(after, backwards, limit).map((hit) => ({ hit, part, key: hit.key })));
  const filled = lists.filter((list) => list.length > 0);
  const order = parts[0]?.order ?? [];
  const sign = backwards ? -1 : 1;
  const merged = filled.flat();
  if (filled.length > 1) merged.sort((a, b) => sign * compareKeys(order, a.key, b.key));
  return merged.slice(0, limit);
}

/** Unsorted: one part after the other. A key begins with the part's place and what led each part so far. */
function readInTurn(parts: readonly Part[], after: Key | undefined, backwards: boolean, limit: number): Found[] {
  const [place, leads, ...rest] = after ?? [];
  const known = typeof leads === 'string' ? leads.split(' ') : [];
  parts.forEach((part, index) => {
    const lead = known[index];
    if (lead !== undefined && lead !== '') part.lead = Number(lead);
  });
  const begin = after === undefined ? undefined : Number(place);
  const found: Found[] = [];
  const places = parts.map((_, index) => index);
  for (const index of backwards ? places.reverse() : places) {
    const part = parts[index];
    if (part === undefined) continue;
    if (begin !== undefined && (backwards ? index > begin : index < begin)) continue;
    const hits = part.read(index === begin ? rest : undefined, backwards, limit - found.length);
    for (const hit of hits) found.push({ hit, part, key: [index, ...hit.key] });
    if (found.length >= limit) break;
  }
  const leading = parts
    .map(({ lead }) => lead ?? '')
    .join(' ')
    .trimEnd();
  return found.map(({ key: [index = null, ...key], ...each }) => ({ ...each, key: [index, leading, ...key] }));
}

function versionsOf(found: readonly Found[]): readonly Version[] {
  return found.flatMap(({ hit, part }) => hit.version ?? part.versions([hit]));
}
