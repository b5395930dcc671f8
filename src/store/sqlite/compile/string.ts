/** Strings: by their beginning, a part, their end, exactly or by their order. https://hl7.org/fhir/R4/search.html#string */
import type { StringTest } from '../../../search/criteria.ts';
import { normaliseString } from '../../../search/normalise.ts';
import { all, always, any, isIn, never, raw, type Sql, sql, tick } from '../sql.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type Context, indexed, type Prefix } from './condition.ts';
import { filtered, type Matcher, mostStretches, type Stretch } from './matcher.ts';
import { afterPrefix, beginsWith } from './prefix.ts';

const table = 'string';

function one({ match, value }: StringTest, { a, b }: Columns): Sql {
  switch (match) {
    case 'starts':
      return beginsWith(a, value);
    case 'contains':
      return sql`instr(${a}, ${value}) > 0`;
    // '' stands for a word of a longer part, which is no value of its own.
    case 'ends': {
      // SQLite counts characters, not UTF-16 units.
      const ending = value === '' ? always : sql`substr(${a}, ${-[...value].length}) = ${value}`;
      return all([ending, sql`${b} <> ''`]);
    }
    case 'exact':
      return value === '' ? never : sql`${a} = ${normaliseString(value)} AND ${b} = ${value}`;
    case 'equal':
      return sql`${a} = ${value} AND ${b} <> ''`;
    default:
      return sql`${a} ${raw(match)} ${value} AND ${b} <> ''`;
  }
}

/** Whether a value in these columns passes any of the tests. */
export function stringTest(tests: readonly StringTest[], columns: Columns): Sql {
  return any(tests.map((test) => one(test, columns)));
}

/** The tests without those that others include. */
function distinct(tests: readonly StringTest[]): readonly StringTest[] {
  const starts = [...new Set(tests.filter(({ match }) => match === 'starts').map(({ value }) => value))].sort();
  const shortest: string[] = [];
  for (const value of starts) {
    const before = shortest.at(-1);
    if (before === undefined || !value.startsWith(before)) shortest.push(value);
  }
  const exact = [...new Set(tests.filter(({ match }) => match === 'exact').map(({ value }) => value))];
  const apart = exact.filter((value) => !shortest.some((start) => normaliseString(value).startsWith(start)));
  return [
    ...shortest.map((value) => ({ kind: 'string', match: 'starts', value }) as const),
    ...apart.map((value) => ({ kind: 'string', match: 'exact', value }) as const),
  ];
}

/** Different texts that are looked through, at most. */
const mostTexts = 1000;

/**
 * The normalised texts of a parameter that may pass, each looked for behind the one before: many resources have the same. undefined
 * where there are too many different ones.
 */
function textsPassing(
  tests: readonly StringTest[],
  number: number,
  { at, rows }: Context,
): readonly string[] | undefined {
  const tables: readonly Prefix[] = at === undefined ? [''] : ['', 'kept_'];
  const found = new Set<string>();
  for (const prefix of tables) {
    const least = (bounds: Sql): Sql => sql`SELECT d.norm FROM ${raw(indexed(prefix, table, undefined, 'd'))}
      WHERE d.param = ${number} AND ${bounds} ORDER BY d.norm LIMIT 1`;
    const listed = rows(sql`WITH RECURSIVE text(norm) AS (
        SELECT (${least(always)}) UNION ALL SELECT (${least(raw('d.norm > text.norm'))}) FROM text
          WHERE text.norm IS NOT NULL LIMIT ${mostTexts + 2})
      SELECT count(norm), json_group_array(norm) FILTER (WHERE ${any(tests.map(ofNorm))}) FROM text`);
    const [count, passing] = listed[0] ?? [];
    if (Number(count) > mostTexts) return undefined;
    for (const text of JSON.parse(String(passing)) as readonly string[]) found.add(text);
  }
  return [...found].sort();
}

/** What a test says of the normalised text alone. */
function ofNorm(test: StringTest): Sql {
  const norm = raw('norm');
  if (test.match === 'exact') return sql`${norm} = ${normaliseString(test.value)}`;
  // The text as it stands counts only where it is empty.
  return one(test, { a: norm, b: raw("'*'"), c: raw('NULL') });
}

/** Tests that no bounds of the index stand for: of the texts that pass, where these are known. */
function scanning(tests: readonly StringTest[], number: number | undefined, context: Context): Stretch {
  const test = stringTest(tests, columnsOf(table, 'd'));
  const texts = number === undefined ? undefined : textsPassing(tests, number, context);
  if (texts === undefined) return filtered(table, test);
  const where = texts.length === 0 ? never : all([isIn(raw('d.norm'), texts), test]);
  return { index: undefined, where, order: ['norm', 'exact'], fixed: [], bounded: true };
}

/** @param number that of the parameter whose values these are. */
export function string(tests: readonly StringTest[], context: Context, number: number | undefined): Matcher {
  const scanned = tests.some(({ match }) => match !== 'starts' && match !== 'exact');
  const kept = scanned ? tests : distinct(tests);
  const test = (alias: string) => {
    const columns = columnsOf(table, alias);
    return kept.length > mostStretches && !scanned ? listed(kept, columns) : stringTest(kept, columns);
  };
  const matcher = { table, test, byNumber: [], pinned: false } as const;
  if (scanned) {
    const equal = tests.length === 1 && tests[0]?.match === 'equal';
    return { ...matcher, stretches: [scanning(tests, number, context)], rank: equal ? 3 : 9 };
  }
  if (kept.length <= mostStretches) {
    const columns = columnsOf(table, 'd');
    const order = ['norm', 'exact'];
    return {
      ...matcher,
      stretches: kept.map((each) => ({ index: undefined, where: one(each, columns), order, fixed: [], bounded: true })),
      rank: 3,
    };
  }
  return {
    ...matcher,
    stretches: [],
    rows: (prefix: Prefix, parameter: number) => {
      const from = raw(indexed(prefix, table, undefined, 'd'));
      return sql`SELECT d.rid AS rid FROM json_each(${boundsOf(kept)}) j CROSS JOIN ${from}
        WHERE ${tick(raw('d.rid'))} AND d.param = ${parameter} AND d.norm >= j.value->>0 AND d.norm < j.value->>1
          AND (j.value->>2 IS NULL OR d.exact = j.value->>2)`;
    },
    rank: 3,
  };
}

/** Many tests as [from, before, exact] in one JSON array. */
function boundsOf(tests: readonly StringTest[]): string {
  const end = '\u{10ffff}';
  return JSON.stringify(
    tests.map(({ match, value }) => {
      if (match === 'starts') return [value, afterPrefix(value) ?? end, null];
      const norm = normaliseString(value);
      // The least text above one text is that text and the least character.
      return [norm, `${norm}\u0001`, value];
    }),
  );
}

function listed(tests: readonly StringTest[], { a, b }: Columns): Sql {
  const starts = tests.filter(({ match }) => match === 'starts');
  const exact = tests.filter(({ match }) => match === 'exact');
  const lengths = new Map<number, string[]>();
  for (const { value } of starts) {
    // SQLite counts characters, not UTF-16 units.
    const length = [...value].length;
    lengths.set(length, [...(lengths.get(length) ?? []), value]);
  }
  const tested = [...lengths].map(([length, values]) => {
    return sql`substr(${a}, 1, ${length}) IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;
  });
  if (exact.length > 0) {
    const values = JSON.stringify(exact.map(({ value }) => value).filter((value) => value !== ''));
    tested.push(all([sql`${b} IN (SELECT value FROM json_each(${values}))`]));
  }
  return any(tested);
}
