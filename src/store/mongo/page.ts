/** A page of one or several types, and the places of its first and last match. https://hl7.org/fhir/R4/http.html#paging */
import type { Hit } from './hits.ts';
import { compareKeys, type Key } from './keyset.ts';
import type { Part } from './part.ts';
import type { Span } from './sorted.ts';

/** What a page shows. */
export interface PageOfHits {
  readonly hits: readonly Hit[];
  /** Whether there are matches beyond the page in the direction it was read. */
  readonly more: boolean;
}

/** Parts that are read at once. */
const most = 8;

/**
 * Reads a page: `count` matches after the key, or before it when going backwards, always in the walk's order.
 * @param together how many parts are read at once: in a transaction one.
 */
export async function readPage(
  parts: readonly Part[],
  sorted: boolean,
  after: Key | undefined,
  backwards: boolean,
  count: number,
  together = most,
): Promise<PageOfHits> {
  const span = { after, backwards, limit: count + 1 };
  const found = await (sorted ? readMerged(parts, span, together) : readInTurn(parts, span));
  const hits = found.slice(0, count);
  return { hits: backwards ? hits.reverse() : hits, more: found.length > count };
}

/** Sorted: the parts' matches merged by their sort values. */
async function readMerged(parts: readonly Part[], span: Span, together: number): Promise<Hit[]> {
  const lists: (readonly Hit[])[] = [];
  for (let n = 0; n < parts.length; n += together) {
    lists.push(...(await Promise.all(parts.slice(n, n + together).map((part) => part.read(span)))));
  }
  const columns = parts[0]?.columns ?? [];
  const sign = span.backwards ? -1 : 1;
  return lists
    .flat()
    .sort((a, b) => sign * compareKeys(columns, a.key, b.key))
    .slice(0, span.limit);
}

/** Unsorted: one part after the other. A key is the part's place and the id. */
async function readInTurn(parts: readonly Part[], span: Span): Promise<Hit[]> {
  const { after, backwards, limit } = span;
  const begin = after === undefined ? undefined : Number(after[0]);
  const found: Hit[] = [];
  for (const part of backwards ? parts.toReversed() : parts) {
    const { place } = part;
    if (begin !== undefined && (backwards ? place > begin : place < begin)) continue;
    const from = place === begin ? after : undefined;
    found.push(...(await part.read({ after: from, backwards, limit: limit - found.length })));
    if (found.length >= limit) break;
  }
  return found;
}
