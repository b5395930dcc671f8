/** The texts of tokens, kept by the numbers of a dictionary. https://hl7.org/fhir/R4/search.html#modifiers (:text) */
import { textSystem } from '../../../search/companion.ts';
import type { TextTest } from '../../../search/criteria.ts';
import { any, raw, sql, tick } from '../sql.ts';
import { columnsOf } from './columns.ts';
import type { Context } from './condition.ts';
import type { Matcher } from './matcher.ts';
import { afterPrefix } from './prefix.ts';

const table = 'token';

/** After all texts. */
const end = '\u{10ffff}';

export function text(tests: readonly TextTest[], { lookUp }: Context): Matcher | undefined {
  const system = lookUp.system(textSystem);
  if (system === undefined) return undefined;
  const bounds = tests.map(({ value }) => [value, afterPrefix(value) ?? end] as const);
  // By the index on texts; the planner would take the one on systems, of which all texts have the same.
  const found = sql`d.code IN (SELECT c.num FROM json_each(${JSON.stringify(bounds)}) j
    CROSS JOIN code c INDEXED BY sqlite_autoindex_code_1
    ON c.value >= j.value->>0 AND c.value < j.value->>1 AND c.system = ${system} AND ${tick(raw('c.num'))})`;
  // There may be a great many: a resource's own are looked up one by one.
  const test = (alias: string) => {
    const within = bounds.map(([from, to]) => sql`c.value >= ${from} AND c.value < ${to}`);
    return sql`EXISTS (SELECT 1 FROM code c
      WHERE c.num = ${columnsOf(table, alias).a} AND c.system = ${system} AND ${any(within)})`;
  };
  const stretch = { index: undefined, where: found, order: ['code'], fixed: [] };
  return { table, test, stretches: [stretch], byNumber: [], pinned: false, rank: 5 };
}
