/** Tests of stored intervals as bounds of their ends, ready for an index. https://hl7.org/fhir/R4/search.html#prefix */
import type { ComparisonOperator, IntervalTest } from '../../../search/criteria.ts';
import { all, any, raw, type Sql, sql } from '../sql.ts';
import type { Columns } from './columns.ts';

/** A bound of one end: the value and whether the value itself is within. */
export interface Bound<V> {
  readonly value: V;
  readonly closed: boolean;
}

/** Bounds of both ends that must all hold. */
export interface Box<V> {
  readonly lowFrom?: Bound<V>;
  readonly lowTo?: Bound<V>;
  readonly highFrom?: Bound<V>;
  readonly highTo?: Bound<V>;
}

type Side = keyof Box<unknown>;

const sideOf: Readonly<Record<'low' | 'high', Readonly<Record<ComparisonOperator, Side>>>> = {
  low: { '>': 'lowFrom', '>=': 'lowFrom', '<': 'lowTo', '<=': 'lowTo' },
  high: { '>': 'highFrom', '>=': 'highFrom', '<': 'highTo', '<=': 'highTo' },
};

/** A test as boxes, any of which must hold. Text is compared by UTF-16 units, which is right for decimal keys. */
export function boxesOf<V extends number | string>(test: IntervalTest<V>): readonly Box<V>[] {
  return test.map((comparisons) => {
    const box: { -readonly [S in Side]?: Bound<V> } = {};
    for (const { end, operator, value } of comparisons) {
      const side = sideOf[end][operator];
      box[side] = tighter(side, box[side], { value, closed: operator === '>=' || operator === '<=' });
    }
    return box;
  });
}

/** The boxes that are in both lists' boxes. */
export function intersect<V extends number | string>(a: readonly Box<V>[], b: readonly Box<V>[]): readonly Box<V>[] {
  return a.flatMap((left) =>
    b.map((right) => {
      let box = left;
      for (const side of ['lowFrom', 'lowTo', 'highFrom', 'highTo'] as const) {
        const bound = right[side];
        if (bound !== undefined) box = { ...box, [side]: tighter(side, box[side], bound) };
      }
      return box;
    }),
  );
}

/** The boxes as a test again. */
export function intervalOf<V extends number | string>(boxes: readonly Box<V>[]): IntervalTest<V> {
  return boxes.map((box) =>
    (['lowFrom', 'lowTo', 'highFrom', 'highTo'] as const).flatMap((side) => {
      const bound = box[side];
      if (bound === undefined) return [];
      const operator: ComparisonOperator = side.endsWith('From')
        ? bound.closed
          ? '>='
          : '>'
        : bound.closed
          ? '<='
          : '<';
      return [{ end: side.startsWith('low') ? 'low' : 'high', operator, value: bound.value } as const];
    }),
  );
}

/** The stricter of two bounds from below. */
export function laterOf<V extends number | string>(a: Bound<V> | undefined, b: Bound<V> | undefined) {
  return a === undefined || b === undefined ? (a ?? b) : tighter('lowFrom', a, b);
}

/** The stricter of two bounds from above. */
export function earlierOf<V extends number | string>(a: Bound<V> | undefined, b: Bound<V> | undefined) {
  return a === undefined || b === undefined ? (a ?? b) : tighter('lowTo', a, b);
}

function tighter<V extends number | string>(side: Side, a: Bound<V> | undefined, b: Bound<V>): Bound<V> {
  if (a === undefined) return b;
  if (a.value === b.value) return a.closed ? b : a;
  const upwards = side.endsWith('From');
  return a.value > b.value === upwards ? a : b;
}

/** A column within bounds; `always` without any. */
export function between<V extends number | string>(
  column: Sql,
  from: Bound<V> | undefined,
  to: Bound<V> | undefined,
): Sql {
  const tests: Sql[] = [];
  if (from !== undefined) tests.push(sql`${column} ${raw(from.closed ? '>=' : '>')} ${from.value}`);
  if (to !== undefined) tests.push(sql`${column} ${raw(to.closed ? '<=' : '<')} ${to.value}`);
  return all(tests);
}

/** Whether the ends in two columns lie in any of the boxes. */
export function inBoxes<V extends number | string>(boxes: readonly Box<V>[], low: Sql, high: Sql): Sql {
  return any(boxes.map((box) => all([between(low, box.lowFrom, box.lowTo), between(high, box.highFrom, box.highTo)])));
}

/** The columns of a date's interval. */
export function dateEnds(columns: Columns): readonly [Sql, Sql] {
  return [columns.a, columns.b];
}

/** The columns of a quantity's interval. */
export function quantityEnds(columns: Columns): readonly [Sql, Sql] {
  return [columns.b, columns.c];
}
