/** Quantities, and numbers, which are quantities without a unit. https://hl7.org/fhir/R4/search.html#quantity */
import type { IntervalTest, NumberTest, QuantityTest } from '../../../search/criteria.ts';
import type { DecimalKey } from '../../../search/entry.ts';
import { intervalIn } from '../../../search/units.ts';
import { all, always, any, isIn, negated, never, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import type { Context } from './condition.ts';
import { type Box, between, boxesOf, earlierOf, inBoxes, quantityEnds } from './interval.ts';
import { filtered, type Matcher, mostStretches, type Stretch } from './matcher.ts';

const table = 'quantity';

type Test = NumberTest | QuantityTest;

/** What a test asks of values in some units, by their rising numbers; undefined: in any. */
interface InUnits {
  readonly units: readonly number[] | undefined;
  readonly interval: IntervalTest<DecimalKey>;
}

/** A test in the units that it names, and converted to each of the others that it can be converted to. */
interface Converted {
  readonly named: InUnits;
  readonly others: readonly InUnits[];
}

function convertedOf(test: Test, { lookUp }: Context): Converted {
  const { interval } = test;
  if (test.kind === 'number') return { named: { units: [0], interval }, others: [] };
  if (test.system === undefined && test.code === undefined)
    return { named: { units: undefined, interval }, others: [] };
  const units: number[] = [];
  const others: InUnits[] = [];
  for (const stored of [{ number: 0, system: '', code: '', unit: '' }, ...lookUp.units()]) {
    const found = intervalIn(test, stored);
    if (found === undefined) continue;
    // A {beat}/min is a /min.
    if (found === interval || JSON.stringify(found) === JSON.stringify(interval)) units.push(stored.number);
    else others.push({ units: [stored.number], interval: found });
  }
  return { named: { units, interval }, others };
}

/** Whether a value in these columns passes any of the tests. */
export function quantityTest(tests: readonly Test[], columns: Columns, context: Context): Sql {
  return passesAny(
    tests.map((test) => convertedOf(test, context)),
    columns,
  );
}

function passesAny(tests: readonly Converted[], columns: Columns): Sql {
  const [low, high] = quantityEnds(columns);
  const ofUnits = new Map<string, { readonly units: InUnits['units']; readonly boxes: Box<DecimalKey>[] }>();
  for (const { units, interval } of tests.flatMap(({ named, others }) => [named, ...others])) {
    const key = String(units);
    const known = ofUnits.get(key) ?? { units, boxes: [] };
    known.boxes.push(...boxesOf(interval));
    ofUnits.set(key, known);
  }
  return any(
    [...ofUnits.values()].map(({ units, boxes }) =>
      all([units === undefined ? always : isIn(columns.a, units), inBoxes(boxes, low, high)]),
    ),
  );
}

export function quantity(tests: readonly Test[], context: Context): Matcher | undefined {
  const converted = tests.map((test) => convertedOf(test, context));
  const test = (alias: string) => passesAny(converted, columnsOf(table, alias));
  if (test('d') === never) return undefined;
  const boxesIn = (unit: number): readonly Box<DecimalKey>[] =>
    converted.flatMap(({ named, others }) =>
      [named, ...others].flatMap(({ units, interval }) => {
        return units === undefined || units.includes(unit) ? boxesOf(interval) : [];
      }),
    );
  const matcherOf = (of: readonly Stretch[]): Matcher => {
    return { table, test, stretches: of, byNumber: [], boxesIn, pinned: false, rank: 6 };
  };
  if (tests.length > 2 * mostStretches) return matcherOf([filtered(table, test('d'))]);
  const stretches: Stretch[] = [];
  let count = 0;
  for (const [place, { named, others }] of converted.entries()) {
    const before = negated(passesAny(converted.slice(0, place), columnsOf(table, 'd')));
    const inOthers = stretchesOfOthers(others, named);
    for (const [n, stretch] of stretchesOf(named, named).entries()) {
      stretches.push(without(before, { ...stretch, number: count }));
      for (const { after, stretches: each } of inOthers) {
        const other = each[n];
        if (other === undefined) continue;
        stretches.push(without(before, { ...other, number: count + after }));
      }
      count++;
    }
  }
  return matcherOf(count <= 2 * mostStretches ? stretches : [filtered(table, test('d'))]);
}

/** A stretch less what lies in others; `outside`: whether a row doesn't. */
function without(outside: Sql, stretch: Stretch): Stretch {
  return outside === always ? stretch : { ...stretch, where: all([stretch.where, outside]), bounded: false };
}

/** The stretches of an interval in its units, as many of them as another interval of the same form has. */
function stretchesOf({ units, interval }: InUnits, form: InUnits): readonly Stretch[] {
  const boxes = boxesOf(interval);
  const forms = boxesOf(form.interval);
  const { a } = columnsOf(table, 'd');
  // Every unit there is, so that the index can be used for each.
  const unit = units === undefined ? sql`${a} IN (SELECT 0 UNION ALL SELECT u.num FROM unit u)` : isIn(a, units);
  const [low, high] = quantityEnds(columnsOf(table, 'd'));
  return boxes.flatMap((box, place) => {
    const others = negated(inBoxes(boxes.slice(0, place), low, high));
    return stretchesOfBox(box, reachesBeyond(forms[place] ?? box)).map((stretch) => {
      const ofUnits = { ...stretch, fixed: units?.length === 1 ? units : [], where: all([unit, stretch.where]) };
      return without(others, ofUnits);
    });
  });
}

/** Stretches in other units; `after`: what the numbers of theirs add to that of the stretch in the test's own units. */
interface InOthers {
  readonly after: number;
  readonly stretches: readonly Stretch[];
}

/** How far apart the numbers of stretches in units with neighbouring numbers are. */
const step = 2 ** -32;

/**
 * The first units have stretches of their own and the rest share one. Which do never changes, since new units have greater
 * numbers; that a walk's next page may find more units is why the stretches are numbered by them.
 */
function stretchesOfOthers(others: readonly InUnits[], named: InUnits): readonly InOthers[] {
  const own = others.slice(0, mostStretches).map((each): InOthers => {
    return { after: (each.units?.[0] ?? 0) * step, stretches: stretchesOf(each, named) };
  });
  const rest = others.slice(mostStretches);
  return rest.length === 0 ? own : [...own, { after: 1 - step, stretches: stretchesOfRest(rest, named) }];
}

function stretchesOfRest(rest: readonly InUnits[], named: InUnits): readonly Stretch[] {
  const columns = columnsOf(table, 'd');
  const [low, high] = quantityEnds(columns);
  const units = isIn(
    columns.a,
    rest.flatMap((each) => each.units ?? []),
  );
  return boxesOf(named.interval).flatMap((form, place): readonly Stretch[] => {
    const each = rest.map(({ units: own = [], interval }) => {
      const boxes = boxesOf(interval);
      const box = boxes.slice(place, place + 1);
      return all([isIn(columns.a, own), inBoxes(box, low, high), negated(inBoxes(boxes.slice(0, place), low, high))]);
    });
    const shared = { index: undefined, where: all([units, any(each)]), order, fixed: [] };
    return reachesBeyond(form) ? [shared, { ...shared, where: never }] : [shared];
  });
}

const order = ['unit', 'low', 'high'];

/** Whether a box has a bound of `high` alone. */
function reachesBeyond({ lowFrom, highFrom }: Box<DecimalKey>): boolean {
  return highFrom !== undefined && (lowFrom === undefined || highFrom.value > lowFrom.value);
}

/** The stretches that hold a box: points by one index, and for a bound of `high` alone the few true ranges by another. */
function stretchesOfBox({ lowFrom, lowTo, highFrom, highTo }: Box<DecimalKey>, beyond: boolean): readonly Stretch[] {
  const [low, high] = quantityEnds(columnsOf(table, 'd'));
  const lowBefore = earlierOf(lowTo, highTo);
  if (!beyond || highFrom === undefined) {
    const residue = between(high, highFrom, highTo);
    const where = all([between(low, lowFrom, lowBefore), residue]);
    return [{ index: undefined, where, order, fixed: [], bounded: residue === always }];
  }
  const within = all([between(low, highFrom, lowBefore), between(high, undefined, highTo)]);
  const outside = { value: highFrom.value, closed: !highFrom.closed };
  const ranged = all([
    raw('d.low < d.high'),
    between(high, highFrom, highTo),
    between(low, lowFrom, earlierOf(lowBefore, outside)),
  ]);
  return [
    { index: undefined, where: within, order, fixed: [], bounded: highTo === undefined },
    { index: 'ranged', where: ranged, order: ['unit', 'high', 'low'], fixed: [] },
  ];
}
