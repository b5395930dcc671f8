/** Dates as intervals of instants. https://hl7.org/fhir/R4/search.html#date */
import type { DateTest } from '../../../search/criteria.ts';
import { DATE_MAX, DATE_MIN } from '../../../search/entry.ts';
import { wideClass, wideClasses, wideFrom } from '../schema.ts';
import { all, always, negated, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type Context, indexed } from './condition.ts';
import {
  type Bound,
  type Box,
  between,
  boxesOf,
  dateEnds,
  earlierOf,
  inBoxes,
  intersect,
  laterOf,
} from './interval.ts';
import { filtered, type Matcher, mostStretches, type Stretch } from './matcher.ts';

const table = 'date';
/** Milliseconds by which rounding may move a sum of fractional instants: far less than this. */
const slack = 1000;

/** Whether a value in these columns passes any of the tests. */
export function dateTest(tests: readonly DateTest[], columns: Columns): Sql {
  const [low, high] = dateEnds(columns);
  return inBoxes(
    tests.flatMap(({ interval }) => boxesOf(interval)),
    low,
    high,
  );
}

/** @param context where the values are those of a parameter of that number: classes of wide intervals that it hasn't are left out. */
export function date(tests: readonly DateTest[], context: Context, number: number | undefined): Matcher | undefined {
  const boxes = tests.flatMap(({ interval }) => boxesOf(interval));
  if (boxes.length === 0) return undefined;
  const test = (alias: string) => {
    const [low, high] = dateEnds(columnsOf(table, alias));
    return inBoxes(boxes, low, high);
  };
  const base = { table, test, byNumber: [], pinned: false, rank: 5 } as const;
  if (boxes.length > mostStretches) return { ...base, stretches: [filtered(table, test('d'))] };
  const there = (stretches: readonly DateStretch[]) => present(stretches, context, number);
  // Numbered as if all classes were there: a place in a walk stays the same when others come.
  const numbered = apart(boxes, stretchesOf).map((stretch, place) => ({ ...stretch, number: place }));
  return {
    ...base,
    stretches: there(numbered),
    counted: () => there(apart(boxes, countedStretches)),
    inOrder: (end) => there(separated(boxes).flatMap((box) => (end === 'low' ? byLow(box) : byHigh(box)))),
  };
}

/** A stretch, with the class of wide intervals that it is of. */
interface DateStretch extends Stretch {
  readonly wide?: number;
}

/** What isn't of a class without an interval; all of them for a walk that goes on, since it shows what was there before. */
function present(stretches: readonly DateStretch[], { at, numbers }: Context, number = 0): readonly Stretch[] {
  if (at !== undefined || !stretches.some(({ wide }) => wide !== undefined)) return stretches;
  const classes = JSON.stringify(wideClasses.map((each) => each.number));
  const found = numbers(
    sql`SELECT c.value FROM json_each(${classes}) c WHERE EXISTS (SELECT 1 FROM ${raw(
      indexed('', table, 'wide', 'd'),
    )} WHERE d.param = ${number} AND ${ofClass(raw('c.value'))})`,
  );
  return stretches.filter(({ wide }) => wide === undefined || found.includes(wide));
}

function ofClass(number: Sql): Sql {
  return sql`d.high - d.low > ${raw(String(wideFrom))} AND ${raw(wideClass('d.'))} = ${number}`;
}

/**
 * The stretches of all boxes; what lies in an earlier box is left out of a later one: by the bounds of what is left where that is
 * one box, so that the rest isn't read (`ge` is what ends after a day, or begins on it), and else by a test.
 */
function apart(
  boxes: readonly Box<number>[],
  stretches: (box: Box<number>) => readonly DateStretch[],
): readonly DateStretch[] {
  const [low, high] = dateEnds(columnsOf(table, 'd'));
  return boxes.flatMap((box, place) => {
    const earlier = boxes.slice(0, place);
    const [left, ...more] = outside([box], earlier);
    if (left !== undefined && more.length === 0) return stretches(left);
    const others = negated(inBoxes(earlier, low, high));
    return stretches(box).map(({ counts, ...stretch }) => {
      return { ...stretch, where: all([stretch.where, others]), bounded: false };
    });
  });
}

/** What lies in the first boxes and in none of the others. */
function outside(boxes: readonly Box<number>[], others: readonly Box<number>[]): readonly Box<number>[] {
  return others.reduce((left, other) => intersect(left, outsideOf(other)).filter(isPossible), boxes);
}

/**
 * Boxes that have the same in them and nothing in common, told by their bounds alone; none where they would be too many. (What is
 * left out of a stretch by a test instead would be looked at to its end.)
 */
function separated(boxes: readonly Box<number>[]): readonly Box<number>[] {
  const found: Box<number>[] = [];
  let left: readonly Box<number>[] = [{}];
  for (const box of boxes) {
    found.push(...intersect(left, [box]).filter(isPossible));
    left = intersect(left, outsideOf(box)).filter(isPossible);
    if (found.length > mostStretches || left.length > mostStretches) return [];
  }
  return found;
}

/** What lies outside of a box, apart: beyond its first bound; within that and beyond the second, and so on. */
function outsideOf({ lowFrom, lowTo, highFrom, highTo }: Box<number>): readonly Box<number>[] {
  const sides: readonly (readonly [Box<number>, Box<number>] | undefined)[] = [
    lowFrom && [{ lowFrom }, { lowTo: beyond(lowFrom) }],
    lowTo && [{ lowTo }, { lowFrom: beyond(lowTo) }],
    highFrom && [{ highFrom }, { highTo: beyond(highFrom) }],
    highTo && [{ highTo }, { highFrom: beyond(highTo) }],
  ];
  const found: Box<number>[] = [];
  let within: readonly Box<number>[] = [{}];
  for (const [side, opposite] of sides.flatMap((each) => (each === undefined ? [] : [each]))) {
    found.push(...intersect(within, [opposite]));
    within = intersect(within, [side]);
  }
  return found;
}

function beyond({ value, closed }: Bound<number>): Bound<number> {
  return { value, closed: !closed };
}

/** Whether an interval may lie in a box: `low` never lies above `high`. */
function isPossible({ lowFrom, lowTo, highFrom, highTo }: Box<number>): boolean {
  return [
    [lowFrom, lowTo],
    [highFrom, highTo],
    [lowFrom, highTo],
  ].every(([from, to]) => {
    if (from === undefined || to === undefined || from.value < to.value) return true;
    return from.value === to.value && from.closed && to.closed;
  });
}

/** The stretches of a box, to be read in any order. `low` never lies above `high`: a bound of one bounds the other. */
function stretchesOf(box: Box<number>): readonly DateStretch[] {
  const { lowFrom, lowTo, highFrom, highTo } = box;
  const open = lowTo === undefined && highTo === undefined;
  if (!open || highFrom === undefined || !isBeyond(highFrom, lowFrom)) return byLow(box);
  const [low, high] = dateEnds(columnsOf(table, 'd'));
  const where = all([between(high, highFrom, undefined), between(low, lowFrom, undefined)]);
  return [{ index: 'by_high', where, order: ['high', 'low'], fixed: [], bounded: lowFrom === undefined }];
}

/** Whether a bound of `high` says more than one of `low`. */
function isBeyond(high: Bound<number>, low: Bound<number> | undefined): boolean {
  return low === undefined || high.value > low.value;
}

/**
 * The stretches of a box by `low`. Where `high > a` is asked, the index would be read from its beginning; so intervals
 * that are not wide are read from a little before `a`, and the wide ones apart.
 * @param counted whether the order doesn't matter.
 */
function byLow({ lowFrom, lowTo, highFrom, highTo }: Box<number>, counted = false): readonly DateStretch[] {
  const [low, high] = dateEnds(columnsOf(table, 'd'));
  const lowBefore = earlierOf(lowTo, highTo);
  const residue = between(high, highFrom, highTo);
  const order = ['low', 'high'];
  if (highFrom === undefined || !isBeyond(highFrom, lowFrom)) {
    const where = all([between(low, lowFrom, lowBefore), residue]);
    const extent = { from: lowFrom?.value, to: lowBefore?.value };
    const counts = residue === always && { counts: { low: extent } };
    return [{ index: undefined, where, order, fixed: [], bounded: residue === always, extent, ...counts }];
  }
  const start = { value: highFrom.value - wideFrom - slack, closed: true };
  const narrow = all([between(low, laterOf(lowFrom, start), lowBefore), residue]);
  const before = earlierOf(lowBefore, { value: start.value, closed: false });
  return [
    { index: undefined, where: narrow, order, fixed: [] },
    ...wideOnes(highFrom.value, { lowFrom, lowTo: before, highFrom, highTo }, counted),
  ];
}

/**
 * The stretches of a box of which most is counted by `low`: what begins beyond a bound of `high` ends beyond it, and hardly
 * anything else does.
 */
function countedStretches(box: Box<number>): readonly DateStretch[] {
  const { highFrom, ...ofLow } = box;
  if (highFrom === undefined || !isBeyond(highFrom, box.lowFrom)) return byLow(box);
  const { value } = highFrom;
  const after = intersect([ofLow], [{ lowFrom: { value, closed: false } }]);
  const across = intersect([box], [{ lowTo: { value, closed: true } }]);
  return [...after, ...across].filter(isPossible).flatMap((part) => byLow(part, true));
}

/** The stretches of a box by `high`; where `low < b` is asked, up to a little after `b`, and the wide ones apart. */
function byHigh({ lowFrom, lowTo, highFrom, highTo }: Box<number>): readonly DateStretch[] {
  const [low, high] = dateEnds(columnsOf(table, 'd'));
  const highAfter = laterOf(highFrom, lowFrom);
  const residue = between(low, lowFrom, lowTo);
  const order = ['high', 'low'];
  if (lowTo === undefined || (highTo !== undefined && highTo.value <= lowTo.value)) {
    const extent = { from: highAfter?.value, to: highTo?.value };
    return [{ index: 'by_high', where: all([between(high, highAfter, highTo), residue]), order, fixed: [], extent }];
  }
  const end = { value: lowTo.value + wideFrom + slack, closed: true };
  const narrow = all([between(high, highAfter, earlierOf(highTo, end)), residue]);
  const after = laterOf(highFrom, { value: end.value, closed: false });
  return [
    { index: 'by_high', where: narrow, order, fixed: [] },
    ...wideOnes(end.value, { lowFrom, lowTo, highFrom: after, highTo }),
  ];
}

/**
 * The stretches of wide intervals whose `high` is at least `reach`, by classes of width: each from its greatest width
 * before that. Open ends are classes of their own.
 */
function wideOnes(reach: number, box: WideBox, counted = false): readonly DateStretch[] {
  const [low, high] = dateEnds(columnsOf(table, 'd'));
  const residue = between(high, box.highFrom, box.highTo);
  return wideClasses.map(({ number, upTo, opens }): DateStretch => {
    const from = upTo === undefined ? undefined : { value: reach - upTo - slack, closed: true };
    const lows = between(low, laterOf(box.lowFrom, from), box.lowTo);
    // There may be very many without an end: by their index they are counted without looking at each.
    if (counted && opens === 'end' && box.highTo === undefined) {
      const where = all([sql`${high} = ${DATE_MAX}`, lows]);
      return { index: 'by_high', where, order: ['high', 'low'], fixed: [], bounded: true, wide: number };
    }
    const start = opens === 'start' ? raw(`d.low = ${DATE_MIN}`) : raw('1');
    const where = all([ofClass(raw(String(number))), start, lows, residue]);
    return { index: 'wide', where, order: ['low', 'high'], fixed: [], wide: number };
  });
}

/** Bounds that may be absent or undefined. */
interface WideBox {
  readonly lowFrom: Bound<number> | undefined;
  readonly lowTo: Bound<number> | undefined;
  readonly highFrom: Bound<number> | undefined;
  readonly highTo: Bound<number> | undefined;
}
