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

/** Bounds between which the ends of a box lie. */
export interface Reach<V> {
  readonly from: Bound<V> | undefined;
  readonly to: Bound<V> | undefined;
}

/** What holds the points of all boxes; `low` and `high`: what holds that end of their true ranges. */
export function reachOf<V extends number | string>(boxes: readonly Box<V>[], of: 'point' | 'low' | 'high'): Reach<V> {
  const from = boxes.map(({ lowFrom, highFrom }) => (of === 'low' ? lowFrom : laterOf(lowFrom, highFrom)));
  const to = boxes.map(({ lowTo, highTo }) => (of === 'high' ? highTo : earlierOf(lowTo, highTo)));
  return { from: loosest(from, (a, b) => a < b), to: loosest(to, (a, b) => a > b) };
}

function loosest<V>(
  bounds: readonly (Bound<V> | undefined)[],
  isLooser: (a: V, b: V) => boolean,
): Bound<V> | undefined {
  let [found] = bounds;
  for (const bound of bounds) {
    if (found === undefined || bound === undefined) return undefined;
    if (isLooser(bound.value, found.value) || (bound.value === found.value && bound.closed)) found = bound;
  }
  return found;
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

/** How many boxes are tested one after the other. */
const fewBoxes = 8;

/** A box that asks for intervals within [lowFrom, highTo]: what `eq` means. */
interface Within<V> extends Box<V> {
  readonly lowFrom: Bound<V>;
  readonly highTo: Bound<V>;
}

function isWithin<V>(box: Box<V>): box is Within<V> {
  const { lowFrom, lowTo, highFrom, highTo } = box;
  return lowFrom?.closed === true && highTo !== undefined && lowTo === undefined && highFrom === undefined;
}

/** Whether the ends in two columns lie in any of the boxes. */
export function inBoxes<V extends number | string>(boxes: readonly Box<V>[], low: Sql, high: Sql): Sql {
  const inAny = (some: readonly Box<V>[]): Sql =>
    any(some.map((box) => all([between(low, box.lowFrom, box.lowTo), between(high, box.highFrom, box.highTo)])));
  if (boxes.length <= fewBoxes || !boxes.every(isWithin)) return inAny(boxes);
  return byHalves(apart(boxes), low, inAny);
}

/** Boxes in groups that don't overlap, rising. Equal boxes come once, those that nothing lies in not at all. */
function apart<V extends number | string>(boxes: readonly Within<V>[]): readonly (readonly Within<V>[])[] {
  const possible = boxes.filter(({ lowFrom, highTo }) => {
    return highTo.closed ? lowFrom.value <= highTo.value : lowFrom.value < highTo.value;
  });
  const rising = possible.sort((a, b) => (a.lowFrom.value < b.lowFrom.value ? -1 : 1));
  const groups: Within<V>[][] = [];
  let end: V | undefined;
  for (const box of rising) {
    const last = groups.at(-1);
    const { value } = box.highTo;
    if (last === undefined || end === undefined || box.lowFrom.value >= end) groups.push([box]);
    else if (!last.some((other) => isSame(other, box))) last.push(box);
    if (end === undefined || value > end) end = value;
  }
  return groups;
}

function isSame<V>(a: Within<V>, b: Within<V>): boolean {
  return (
    a.lowFrom.value === b.lowFrom.value && a.highTo.value === b.highTo.value && a.highTo.closed === b.highTo.closed
  );
}

/**
 * Whether an interval lies in a box of any group, in as many comparisons as halving takes: what begins before a group lies
 * in none of its boxes. What begins where a group does and lies in an earlier one is a point, which lies in both.
 */
function byHalves<V extends number | string>(
  groups: readonly (readonly Within<V>[])[],
  low: Sql,
  inAny: (boxes: readonly Within<V>[]) => Sql,
): Sql {
  const middle = groups.length >> 1;
  const start = groups[middle]?.[0]?.lowFrom.value;
  if (groups.length <= 2 || start === undefined) return inAny(groups.flat());
  const [before, after] = [groups.slice(0, middle), groups.slice(middle)];
  return sql`CASE WHEN ${low} < ${start} THEN ${byHalves(before, low, inAny)} ELSE ${byHalves(after, low, inAny)} END`;
}

/** The columns of a date's interval. */
export function dateEnds(columns: Columns): readonly [Sql, Sql] {
  return [columns.a, columns.b];
}

/** The columns of a quantity's interval. */
export function quantityEnds(columns: Columns): readonly [Sql, Sql] {
  return [columns.b, columns.c];
}
