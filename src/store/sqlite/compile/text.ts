/** The texts of tokens, kept by the numbers of a dictionary. https://hl7.org/fhir/R4/search.html#modifiers (:text) */
import { textSystem } from '../../../search/companion.ts';
import type { TextTest } from '../../../search/criteria.ts';
import { type Sql, sql } from '../sql.ts';
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
  const bounds = JSON.stringify(tests.map(({ value }) => [value, afterPrefix(value) ?? end]));
  // By the index on texts; the planner would take the one on systems, of which all texts have the same.
  const among = (code: Sql) => sql`${code} IN (SELECT c.num FROM json_each(${bounds}) j
    CROSS JOIN code c INDEXED BY sqlite_autoindex_code_1
    ON c.value >= j.value->>0 AND c.value < j.value->>1 AND c.system = ${system})`;
  const test = (alias: string) => among(columnsOf(table, alias).a);
  const stretch = { index: undefined, where: test('d'), order: ['code'], fixed: [] };
  return { table, test, stretches: [stretch], byNumber: [], pinned: false, rank: 5 };
}
