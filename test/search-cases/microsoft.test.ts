/**
 * The search cases of another server (microsoft/fhir-server, MIT), over HTTP; where it differs from R4, the R4 text decides.
 * https://hl7.org/fhir/R4/search.html
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, type TestServer, testServer } from '../http/server.ts';
import { idOf } from '../http/writing.ts';
import { answerOf, expectAnswer } from './answer.ts';
import { differences } from './differences.ts';
import { pendingCases, pendingFor, withoutCase } from './pending.ts';

interface Case {
  readonly type: string;
  readonly query: string;
  /** What a mark in the query stands for, not encoded. */
  readonly value?: string;
  /** Places or names of the resources that match. */
  readonly expect?: readonly (number | string)[];
  readonly expectError?: boolean;
}

interface Suite {
  readonly name: string;
  /** A list, or named. */
  readonly resources: Readonly<Record<string, Json>>;
  readonly cases: readonly Case[];
}

const file = join(process.env.OSTEON_TEST_DATA ?? '../shared/data', 'search-cases/microsoft-e2e-search.json');
const present = existsSync(file);
const mark = '<value, url-encoded>';
const ownTag = /(?:_tag|identifier)=the-tag&|&_tag=the-tag$/;

const { suites }: { suites: readonly Suite[] } = present
  ? JSON.parse(
      readFileSync(file, 'utf8').replaceAll('{tag}', 'the-tag'),
      // These resources have one, as STU3 does; in R4 it is a list.
      (key, value) => (key === 'interpretation' && !Array.isArray(value) ? [value] : value),
    )
  : { suites: [] };

function nameOf({ type, query, value = '' }: Case): string {
  return `${type}?${query.replace(mark, () => value).replace(ownTag, '')}`;
}

function pathOf({ type, query, value = '' }: Case): string {
  return `/${type}?${query.replace(mark, () => encodeURIComponent(value))}`;
}

/** What the other server answers. */
function theirs(each: Case): string {
  return each.expectError === true ? 'error' : (each.expect ?? []).map(String).sort().join(' ');
}

it.skipIf(present)('search cases of another server', ({ skip }) => {
  skip(`${file} is absent; set OSTEON_TEST_DATA to run them`);
});

describe.runIf(present)('the lists', () => {
  const cases = suites.flatMap((suite) => suite.cases);
  const names = cases.map(nameOf);

  it('belong to 408 cases', () => {
    expect(cases).toHaveLength(408);
    expect(new Set(names).size).toBe(408);
    expect(Object.keys(differences).filter((name) => !names.includes(name))).toEqual([]);
    expect(withoutCase(pendingCases, names)).toEqual([]);
  });

  it('of differences has only answers that differ', () => {
    const same = cases.filter((each) => differences[nameOf(each)]?.finds === theirs(each));
    expect(same.map(nameOf)).toEqual([]);
  });
});

describe.each(suites.map((suite) => [suite.name, suite] as const))('%s', (_, { resources, cases }) => {
  let server: TestServer;
  const places = new Map<string, string>();

  beforeAll(async () => {
    server = await testServer();
    for (const [place, resource] of Object.entries(resources)) {
      const reply = await server.send('POST', `/${resource.resourceType}`, resource);
      expect(reply.status, reply.text).toBe(201);
      places.set(idOf(reply), place);
    }
  });
  afterAll(() => server.close());

  for (const each of cases) {
    const name = nameOf(each);
    const difference = differences[name];
    const pending = pendingFor(name, pendingCases);
    const notes = [pending && `pending: ${pending}`, difference && `R4: ${difference.r4}`].filter((note) => note);
    it([name.slice(0, 200), ...notes].join(' — '), async () => {
      const wanted = difference?.finds ?? theirs(each);
      const answer = await answerOf(server, pathOf(each), (id) => places.get(id) ?? id);
      const isError = answer.startsWith('refused') && answer !== 'refused: not-supported';
      expectAnswer(isError ? 'error' : answer, wanted, pending);
    });
  }
});
