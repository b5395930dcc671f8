/** Uris and canonicals. https://hl7.org/fhir/R4/search.html#uri */
import type { UriTest } from '../../../search/criteria.ts';
import { any, isIn, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { indexed, type Prefix } from './condition.ts';
import { type Matcher, mostMerged, mostStretches } from './matcher.ts';
import { beginsWith } from './prefix.ts';

const table = 'uri';

/** Whether a value in these columns passes any of the tests. */
export function uriTest(tests: readonly UriTest[], { a }: Columns): Sql {
  const values = [...new Set(tests.map(({ value }) => value))];
  const bases = basesOf(tests);
  if (bases.length <= mostStretches) {
    return any([isIn(a, values), ...bases.map((base) => beginsWith(a, `${base}|`))]);
  }
  // The url of a canonical is what stands before the first bar after the url itself, so every bar is tried.
  const list = JSON.stringify(bases.map((base) => `${base}|`));
  return any([
    isIn(a, values),
    sql`EXISTS (SELECT 1 FROM json_each(${list}) j WHERE substr(${a}, 1, length(j.value)) = j.value)`,
  ]);
}

/** The urls of canonical tests, without those that another includes. */
function basesOf(tests: readonly UriTest[]): readonly string[] {
  const urls = [...new Set(tests.filter(({ match }) => match === 'canonical').map(({ value }) => value))].sort();
  return urls.filter((url) => !urls.some((other) => url.startsWith(`${other}|`)));
}

export function uri(tests: readonly UriTest[]): Matcher {
  const test = (alias: string) => uriTest(tests, columnsOf(table, alias));
  const { a } = columnsOf(table, 'd');
  const bases = basesOf(tests);
  const values = [...new Set(tests.map(({ value }) => value))].filter(
    (value) => !bases.some((base) => value.startsWith(`${base}|`)),
  );
  if (bases.length > mostStretches) {
    const list = JSON.stringify(bases.map((base) => [`${base}|`, `${base}}`]));
    const rows = (prefix: Prefix, parameter: number) => {
      const from = raw(indexed(prefix, table, undefined, 'd'));
      return sql`SELECT d.rid AS rid FROM ${from} WHERE d.param = ${parameter} AND ${isIn(a, values)}
        UNION ALL SELECT d.rid FROM json_each(${list}) j CROSS JOIN ${from}
          WHERE d.param = ${parameter} AND d.value >= j.value->>0 AND d.value < j.value->>1`;
    };
    return { table, test, stretches: [], rows, byNumber: [], pinned: false, rank: 2 };
  }
  const one = values.length === 1;
  const exact = { index: undefined, where: isIn(a, values), order: ['value'], fixed: one ? values : [] };
  const versions = bases.map((base) => ({
    index: undefined,
    where: beginsWith(a, `${base}|`),
    order: ['value'],
    fixed: [],
  }));
  const byNumber =
    bases.length > 0 || values.length > mostMerged
      ? []
      : values.map((value) => ({ index: undefined, where: isIn(a, [value]), order: [], fixed: [] }));
  return { table, test, stretches: [exact, ...versions], byNumber, pinned: one && bases.length === 0, rank: 2 };
}
