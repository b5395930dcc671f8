/** Canonicals that lead to resources, and resources that canonicals lead to. https://hl7.org/fhir/R4/references.html#canonical */
import { splitCanonical } from '../../../search/canonical-target.ts';
import type { CanonicalTarget, Parameter } from '../../../search/criteria.ts';
import { foldToken } from '../../../search/normalise.ts';
import { TooCostly } from '../../errors.ts';
import { all, isIn, raw, type Sql, sql, tick } from '../sql.ts';
import { type Condition, type Context, indexed, type Prefix } from './condition.ts';
import type { Matcher } from './matcher.ts';
import { type Passing, passing } from './passing.ts';
import { beforeEndOf, beginsWith } from './prefix.ts';

/** Resources whose URLs are looked up one by one, at most. */
const mostNamed = 2000;

/** What passes, where canonicals lead to it or from it. Throws TooCostly where it is too much. */
export function passingCanonicals(condition: Condition, context: Context): Passing {
  const found = passing(condition, context, mostNamed);
  if (found === undefined) {
    throw new TooCostly(`A chain through canonical URLs leads over more than ${mostNamed} resources: narrow its end.`);
  }
  return found;
}

/** The canonicals of a parameter that lead to the resources that pass; undefined where there is none. */
export function canonicalsOf(
  found: Passing,
  { url, version }: CanonicalTarget,
  parameter: number,
  context: Context,
): Matcher | undefined {
  const urls = valuesOf(found, url, context);
  const versions = version === undefined ? new Map<number, readonly string[]>() : valuesOf(found, version, context);
  const values = new Set<string>();
  for (const [owner, own] of urls) {
    const known = new Set((versions.get(owner) ?? []).map(foldToken));
    for (const each of own) {
      for (const named of [each, ...namesOf(each, parameter, context)]) {
        const split = splitCanonical(named);
        if (split.url === each && (split.version === undefined || known.has(foldToken(split.version))))
          values.add(named);
      }
    }
  }
  if (values.size === 0) return undefined;
  const test = (alias: string) => isIn(raw(`${alias}.value`), [...values]);
  const stretches = [{ index: undefined, where: test('d'), order: ['value'], fixed: [], bounded: true }];
  return { table: 'uri', test, stretches, byNumber: [], pinned: false, rank: 2 };
}

/** The canonicals that resources which pass have as values of a parameter. */
export function canonicalsIn(found: Passing, parameter: Parameter, context: Context): readonly string[] {
  return [...new Set([...valuesOf(found, parameter, context).values()].flat())];
}

/** The texts of a parameter by the owner of the rows. */
function valuesOf(found: Passing, parameter: Parameter, context: Context): ReadonlyMap<number, readonly string[]> {
  const number = context.lookUp.parameter(parameter);
  const table = parameter.kind === 'token' ? 'identifier' : 'uri';
  const values = new Map<number, readonly string[]>();
  if (number === undefined || (parameter.kind === 'token' && !parameter.textual)) return values;
  const read = (prefix: Prefix, owners: readonly number[]): void => {
    const rows = context.rows(sql`SELECT x.rid, x.value FROM json_each(${JSON.stringify(owners)}) j
      CROSS JOIN ${raw(indexed(prefix, table, 'by_resource', 'x'))} ON x.rid = j.value AND x.param = ${number}`);
    for (const [owner, value] of rows) values.set(Number(owner), [...(values.get(Number(owner)) ?? []), String(value)]);
  };
  read('', found.current);
  if (found.kept.length > 0) read('kept_', found.kept);
  return values;
}

/**
 * The values of a parameter that begin with a URL and go on with a version or a fragment. Each is looked for behind the one
 * before: millions of resources may have the same.
 */
export function namesOf(url: string, parameter: number, { at, rows }: Context): readonly string[] {
  const tables: readonly Prefix[] = at === undefined ? [''] : ['', 'kept_'];
  return tables.flatMap((prefix) =>
    ['|', '#'].flatMap((mark) => {
      const least = (bounds: Sql): Sql => sql`SELECT d.value FROM ${raw(indexed(prefix, 'uri', undefined, 'd'))}
        WHERE ${tick(raw('d.rid'))} AND d.param = ${parameter} AND ${bounds} ORDER BY d.value LIMIT 1`;
      const first = url + mark;
      const following = all([raw('d.value > named.value'), beforeEndOf(raw('d.value'), first)]);
      return rows(sql`WITH RECURSIVE named(value) AS (
          SELECT (${least(beginsWith(raw('d.value'), first))})
          UNION ALL SELECT (${least(following)}) FROM named WHERE named.value IS NOT NULL
        ) SELECT value FROM named WHERE value IS NOT NULL`).map(([value]) => String(value));
    }),
  );
}
