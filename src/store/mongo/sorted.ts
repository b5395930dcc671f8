/** Matches of one type in the order of what their documents have. https://hl7.org/fhir/R4/search.html#sort */
import type { Document } from 'mongodb';
import { type Condition, ofLive } from './compile/condition.ts';
import { allOf, always, type Filter, isNever } from './filter.ts';
import { type Hit, notDeleted, versionPaths } from './hits.ts';
import {
  absent,
  beyond,
  compareKeys,
  isFalling,
  type Key,
  keyValue,
  type OrderColumn,
  present,
  type Ties,
} from './keyset.ts';
import { projectionOf, withTest } from './projection.ts';
import { type Branch, type Found, idOf, type State } from './state.ts';

/** What is read of a type. */
export interface Sorting {
  readonly state: State;
  readonly type: string;
  /** The part's place among the parts of the search. */
  readonly place: number;
  readonly condition: Condition;
  readonly columns: readonly OrderColumn[];
  /** Whether to read the versions together with their places. */
  readonly bodies: boolean;
}

/** Where a page begins, which way it goes, and how many matches it takes. */
export interface Span {
  readonly after: Key | undefined;
  readonly backwards: boolean;
  readonly limit: number;
}

/** Documents that are read at most before it is looked whether enough have passed. */
const mostAtOnce = 1000;

/** The first matches of a type beyond the span's beginning, in the columns' order (backwards: the reverse). */
export async function readSorted(sorting: Sorting, span: Span): Promise<readonly Hit[]> {
  const { state, condition, columns } = sorting;
  if (isNever(condition.filter)) return [];
  const found: Hit[] = [];
  const seen = new Set<string>();
  for (const branch of state.branches) {
    for (const hit of await readBranch(sorting, branch, span)) {
      // What is replaced between the two reads is in both.
      if (seen.has(hit.id)) continue;
      seen.add(hit.id);
      found.push(hit);
    }
  }
  if (state.branches.length === 1) return found;
  const sign = span.backwards ? -1 : 1;
  return found.sort((a, b) => sign * compareKeys(columns, a.key, b.key)).slice(0, span.limit);
}

/** Documents that are read in an order of their own, before or after others. */
interface Stage {
  readonly filter: Filter;
  readonly columns: readonly OrderColumn[];
  /** The columns for the place to begin after, of which the stage's are a part. */
  beyond(values: Key, ties: Ties, backwards: boolean): Filter;
}

async function readBranch(sorting: Sorting, branch: Branch, span: Span): Promise<readonly Hit[]> {
  const columns = sorting.columns.map((column) => ofBranch(column, branch));
  const stages = stagesOf(columns);
  const hits: Hit[] = [];
  for (const stage of span.backwards ? stages.reverse() : stages) {
    hits.push(...(await readStage(sorting, branch, stage, { ...span, limit: span.limit - hits.length })));
    if (hits.length >= span.limit) break;
  }
  return hits;
}

/** What has a value of the only column and what hasn't are read apart, so that an index on it has their order. */
function stagesOf(columns: readonly OrderColumn[]): Stage[] {
  const [only] = columns;
  if (only === undefined || columns.length > 1 || !only.nullable || only.descending || only.path === undefined) {
    return [{ filter: always, columns, beyond: (values, ties, backwards) => beyond(columns, values, ties, backwards) }];
  }
  const having = { ...only, nullable: false };
  return [
    {
      filter: present(only),
      columns: [having],
      beyond: (values, ties, backwards) => {
        const [value = null] = values;
        // All of them come before what hasn't a value.
        if (value === null) return backwards ? always : beyond([having], values, 'none', false);
        return beyond([having], values, ties, backwards);
      },
    },
    {
      filter: absent(only),
      columns: [],
      beyond: ([value = null], ties, backwards) => {
        if (value === null) return beyond([], [], ties, backwards);
        return beyond([], [], backwards ? 'none' : 'all', backwards);
      },
    },
  ];
}

async function readStage(sorting: Sorting, branch: Branch, stage: Stage, span: Span): Promise<readonly Hit[]> {
  const { state, type, place, condition, columns, bodies } = sorting;
  const { backwards, limit } = span;
  const paths = columns.flatMap(({ path }) => path ?? []);
  const { sort, marks } = orderOf(stage.columns, isFalling(columns), branch, backwards);
  const whole = bodies && marks === undefined;
  const projection = withTest(projectionOf(['version', ...paths, ...(whole ? versionPaths : [])]), condition);
  const hits: Hit[] = [];
  let { after } = span;
  // Where documents are still to be tested, so many are read that likely enough pass.
  let size = condition.exact && branch === 'current' ? limit : Math.min(2 * limit + 20, mostAtOnce);
  for (;;) {
    const from = after === undefined ? always : begin(stage, after, columns.length, place, branch, columns, backwards);
    const filter = allOf([ofLive(condition), stage.filter, from]);
    if (isNever(filter)) return hits;
    const read = await state.find(type, branch, { filter, sort, limit: size, projection, marks });
    const passing: Found[] = [];
    for (const document of read) if (await state.passes(type, condition, document)) passing.push(document);
    const shown = branch === 'history' ? await notDeleted(passing, type, state) : passing;
    for (const document of shown) {
      if (hits.length < limit) hits.push(hitOf(sorting, document, whole));
    }
    const last = read.at(-1);
    if (hits.length >= limit || last === undefined || read.length < size) return hits;
    after = hitOf(sorting, last, false).key;
    size = Math.min(4 * size, mostAtOnce);
  }
}

/** A match with its place: a value for each column, the part's place, the id. */
function hitOf({ type, place, columns }: Sorting, document: Found, whole: boolean): Hit {
  const id = idOf(document);
  const values = columns.map(({ path }) => (path === '_id' ? id : keyValue(document, path)));
  const hit = { key: [...values, place, id], type, id, version: document.version ?? 0 };
  return whole ? { ...hit, document } : hit;
}

function begin(
  stage: Stage,
  key: Key,
  count: number,
  place: number,
  branch: Branch,
  columns: readonly OrderColumn[],
  backwards: boolean,
): Filter {
  const values = key.slice(0, count);
  const [part, id] = [Number(key[count]), String(key[count + 1])];
  const same = { path: idPath(branch), id, falling: isFalling(columns) };
  const ties: Ties = part === place ? same : part < place === !backwards ? 'all' : 'none';
  return stage.beyond(values, ties, backwards);
}

/** How a branch is sorted. */
interface Order {
  readonly sort: Record<string, 1 | -1>;
  readonly marks?: Readonly<Record<string, Document>>;
}

function orderOf(columns: readonly OrderColumn[], falling: boolean, branch: Branch, backwards: boolean): Order {
  const known = columns.filter(({ path }) => path !== undefined);
  // What is missing comes first in MongoDB's rising order: it needs a mark to come last.
  const marked = known.some(({ nullable, descending }) => nullable && !descending);
  const sort: Record<string, 1 | -1> = {};
  const marks: Record<string, Document> = {};
  known.forEach(({ path = '', descending, nullable }, place) => {
    if (marked && nullable && sort[path] === undefined) {
      marks[`missing${place}`] = { $cond: [{ $gt: [`$${path}`, null] }, 0, 1] };
      sort[`missing${place}`] = backwards ? -1 : 1;
    }
    // What is sorted by twice has its order from the first time.
    sort[path] ??= descending === backwards ? 1 : -1;
  });
  sort[idPath(branch)] ??= falling === backwards ? 1 : -1;
  return marked ? { sort, marks } : { sort };
}

function ofBranch(column: OrderColumn, branch: Branch): OrderColumn {
  return column.path === '_id' ? { ...column, path: idPath(branch) } : column;
}

function idPath(branch: Branch): string {
  return branch === 'current' ? '_id' : '_id.id';
}
