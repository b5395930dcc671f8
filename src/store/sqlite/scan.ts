/** Indexes that have resources in the order of a sort key. https://hl7.org/fhir/R4/search.html#sort */
import type { Parameter } from '../../search/criteria.ts';
import type { DecimalKey } from '../../search/entry.ts';
import { type Condition, type Context, indexed, type Prefix, type Range } from './compile/condition.ts';
import { type Box, between, type Reach, reachOf } from './compile/interval.ts';
import { isSorted, quantityColumns, type SortColumn, type SortIndex, sortIndex } from './sort-key.ts';
import { all, always, negated, raw, type Sql, sql } from './sql.ts';

/** Stretches in the order of a column; what they have in common is that each row stands for a resource's sort value. */
export interface IndexScan {
  readonly kind: 'index';
  readonly ranges: readonly ScanRange[];
  readonly column: Sql;
  /** A condition whose rows the stretches have and no others, so that it needn't be tested. */
  readonly found?: Condition;
  /** Whether a row is the one that the resource is sorted by. */
  best(prefix: '' | 'kept_'): Sql;
}

export interface ScanRange extends Range {
  /** Whether its few rows have to be sorted. */
  readonly unsorted?: boolean;
  /** The value and what orders ties, where they aren't in the usual columns. */
  readonly columns?: readonly string[];
}

/** Codes by their text, each with the numbers of those that have it, in the order of the sort. */
export interface CodeScan {
  readonly kind: 'codes';
  readonly groups: readonly CodeGroup[];
}

export interface CodeGroup {
  readonly text: string;
  readonly codes: readonly number[];
}

/** References by what they lead to: `Type/id`. */
export interface DestinationScan {
  readonly kind: 'destinations';
  readonly number: number;
}

export type Scan = IndexScan | CodeScan | DestinationScan;

/** Distinct codes or units of a parameter beyond which it isn't scanned. */
const mostDistinct = 2000;
const mostUnits = 64;

/** How to read resources in the order of a key; undefined: only by sorting them. `own`: a condition on the value itself. */
export function scanOf(column: SortColumn, last: boolean, context: Context, own?: Condition): Scan | undefined {
  const { key, number } = column;
  const { by, descending } = key;
  if (by === 'id') return entityScan({ index: undefined, order: ['id'] });
  if (by === 'lastUpdated') return last ? entityScan({ index: 'by_change', order: ['vid'] }) : undefined;
  if (number === undefined || !('code' in by)) return undefined;
  if (by.kind === 'reference') return { kind: 'destinations', number };
  const found = sortIndex(by, descending);
  if (found === undefined) {
    return by.kind === 'token' ? codeScan(number, descending, context) : undefined;
  }
  if (found.table === 'quantity') return quantityScan(by, number, descending, context, own);
  const scan = tableScan(by, number, found, descending);
  return withinCondition(scan, own, descending) ?? scan;
}

function entityScan({ index, order }: Pick<Range, 'index' | 'order'>): IndexScan {
  const ranges: readonly Range[] = [{ table: 'entity', index, where: always, order, fixed: [] }];
  return { kind: 'index', ranges, column: raw(`r.${order[0] ?? 'rid'}`), best: () => always };
}

/** All rows of a parameter. */
function tableScan(
  { multiple }: Parameter,
  number: number,
  { table, index, columns }: SortIndex,
  descending: boolean,
): IndexScan {
  const tuple = (alias: string) => columns.map((column) => `${alias}.${column}`).join(', ');
  const before = raw(`(${tuple('x')}) ${descending ? '>' : '<'} (${tuple('d')})`);
  return {
    kind: 'index',
    ranges: [{ table, index, where: sql`d.param = ${number}`, order: columns, fixed: [] }],
    column: raw(`d.${columns[0] ?? 'rid'}`),
    best: (prefix) => {
      if (!multiple) return isSorted(table, 'd');
      const better = all([sql`x.rid = d.rid AND x.param = ${number} AND ${before}`, isSorted(table, 'x')]);
      const first = sql`NOT EXISTS (SELECT 1 FROM ${raw(indexed(prefix, table, 'by_resource', 'x'))} WHERE ${better})`;
      return all([isSorted(table, 'd'), first]);
    },
  };
}

/** The dates of a condition on the sorted parameter, so that nothing else is read. */
function withinCondition(scan: IndexScan, own: Condition | undefined, descending: boolean): IndexScan | undefined {
  const ranges = own?.drive?.inOrder?.(descending ? 'high' : 'low') ?? [];
  return own === undefined || ranges.length === 0 ? undefined : { ...scan, ranges, found: own };
}

/**
 * Quantities lie by unit, points and ranges by their lower end. Upwards they are read so, from where a condition begins, and the
 * few ranges that begin before that and reach into it are sorted. Downwards, by their upper ends, ranges have an index of their own.
 */
function quantityScan(
  by: Parameter,
  number: number,
  descending: boolean,
  context: Context,
  own: Condition | undefined,
): IndexScan | undefined {
  const units = distinct('quantity', 'unit', number, mostUnits, context);
  if (units === undefined) return undefined;
  const ranged = prefixesOf(context).some((prefix) => hasRanges(prefix, number, context));
  const columns = quantityColumns(descending);
  const scan = tableScan(by, number, { table: 'quantity', index: undefined, columns }, descending);
  const ranges = units.flatMap((unit): readonly ScanRange[] => {
    const boxes = own?.drive?.boxesIn?.(unit) ?? everything;
    if (boxes.length === 0) return [];
    const of = sql`d.param = ${number} AND d.unit = ${unit}`;
    const within = inReach(low, reachOf(boxes, 'point'));
    const order = ['low', 'unit', 'high'];
    const points = descending && ranged ? raw('d.low = d.high') : always;
    const read: ScanRange = {
      table: 'quantity',
      index: undefined,
      where: all([of, within, points]),
      order,
      fixed: [],
      columns: order,
    };
    if (!ranged || (!descending && within === always)) return [read];
    const ofRanges = all([of, raw('d.low < d.high'), inReach(high, reachOf(boxes, 'high'))]);
    if (descending)
      return [
        read,
        { table: 'quantity', index: 'ranged', where: ofRanges, order: ['high', 'low'], fixed: [], columns },
      ];
    const before = all([ofRanges, inReach(low, reachOf(boxes, 'low')), negated(within)]);
    return [read, { table: 'quantity', index: 'ranged', where: before, order, fixed: [], unsorted: true }];
  });
  return { ...scan, ranges };
}

/** All that there is. */
const everything: readonly Box<DecimalKey>[] = [{}];
const [low, high] = [raw('d.low'), raw('d.high')];

function inReach(end: Sql, { from, to }: Reach<DecimalKey>): Sql {
  return between(end, from, to);
}

/** Whether any quantity of a parameter isn't a point. */
function hasRanges(prefix: Prefix, number: number, context: Context): boolean {
  const from = raw(indexed(prefix, 'quantity', 'ranged', 'd'));
  return context.numbers(sql`SELECT 1 FROM ${from} WHERE d.param = ${number} AND d.low < d.high LIMIT 1`).length > 0;
}

function codeScan(number: number, descending: boolean, context: Context): CodeScan | undefined {
  const codes = distinct('token', 'code', number, mostDistinct, context);
  if (codes === undefined) return undefined;
  const sign = descending ? -1 : 1;
  const texts = new Map<string, number[]>();
  for (const [code, text] of context.lookUp.textsOf(codes)) texts.set(text, [...(texts.get(text) ?? []), code]);
  const groups = [...texts].map(([text, numbers]) => ({ text, bytes: Buffer.from(text), codes: numbers }));
  groups.sort((a, b) => sign * Buffer.compare(a.bytes, b.bytes));
  return { kind: 'codes', groups };
}

/** The distinct values of a column for a parameter, by skipping from one to the next; undefined: too many. */
function distinct(
  table: 'token' | 'quantity',
  column: 'code' | 'unit',
  number: number,
  most: number,
  context: Context,
): readonly number[] | undefined {
  const found = new Set<number>();
  for (const prefix of prefixesOf(context)) {
    const from = raw(indexed(prefix, table, undefined, 'd'));
    const least = raw(`min(d.${column})`);
    const rows = context.numbers(sql`WITH RECURSIVE one (value) AS (
        SELECT ${least} FROM ${from} WHERE d.param = ${number}
        UNION ALL
        SELECT (SELECT ${least} FROM ${from} WHERE d.param = ${number} AND ${raw(`d.${column}`)} > one.value)
          FROM one WHERE one.value IS NOT NULL)
      SELECT value FROM one WHERE value IS NOT NULL LIMIT ${most + 1}`);
    for (const value of rows) found.add(value);
  }
  return found.size > most ? undefined : [...found];
}

/** Where rows of a walk's state may lie. */
function prefixesOf({ at }: Context): readonly Prefix[] {
  return at === undefined ? [''] : ['', 'kept_'];
}
