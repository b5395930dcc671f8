/** Places within a distance, by their latitudes and then by the distance itself. https://hl7.org/fhir/R4/location.html#positional */
import type { NearTest } from '../../../search/criteria.ts';
import { latitudesAround } from '../../../search/distance.ts';
import { all, any, negated, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { filtered, type Matcher, mostStretches } from './matcher.ts';

/** Positions lie where dates do, with the latitude as `low` and the longitude as `high`. */
const table = 'date';

function one({ latitude, longitude, within }: NearTest, { a, b }: Columns): Sql {
  const { from, to } = latitudesAround(latitude, within);
  return all([
    sql`${a} >= ${from} AND ${a} <= ${to}`,
    sql`kilometres(${a}, ${b}, ${latitude}, ${longitude}) <= ${within}`,
  ]);
}

export function near(tests: readonly NearTest[]): Matcher {
  const within = (some: readonly NearTest[], alias: string) =>
    any(some.map((each) => one(each, columnsOf(table, alias))));
  const test = (alias: string) => within(tests, alias);
  const matcher = { table, test, byNumber: [], pinned: false, rank: 5 } as const;
  if (tests.length > mostStretches) return { ...matcher, stretches: [filtered(table, test('d'))] };
  const stretches = tests.map((each, place) => {
    const where = all([one(each, columnsOf(table, 'd')), negated(within(tests.slice(0, place), 'd'))]);
    return { index: undefined, where, order: ['low', 'high'], fixed: [] };
  });
  return { ...matcher, stretches };
}
