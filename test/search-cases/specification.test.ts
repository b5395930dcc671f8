/**
 * The examples of R4's page on searches, each asked as the page writes it of resources of which some match and some don't.
 * https://hl7.org/fhir/R4/search.html
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { entriesOf, find, idsOf, link, patient, search, selfOf } from '../http/searching.ts';
import { type Json, type TestServer, testServer } from '../http/server.ts';
import { answerOf, expectAnswer } from './answer.ts';
import { pendingExamples, pendingFor, withoutCase } from './pending.ts';
import { combined } from './specification/combined.ts';
import { general } from './specification/general.ts';
import { byReference } from './specification/references.ts';
import { type Example, narrative, type Section, valueSet } from './specification/section.ts';
import { values } from './specification/values.ts';

const sections: readonly Section[] = [...general, ...values, ...byReference, ...combined];

/** What is asked for an example. */
const asked = ({ query, instead }: Example): string => instead?.query ?? query;

/** Stores resources: those with an id under it. */
async function store(server: TestServer, resources: readonly Json[]): Promise<void> {
  const entry = resources.map((resource) => {
    const { resourceType: type, id } = resource;
    return {
      resource,
      request: id === undefined ? { method: 'POST', url: type } : { method: 'PUT', url: `${type}/${id}` },
    };
  });
  const reply = await server.send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  expect(reply.status, reply.text).toBe(200);
}

describe('the list of what is pending', () => {
  it('belongs to examples, each of which is here once', () => {
    const names = sections.flatMap(({ examples }) => examples.map(asked));
    expect(names.length).toBeGreaterThan(100);
    expect(new Set(names).size).toBe(names.length);
    expect(withoutCase(pendingExamples, names)).toEqual([]);
  });
});

describe.each(sections.map((section) => [section.anchor, section] as const))('search.html#%s', (_, section) => {
  const { resources, examples, now, earlier } = section;
  let server: TestServer;

  beforeAll(async () => {
    const today = new Date(now ?? Date.now());
    const began = new Date(earlier?.at ?? today);
    vi.useFakeTimers({ toFake: ['Date'], now: began });
    server = await testServer();
    if (earlier !== undefined) await store(server, earlier.resources);
    vi.setSystemTime(today);
    await store(server, resources);
  });
  afterAll(async () => {
    await server.close();
    vi.useRealTimers();
  });

  for (const example of examples) {
    const { query, says, finds, instead } = example;
    const pending = pendingFor(asked(example), pendingExamples);
    it(`${query}: ${says}${pending === undefined ? '' : ` — pending: ${pending}`}`, async () => {
      expectAnswer(await answerOf(server, `/${asked(example)}`), finds, pending);
    });

    if (instead === undefined) continue;
    it(`${query}: as it stands something else, for ${instead.because}`, async () => {
      expect(await answerOf(server, `/${query}`)).not.toBe(finds);
    });
  }
});

describe('answers', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await testServer();
    await store(server, [
      patient('peter', {
        text: narrative('Peter'),
        name: [{ given: ['Peter'] }],
        identifier: [{ value: '1' }],
        active: true,
        gender: 'male',
      }),
      patient('petra', { name: [{ given: ['Peter', 'Petra'] }] }),
      patient('anna', { name: [{ given: ['Anna'] }] }),
      valueSet('v', 'http://example.org/v', {
        text: narrative('x'),
        name: 'V',
        purpose: 'x',
        compose: { include: [{ system: 'http://example.org/s' }] },
      }),
    ]);
  });
  afterAll(() => server.close());

  it('POST [base]/[type]/_search: the parameters are a series of name=[value] pairs', async () => {
    const posted = await search(server, '/Patient/_search', 'name=peter&_format=application/fhir%2Bjson');
    expect([...idsOf(posted)].sort()).toEqual(['peter', 'petra']);
    expect(await find(server, '/Patient?name=peter&_format=application/fhir%2Bjson')).toBe('peter petra');
  });

  it('#conformance: the server SHALL return the parameters that were actually used to process the search', async () => {
    expect(selfOf(await server.get('/Patient?name=peter'))).toContain('name=peter');
    const lenient = await server.get('/Patient?name=peter&unknown=1', { Prefer: 'handling=lenient' });
    expect(selfOf(lenient)).not.toContain('unknown=1');
    expect(lenient.body.total).toBe(2);
  });

  it('#errors: Prefer: handling=strict: that the server return an error for any unknown parameter', async () => {
    expect((await server.get('/Patient?unknown=1', { Prefer: 'handling=strict' })).status).toBe(400);
  });

  it('#total: Bundle.total represents the total number of matches, not how many are in a response', async () => {
    expect((await server.get('/Patient?name=peter&_count=1&_total=accurate')).body.total).toBe(2);
    expect((await server.get('/Patient?name=peter&_total=none')).body.total).toBeUndefined();
    expect((await server.get('/Patient?name=peter&_total=estimate')).body.total).toBe(2);
  });

  it('#count: the value 0 shall be treated the same as _summary=count', async () => {
    for (const parameter of ['_count=0', '_summary=count']) {
      const { body } = await server.get(`/Patient?name=peter&${parameter}`);
      expect(body.total, parameter).toBe(2);
      expect(body.entry, parameter).toBeUndefined();
      expect(body.link.map((each: Json) => each.relation)).toEqual(['self']);
    }
  });

  it('#count: Servers SHALL NOT return more resources than requested', async () => {
    const page = await server.get('/Patient?_count=2');
    expect(entriesOf(page)).toHaveLength(2);
    expect(entriesOf(await server.get(link(page, 'next') ?? ''))).toHaveLength(1);
  });

  it('#summary: ValueSet?_summary=true: a subset of the resource, tagged SUBSETTED', async () => {
    const [entry] = entriesOf(await server.get('/ValueSet?_summary=true'));
    expect(Object.keys(entry.resource).sort()).toEqual(['id', 'meta', 'name', 'resourceType', 'status', 'url']);
    expect(entry.resource.meta.tag[0].code).toBe('SUBSETTED');
  });

  it('#elements: Patient?_elements=identifier,active,link: Only elements that are listed are to be returned', async () => {
    const [entry] = entriesOf(await server.get('/Patient?_id=peter&_elements=identifier,active,link'));
    expect(Object.keys(entry.resource).sort()).toEqual(['active', 'id', 'identifier', 'meta', 'resourceType']);
    expect(entry.resource.meta.tag[0].code).toBe('SUBSETTED');
  });
});
