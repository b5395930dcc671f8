/** Indexes that have resources in the order of a sort key. https://hl7.org/fhir/R4/search.html#sort */
import type { Parameter } from '../../search/criteria.ts';
import { type Condition, type Context, indexed, type Range } from './compile/condition.ts';
import { isSorted, type SortColumn, type SortIndex, sortIndex } from './sort-key.ts';
import { all, always, raw, type Sql, sql } from './sql.ts';

/** Stretches in the order of a column; what they have in common is that each row stands for a resource's sort value. */
export interface IndexScan {
  readonly kind: 'index';
  readonly ranges: readonly Range[];
  readonly column: Sql;
  /** Whether a row is the one that the resource is sorted by. */
  best(prefix: '' | 'kept_'): Sql;
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

export type Scan = IndexScan | CodeScan;

/** Distinct codes or units of a parameter beyond which it isn't scanned. */
const mostDistinct = 2000;
const mostUnits = 64;

/** How to read resources in the order of a key; undefined: only by sorting them. */
export function scanOf(column: SortColumn, last: boolean, context: Context): Scan | undefined {
  const { key, number } = column;
  const { by, descending } = key;
  if (by === 'id') return entityScan({ index: undefined, order: ['id'] });
  if (by === 'lastUpdated') return last ? entityScan({ index: 'by_change', order: ['vid'] }) : undefined;
  if (number === undefined || !('code' in by)) return undefined;
  const found = sortIndex(by, descending);
  if (found === undefined) {
    return by.kind === 'token' ? codeScan(number, descending, context) : undefined;
  }
  const scan = tableScan(by, number, found, descending);
  return found.table === 'quantity' ? quantityScan(scan, number, descending, context) : scan;
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
export function withinCondition(scan: IndexScan, { drive }: Condition, descending: boolean): IndexScan | undefined {
  const ranges = drive?.inOrder?.(descending ? 'high' : 'low') ?? [];
  return ranges.length === 0 ? undefined : { ...scan, ranges };
}

/** Quantities lie by unit; by their upper end they can be read where all are points. */
function quantityScan(scan: IndexScan, number: number, descending: boolean, context: Context): IndexScan | undefined {
  const units = distinct('quantity', 'unit', number, mostUnits, context);
  if (units === undefined) return undefined;
  const ranged = (prefix: '' | 'kept_') =>
    context.numbers(sql`SELECT 1 FROM ${raw(indexed(prefix, 'quantity', 'ranged', 'd'))}
      WHERE d.param = ${number} AND d.low < d.high LIMIT 1`).length > 0;
  if (descending && (ranged('') || (context.at !== undefined && ranged('kept_')))) return undefined;
  const order = ['low', 'unit', 'high'];
  const ranges = units.map((unit): Range => {
    const where = sql`d.param = ${number} AND d.unit = ${unit}`;
    return { table: 'quantity', index: undefined, where, order, fixed: [] };
  });
  return { ...scan, ranges };
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
  for (const prefix of context.at === undefined ? ([''] as const) : (['', 'kept_'] as const)) {
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
