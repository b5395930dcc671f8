/** Quantities, and numbers, which are quantities without a unit. https://hl7.org/fhir/R4/search.html#quantity */
import type { NumberTest, QuantityTest } from '../../../search/criteria.ts';
import type { DecimalKey } from '../../../search/entry.ts';
import { all, always, any, isIn, negated, never, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import type { Context } from './condition.ts';
import { type Box, between, boxesOf, earlierOf, inBoxes, quantityEnds } from './interval.ts';
import { filtered, type Matcher, mostStretches, type Stretch } from './matcher.ts';

const table = 'quantity';

type Test = NumberTest | QuantityTest;

/** The numbers of the units that pass, rising; undefined: all do. */
function unitsOf(test: Test, { lookUp }: Context): readonly number[] | undefined {
  if (test.kind === 'number') return [0];
  const { system: uri, code } = test;
  if (uri === undefined && code === undefined) return undefined;
  const system = uri === undefined ? undefined : lookUp.system(uri);
  if (uri !== undefined && system === undefined) return [];
  const units = lookUp.units(
    (unitSystem, unitCode, text) =>
      (system === undefined || system === unitSystem) &&
      (code === undefined || code === unitCode || (system === undefined && code === text)),
  );
  // Number 0, no unit at all, isn't in the dictionary.
  const none = (system === undefined || system === 0) && (code === undefined || code === '');
  return none ? [0, ...units] : units;
}

/** Whether a value in these columns passes any of the tests. */
export function quantityTest(tests: readonly Test[], columns: Columns, context: Context): Sql {
  const [low, high] = quantityEnds(columns);
  const ofUnits = new Map<
    string,
    { readonly units: readonly number[] | undefined; readonly boxes: Box<DecimalKey>[] }
  >();
  for (const test of tests) {
    const units = unitsOf(test, context);
    const key = String(units);
    const known = ofUnits.get(key) ?? { units, boxes: [] };
    known.boxes.push(...boxesOf(test.interval));
    ofUnits.set(key, known);
  }
  return any(
    [...ofUnits.values()].map(({ units, boxes }) =>
      all([units === undefined ? always : isIn(columns.a, units), inBoxes(boxes, low, high)]),
    ),
  );
}

export function quantity(tests: readonly Test[], context: Context): Matcher | undefined {
  const test = (alias: string) => quantityTest(tests, columnsOf(table, alias), context);
  if (test('d') === never) return undefined;
  if (tests.length > 2 * mostStretches) return matcherOf(test, [filtered(table, test('d'))]);
  const stretches = tests.flatMap((each, place) => {
    const others = negated(quantityTest(tests.slice(0, place), columnsOf(table, 'd'), context));
    return stretchesOf(each, context).map((stretch) => ({ ...stretch, where: all([stretch.where, others]) }));
  });
  const few = stretches.length <= 2 * mostStretches;
  return matcherOf(test, few ? stretches : [filtered(table, test('d'))]);
}

function matcherOf(test: Matcher['test'], stretches: readonly Stretch[]): Matcher {
  return { table, test, stretches, byNumber: [], pinned: false, rank: 6 };
}

function stretchesOf(test: Test, context: Context): readonly Stretch[] {
  const boxes = boxesOf(test.interval);
  const units = unitsOf(test, context);
  const { a } = columnsOf(table, 'd');
  // Every unit there is, so that the index can be used for each.
  const unit = units === undefined ? sql`${a} IN (SELECT 0 UNION ALL SELECT u.num FROM unit u)` : isIn(a, units);
  const [low, high] = quantityEnds(columnsOf(table, 'd'));
  return boxes.flatMap((box, place) => {
    const earlier = boxes.slice(0, place);
    return stretchesOfBox(box).map((stretch) => {
      const others = negated(inBoxes(earlier, low, high));
      return { ...stretch, fixed: units?.length === 1 ? units : [], where: all([unit, stretch.where, others]) };
    });
  });
}

/** The stretches that hold a box: points by one index, and for a bound of `high` alone the few true ranges by another. */
function stretchesOfBox({ lowFrom, lowTo, highFrom, highTo }: Box<DecimalKey>): readonly Stretch[] {
  const [low, high] = quantityEnds(columnsOf(table, 'd'));
  const lowBefore = earlierOf(lowTo, highTo);
  const order = ['unit', 'low', 'high'];
  const beyond = highFrom !== undefined && (lowFrom === undefined || highFrom.value > lowFrom.value);
  if (!beyond) {
    const where = all([between(low, lowFrom, lowBefore), between(high, highFrom, highTo)]);
    return [{ index: undefined, where, order, fixed: [] }];
  }
  const within = all([between(low, highFrom, lowBefore), between(high, undefined, highTo)]);
  const outside = { value: highFrom.value, closed: !highFrom.closed };
  const ranged = all([
    raw('d.low < d.high'),
    between(high, highFrom, highTo),
    between(low, lowFrom, earlierOf(lowBefore, outside)),
  ]);
  return [
    { index: undefined, where: within, order, fixed: [] },
    { index: 'ranged', where: ranged, order: ['unit', 'high', 'low'], fixed: [] },
  ];
}
