/** Walks: the states that they show, and the places of their pages. https://hl7.org/fhir/R4/http.html#paging */
import type { Position, SearchPage } from '../port.ts';
import type { Snapshot } from './clock.ts';
import { versionsOf } from './hits.ts';
import type { Key } from './keyset.ts';
import type { PageOfHits } from './page.ts';
import type { State } from './state.ts';

/** What all pages of a walk have. */
export interface Walk {
  /** The state that it shows. */
  readonly snapshot: Snapshot;
  /** When its first page was read, in milliseconds since 1970. */
  readonly since: number;
  /** The total of its first page, where it was counted. */
  readonly total: number | undefined;
}

/** Where a page begins, which way it was read; without a key at the walk's beginning. */
export interface Place {
  readonly key: Key | undefined;
  readonly direction: Position['direction'];
}

/** The walk's beginning. */
export const beginning: Place = { key: undefined, direction: 'next' };

/** A page with its versions, and with the places of those around it. */
export async function pageOf(
  { hits, more }: PageOfHits,
  state: State,
  { key, direction }: Place,
  { snapshot, since, total }: Walk,
): Promise<SearchPage> {
  const backwards = direction === 'previous';
  const [first, last] = [hits[0], hits.at(-1)];
  const next = (backwards ? true : more) && last !== undefined;
  const previous = (backwards ? more : key !== undefined) && first !== undefined;
  const place = (way: Position['direction'], at: Key): Position => {
    return { at: snapshot.at, since, total, direction: way, key: [exceptText(snapshot), ...at] };
  };
  return {
    matches: await versionsOf(hits, state),
    total,
    first: next || previous || key !== undefined ? place('next', []) : undefined,
    next: next ? place('next', last.key) : undefined,
    previous: previous ? place('previous', first.key) : undefined,
  };
}

/** The walk that a position is of, and the place that it is. */
export function placeOf({ at, since, total, direction, key = [] }: Position): {
  readonly walk: Walk;
  readonly place: Place;
} {
  const [text, ...rest] = key;
  const except =
    typeof text === 'string' && text !== '' ? text.split(' ').map((first) => Number.parseInt(first, 36)) : [];
  return {
    walk: { snapshot: { at, except }, since, total },
    place: { key: rest.length === 0 ? undefined : rest, direction },
  };
}

/** A walk's exceptions as they stand at the beginning of its keys. */
function exceptText({ except }: Snapshot): string {
  return except.map((first) => first.toString(36)).join(' ');
}

/** Whether nothing was written in this process from the one state to the other, nor in another as far as it is known. */
export function isSame(before: Snapshot, after: Snapshot): boolean {
  return before.at === after.at && before.except.length === 0 && after.except.length === 0;
}
