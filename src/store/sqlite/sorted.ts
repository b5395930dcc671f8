/**
 * Walks with `_sort`: either in the order of an index on the first key, or by sorting all matches, whichever reads
 * less. Both give the same order, so that any page may be read either way. https://hl7.org/fhir/R4/search.html#sort
 */
import { type Condition, type Context, indexed, isImpossible, type Range, type Subject } from './compile/condition.ts';
import { type Destination, destinations, type From, leadingNowhere, leadingTo } from './compile/leading.ts';
import { ofPatterns } from './compile/missing.ts';
import { ofCodes } from './compile/token.ts';
import { type Branch, collected, countsByIndex, frameOf, type Walk } from './frame.ts';
import type { Hit, HitReader, Source, Span } from './hits.ts';
import type { Key, OrderColumn } from './keyset.ts';
import type { Choice, Probes } from './probe.ts';
import { type CodeGroup, type IndexScan, type ScanRange, scanOf } from './scan.ts';
import type { SortColumn } from './sort-key.ts';
import { always, never, raw, type Sql, sql } from './sql.ts';
import { readByNumber } from './unsorted.ts';

/** What reading a sorted part needs. */
export interface Sorting {
  readonly reader: HitReader;
  readonly context: Context;
  readonly probes: Probes;
  /** Hits up to which all are sorted. */
  readonly most: number;
}

/** Matches of one type in the order of the columns, then of their numbers. The key has a value for each column. */
export function readSorted(
  sorting: Sorting,
  conditions: readonly Condition[],
  columns: readonly SortColumn[],
  span: Span,
): readonly Hit[] {
  const { reader, probes, most } = sorting;
  const [first, ...rest] = columns;
  if (first === undefined) return readByNumber(reader, conditions, probes, most, span);
  const choice = probes.choose(conditions);
  const chosen = choice.place === undefined ? undefined : conditions[choice.place];
  if (choice.hits >= most || (chosen !== undefined && isReadInOrder(chosen, first, choice.hits))) {
    const own = first.number === undefined ? undefined : conditions.find((condition) => isOn(condition, first));
    const scan = scanOf(first, rest.length === 0, sorting.context, own);
    if (scan?.kind === 'index') return readPresent(sorting, conditions, columns, scan, own, span);
    if (scan?.kind === 'codes') return readCodes(sorting, conditions, columns, scan.groups, span);
    if (scan?.kind === 'destinations') return readDestinations(sorting, conditions, columns, scan.number, span);
  }
  return readAll(sorting, conditions, columns, choice, span);
}

/** All matches, sorted. */
function readAll(
  { reader }: Sorting,
  conditions: readonly Condition[],
  columns: readonly SortColumn[],
  { place }: Choice,
  span: Span,
): readonly Hit[] {
  const leading = (place === undefined ? undefined : conditions[place]) ?? everything;
  const others = conditions.filter((condition) => condition !== leading);
  const range = ofIndexRows(leading, others, columns);
  return reader.read((branch) => {
    if (range !== undefined && branch === 'current' && reader.walk.at === undefined)
      return [bareSource(range, others, columns, reader.walk)];
    const frame = collected(leading, branch, reader.walk);
    const tests = others.map((condition) => condition.test(frame.subject));
    return [{ frame, tests, columns: columns.flatMap((column) => ordered(column, frame.subject)), order: 'none' }];
  }, span);
}

/** The stretch whose rows are the matches, each once, where neither tests nor values are of the resource itself. */
function ofIndexRows(
  { drive }: Condition,
  others: readonly Condition[],
  columns: readonly SortColumn[],
): Range | undefined {
  if (drive === undefined || !drive.unique || drive.ranges.length !== 1 || !countsByIndex(drive, others))
    return undefined;
  return columns.every(({ number }) => number !== undefined) ? drive.ranges[0] : undefined;
}

/** The same matches without their resources: only those that a page shows are looked up, after they were sorted. */
function bareSource(range: Range, others: readonly Condition[], columns: readonly SortColumn[], walk: Walk): Source {
  const frame = frameOf(range, 'current', walk, true);
  const tests = others.map((condition) => condition.test(frame.subject));
  const [first, ...rest] = columns;
  const row = first?.row;
  if (first?.number === undefined || row === undefined)
    return {
      frame,
      tests,
      columns: columns.flatMap((column) => ordered(column, frame.subject)),
      order: 'none',
      bare: true,
    };
  // Where a resource has but one row, a join finds all that is needed of it at once.
  const from = sql`${frame.from} LEFT JOIN ${raw(indexed('', row.table, 'by_resource', 'o'))}
    ON o.rid = d.rid AND o.param = ${first.number}`;
  const { descending, nullable } = first;
  const leading = row.columns.map((name): OrderColumn => ({ value: raw(`o.${name}`), descending, nullable }));
  const later = rest.flatMap((column) => ordered(column, frame.subject));
  return { frame: { ...frame, from }, tests, columns: [...leading, ...later], order: 'none', bare: true };
}

/** Matches that have a value of the first key by its index, then those without. */
function readPresent(
  sorting: Sorting,
  conditions: readonly Condition[],
  columns: readonly SortColumn[],
  scan: IndexScan,
  own: Condition | undefined,
  span: Span,
): readonly Hit[] {
  const { reader } = sorting;
  const [first, ...rest] = columns;
  if (first === undefined) return [];
  const { ranges, column, best, found } = scan;
  const tested = conditions.filter((condition) => condition !== found);
  // Where a page needs numbers alone, the rows of the index have them.
  const numbers =
    reader.onlyNumbers &&
    tested.every(({ usesResource }) => !usesResource) &&
    rest.every(({ number }) => number !== undefined);
  const source = (range: ScanRange, branch: Branch, part: Span): Source => {
    const bare = numbers && range.table !== 'entity';
    const frame = frameOf(range, branch, reader.walk, bare);
    const tests: Sql[] = [...tested.map((condition) => condition.test(frame.subject)), best(frame.subject.prefix)];
    const [value, ...others] = range.columns ?? [];
    const { descending } = first;
    const leading = value === undefined ? scanned(first, column, branch) : raw(`d.${value}`);
    const ties = first.ties.map((tie, place): OrderColumn => {
      return { value: raw(`d.${others[place] ?? tie.column}`), descending, nullable: false };
    });
    const later = rest.flatMap((each) => ordered(each, frame.subject));
    const inOrder = rest.length === 0 ? 'index' : 'blocks';
    return {
      frame,
      tests,
      columns: [{ value: leading, descending, nullable: false }, ...ties, ...later],
      order: range.unsorted === true ? 'none' : inOrder,
      whole: isBeyond(range, part, descending),
      bare,
    };
  };
  const possible = ranges.filter(({ where }) => where !== never);
  const present = (part: Span) => reader.read((branch) => possible.map((range) => source(range, branch, part)), part);
  // Whatever passes a condition on the sorted value has one.
  if (own !== undefined) return present(span);
  const absent = (part: Span) => readMissing(sorting, conditions, columns, part);
  const stages: readonly Stage[] = first.nullable
    ? [
        { holds: (key) => key[0] !== null, read: present },
        { holds: (key) => key[0] === null, read: absent },
      ]
    : [{ holds: () => true, read: present }];
  return inStages(stages, span);
}

/**
 * Whether a stretch lies wholly beyond the place where a page begins. Of two bounds of the same end SQLite seeks the first, so that it would
 * read all that lies between them.
 */
function isBeyond({ extent }: ScanRange, { after, backwards }: Span, descending: boolean): boolean {
  const at = after?.[0];
  if (extent === undefined || typeof at !== 'number') return false;
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = extent;
  return descending === backwards ? at < from : at > to;
}

/** The scan's column; kept versions have no id of their own. */
function scanned(first: SortColumn, column: Sql, branch: Branch): Sql {
  if (first.key.by !== 'id') return column;
  return first.value({ prefix: branch === 'current' ? '' : 'kept_', row: 'r', number: column });
}

/** A part of a walk: whether a key lies in it, and how it is read. */
interface Stage {
  holds(key: Key): boolean;
  read(span: Span): readonly Hit[];
}

/** Reads stages one after the other, from that of the span's key on. */
function inStages(stages: readonly Stage[], span: Span): readonly Hit[] {
  const { after, backwards } = span;
  const order = backwards ? [...stages].reverse() : stages;
  const begin = after === undefined ? 0 : order.findIndex((stage) => stage.holds(after));
  return inTurn(order.slice(Math.max(0, begin)), span);
}

/** Reads stages that follow each other, none of which lies before the span's key. */
function inTurn(stages: Iterable<Stage>, span: Span): readonly Hit[] {
  const { after, limit } = span;
  const hits: Hit[] = [];
  for (const stage of stages) {
    const from = after !== undefined && stage.holds(after) ? after : undefined;
    hits.push(...stage.read({ ...span, after: from, limit: limit - hits.length }));
    if (hits.length >= limit) break;
  }
  return hits;
}

/** Matches without a value of the first key, in the order of the others. */
function readMissing(
  sorting: Sorting,
  conditions: readonly Condition[],
  [first, ...rest]: readonly SortColumn[],
  span: Span,
): readonly Hit[] {
  const { context } = sorting;
  const missing = ofPatterns(context.lookUp.patterns(context.typeNumber, first?.number, false), context);
  if (isImpossible(missing)) return [];
  const nothing = [null, ...(first?.ties ?? []).map(() => null)];
  return readSorted(sorting, [...conditions, missing], rest, within(span, nothing));
}

/** Matches by the text of their least (or greatest) code, then those without one. */
function readCodes(
  sorting: Sorting,
  conditions: readonly Condition[],
  columns: readonly SortColumn[],
  groups: readonly CodeGroup[],
  span: Span,
): readonly Hit[] {
  const [first, ...rest] = columns;
  const by = first?.key.by;
  if (first?.number === undefined || by === undefined || typeof by === 'string' || !('code' in by)) return [];
  const { number, descending } = first;
  const texts = new Set(groups.map(({ text }) => text));
  // The code of the last page may have gone since: its place is still between others.
  const gone =
    typeof span.after?.[0] === 'string' && !texts.has(span.after[0]) ? [{ text: span.after[0], codes: [] }] : [];
  const sign = descending ? -1 : 1;
  const all = gone.length === 0 ? groups : [...groups, ...gone].sort((a, b) => sign * byBytes(a.text, b.text));
  const stages = all.map(({ text, codes }): Stage => {
    return {
      holds: (key) => key[0] === text,
      read: (part) => {
        if (codes.length === 0) return [];
        const condition = ofCodes(codes, number, by, descending ? '>' : '<', text);
        return readSorted(sorting, [...conditions, condition], rest, within(part, [text]));
      },
    };
  });
  const absent: Stage = {
    holds: (key) => key[0] === null,
    read: (part) => readMissing(sorting, conditions, columns, part),
  };
  return inStages([...stages, absent], span);
}

/** Destinations that are looked up at once: at first, and at most. Each look-up goes through all, so few times are best. */
const firstDestinations = 512;
const mostDestinations = 8192;

/** Matches by the text of their least (or greatest) reference, then those without one. */
function readDestinations(
  sorting: Sorting,
  conditions: readonly Condition[],
  columns: readonly SortColumn[],
  number: number,
  span: Span,
): readonly Hit[] {
  const [first, ...rest] = columns;
  const by = first?.key.by;
  if (first === undefined || by === undefined || typeof by === 'string' || !('code' in by)) return [];
  const { context } = sorting;
  const { after, backwards } = span;
  const rising = first.descending === backwards;
  const at = after?.[0];
  const among = (destination: Destination): Stage => ({
    holds: (key) => key[0] === destination.text,
    read: (part) => {
      const condition = leadingTo(destination, number, by, first.descending ? '>' : '<');
      return readSorted(sorting, [...conditions, condition], rest, within(part, [destination.text]));
    },
  });
  const nowhere: Stage = {
    holds: (key) => key[0] === null,
    read: (part) => {
      const condition = leadingNowhere(number, context);
      if (isImpossible(condition)) return [];
      return readSorted(sorting, [...conditions, condition], rest, within(part, [null]));
    },
  };
  function* present(): Iterable<Stage> {
    let from: From | undefined = typeof at === 'string' ? { text: at, closed: true } : undefined;
    for (let most = firstDestinations; ; most = Math.min(8 * most, mostDestinations)) {
      const found = destinations(number, from, rising, most, context);
      for (const destination of found) yield among(destination);
      const last = found.at(-1);
      if (last === undefined || found.length < most) return;
      from = { text: last.text, closed: false };
    }
  }
  function* stages(): Iterable<Stage> {
    if (backwards && typeof at !== 'string') yield nowhere;
    if (backwards || at !== null) yield* present();
    if (!backwards) yield nowhere;
  }
  return inTurn(stages(), span);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The span for the keys after the first, whose values are given. */
function within(span: Span, values: Key): Span {
  return { ...span, prefix: [...span.prefix, ...values], after: span.after?.slice(values.length) };
}

function ordered({ value, ties, descending, nullable }: SortColumn, subject: Subject): readonly OrderColumn[] {
  return [{ value }, ...ties].map((each) => ({ value: each.value(subject), descending, nullable }));
}

/** Quantities up to which to sort them costs less than to read each unit's in its order. */
const fewQuantities = 1024;

/** Whether what the condition finds is read in the order of the column: dates however few, quantities where they aren't. */
function isReadInOrder(condition: Condition, column: SortColumn, hits: number): boolean {
  if (!isOn(condition, column)) return false;
  if (condition.drive?.boxesIn !== undefined) return hits >= fewQuantities;
  return (condition.drive?.inOrder?.(column.descending ? 'high' : 'low').length ?? 0) > 0;
}

/** Whether the condition is one on the only value of the sorted parameter. */
function isOn({ drive }: Condition, { number }: SortColumn): boolean {
  return drive?.single !== undefined && drive.single === number;
}

const everything: Condition = { test: () => always, usesResource: false };
