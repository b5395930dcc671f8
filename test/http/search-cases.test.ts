/** Thousands of random query strings: each finds what `search/match.ts` says. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchContext } from '../../src/interactions/condition.ts';
import { withTerms } from '../../src/interactions/terms.ts';
import { compareBy, type Indexed, matches, type Others } from '../../src/search/match.ts';
import { type Prefix, takePrefix } from '../../src/search/parse/value.ts';
import { parseSearch } from '../../src/search/query.ts';
import { criteriaCases, firstSeed, leastCases, missed, queryCases, type Tally } from '../search/cases.ts';
import { library, putAll, urlOf } from './random-library.ts';
import { arbitraryCase, arbitraryResources } from './random-resources.ts';
import { idsOf } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

type Pair = readonly [name: string, value: string];

const fillings = 10;
const modifiers: Tally<string> = {
  '': 0,
  missing: 0,
  exact: 0,
  contains: 0,
  not: 0,
  text: 0,
  in: 0,
  'not-in': 0,
  above: 0,
  below: 0,
  'of-type': 0,
  identifier: 0,
  Patient: 0,
};
const prefixes: Tally<Prefix | 'none'> = {
  none: 0,
  eq: 0,
  ne: 0,
  gt: 0,
  lt: 0,
  ge: 0,
  le: 0,
  sa: 0,
  eb: 0,
  ap: 0,
};
const paths = { chain: 0, _has: 0 };

/** Counts what a parameter is of. */
function count({ context }: TestServer, type: string, [name, text]: Pair): void {
  const has = name.startsWith('_has:');
  if (has) paths._has++;
  if (name.includes('.')) paths.chain++;
  if (has || name.includes('.')) return;
  const [code = '', modifier = ''] = name.split(':');
  modifiers[modifier] = (modifiers[modifier] ?? 0) + 1;
  const kind = context.registry.get(type, code)?.kind;
  if (modifier !== '' || (kind !== 'date' && kind !== 'number' && kind !== 'quantity')) return;
  for (const value of text.split(',')) {
    const { prefix, stated } = takePrefix(value);
    prefixes[stated ? prefix : 'none']++;
  }
}

/** @returns how many matches it has, of how many resources. */
async function check(
  server: TestServer,
  all: readonly Indexed[],
  { type, criteria, sort }: { readonly type: string; readonly criteria: readonly Pair[]; readonly sort: string },
): Promise<readonly [number, number]> {
  const others: Others = {
    get: (of, id) => all.find((each) => each.type === of && each.id === id),
    of: (of) => all.filter((each) => each.type === of),
  };
  const parameters: readonly Pair[] = [...criteria, ['_sort', sort], ['_count', '1000']];
  const searching = searchContext(server.context, [type], 'strict');
  const { parts } = await withTerms(server.context, searching, (known) => parseSearch(parameters, known));
  const [part] = parts;
  if (part === undefined) throw new Error('one type is searched');
  const own = all.filter((each) => each.type === type);
  const expected = own.filter((each) => matches(part.criterion, each, others));
  const url = urlOf(type, parameters);
  const page = await server.get(url);
  const found = idsOf(page);
  expect([...found].sort(), url).toEqual(expected.map(({ id }) => id).sort());
  expect(page.body.total, url).toBe(expected.length);
  const order = compareBy(part.sort, others);
  const shown = found.flatMap((id) => others.get(type, id) ?? []);
  for (const [n, each] of shown.entries()) {
    const before = shown[n - 1];
    if (before !== undefined) expect(order(before, each), url).toBeLessThanOrEqual(0);
  }
  return [expected.length, own.length];
}

describe(`${queryCases} random query strings`, () => {
  let done = 0;
  let selective = 0;

  it.each(Array.from({ length: fillings }, (_, n) => firstSeed + n))(
    'find what they mean (CASES_SEED=%i)',
    async (seed) => {
      const server = await testServer({ AUDIT: 'off', TIMEZONE: 'Europe/Berlin' });
      for (const resources of fc.sample(arbitraryResources, { numRuns: 3, seed })) await putAll(server, resources);
      const all = await library(server);
      try {
        const property = fc.asyncProperty(arbitraryCase, async (each) => {
          const [found, of] = await check(server, all, each);
          for (const pair of each.criteria) count(server, each.type, pair);
          done++;
          if (found > 0 && found < of) selective++;
        });
        await fc.assert(property, { numRuns: queryCases / fillings, seed });
      } finally {
        await server.close();
      }
    },
    180_000,
  );

  it('were that many, with every modifier and prefix, and many find some but not all', () => {
    expect(done).toBe(queryCases);
    expect(queryCases + criteriaCases).toBeGreaterThanOrEqual(leastCases);
    expect([modifiers, prefixes, paths].flatMap(missed)).toEqual([]);
    expect(selective).toBeGreaterThan(queryCases / 10);
  });
});
