/** Uris and canonicals. https://hl7.org/fhir/R4/search.html#uri */
import type { UriTest } from '../../../search/criteria.ts';
import { any, isIn, raw, type Sql, sql } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { indexed, type Prefix } from './condition.ts';
import { type Matcher, mostMerged, mostStretches } from './matcher.ts';
import { afterPrefix, beginsWith } from './prefix.ts';

const table = 'uri';

/** Whether a value in these columns passes any of the tests. */
export function uriTest(tests: readonly UriTest[], { a }: Columns): Sql {
  const { values, beginnings } = formsOf(tests);
  if (beginnings.length <= mostStretches) {
    return any([isIn(a, values), ...beginnings.map((beginning) => beginsWith(a, beginning))]);
  }
  return any([
    isIn(a, values),
    sql`EXISTS (SELECT 1 FROM json_each(${JSON.stringify(beginnings)}) j
      WHERE substr(${a}, 1, length(j.value)) = j.value)`,
  ]);
}

/** What tests compare with: whole values and beginnings, none of which another beginning includes. */
interface Forms {
  readonly values: readonly string[];
  readonly beginnings: readonly string[];
}

function formsOf(tests: readonly UriTest[]): Forms {
  const sought = tests.flatMap(({ match, value }) => {
    if (match === 'exact') return [];
    return match === 'canonical' ? [`${value}|`] : [value];
  });
  const beginnings: string[] = [];
  // What begins with a text follows it in the order of texts.
  for (const each of [...new Set(sought)].sort()) {
    const before = beginnings.at(-1);
    if (before === undefined || !each.startsWith(before)) beginnings.push(each);
  }
  const whole = tests.flatMap(({ match, value }) => (match === 'begins' ? [] : [value]));
  const values = [...new Set(whole)].filter((value) => {
    const beginning = lastUpTo(beginnings, value);
    return beginning === undefined || !value.startsWith(beginning);
  });
  return { values, beginnings };
}

/** The last of sorted texts that doesn't come after this one: of texts none of which begins another, the only one that may begin it. */
function lastUpTo(sorted: readonly string[], text: string): string | undefined {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? '') <= text) from = middle + 1;
    else to = middle;
  }
  return sorted[from - 1];
}

export function uri(tests: readonly UriTest[]): Matcher {
  const test = (alias: string) => uriTest(tests, columnsOf(table, alias));
  const { a } = columnsOf(table, 'd');
  const { values, beginnings } = formsOf(tests);
  if (beginnings.length > mostStretches) {
    // Each ends in a separator, so that there is a text after all that begin with it.
    const list = JSON.stringify(beginnings.map((each) => [each, afterPrefix(each) ?? each]));
    const rows = (prefix: Prefix, parameter: number) => {
      const from = raw(indexed(prefix, table, undefined, 'd'));
      return sql`SELECT d.rid AS rid FROM ${from} WHERE d.param = ${parameter} AND ${isIn(a, values)}
        UNION ALL SELECT d.rid FROM json_each(${list}) j CROSS JOIN ${from}
          WHERE d.param = ${parameter} AND d.value >= j.value->>0 AND d.value < j.value->>1`;
    };
    return { table, test, stretches: [], rows, byNumber: [], pinned: false, rank: 2 };
  }
  const one = values.length === 1;
  const exact = { index: undefined, where: isIn(a, values), order: ['value'], fixed: one ? values : [], bounded: true };
  const begun = beginnings.map((beginning) => ({
    index: undefined,
    where: beginsWith(a, beginning),
    order: ['value'],
    fixed: [],
    bounded: true,
  }));
  const byNumber =
    beginnings.length > 0 || values.length > mostMerged
      ? []
      : values.map((value) => ({ index: undefined, where: isIn(a, [value]), order: [], fixed: [] }));
  return { table, test, stretches: [exact, ...begun], byNumber, pinned: one && beginnings.length === 0, rank: 2 };
}
