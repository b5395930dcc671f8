/** Searches by words. https://hl7.org/fhir/R4/search.html#content */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, idsOf, link, load, observation, pagesFrom, patient, refused, search, selfOf } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;
const div = (text: string) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>`,
});
const condition = (id: string, more: Json): Json => {
  return { resourceType: 'Condition', id, subject: { reference: 'Patient/ann' }, ...more };
};

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('ann', { text: div('Ann Arendt, <b>born</b> 1970'), name: [{ family: 'Arendt' }] }),
    patient('bob', { name: [{ family: 'Brecht', text: 'Bob Brecht' }] }),
    condition('liver', { text: div('A liver with metastases') }),
    condition('bone', { text: div('Metastases in a bone') }),
    condition('old', { note: [{ text: 'an old bone fracture' }], code: { coding: [{ code: 'S82.1' }] } }),
    observation('o1', { subject: { reference: 'Patient/ann' }, note: [{ text: 'seen with metastases' }] }),
    observation('o2', { subject: { reference: 'Patient/bob' } }),
  ]);
});
afterAll(() => server.close());

describe('words', () => {
  it.each([
    ['/Condition?_text=(bone OR liver) and metastases', 'bone liver'],
    ['/Condition?_text=bone', 'bone'],
    ['/Condition?_content=bone', 'bone old'],
    ['/Condition?_content=S82.1', 'old'],
    ['/Condition?_content="bone fracture"', 'old'],
    ['/Condition?_content=bone&_content=old', 'old'],
    ['/Condition?_content=NOT metasta*', 'old'],
    ['/Condition?_content=bone&subject=Patient/bob', ''],
    ['/Patient?_text=ärendt', 'ann'],
    ['/Patient?_content=brecht,arendt', 'ann bob'],
    ['/?_type=Condition,Observation&_content=metastases', 'bone liver o1'],
    ['/Patient/ann/Condition?_text=bone', 'bone'],
    ['/Patient/ann/*?_type=Condition,Observation&_content=metastases', 'bone liver o1'],
    ['/Observation?subject:Patient._text=arendt', 'o1'],
    ['/Patient?_has:Condition:subject:_text=liver', 'ann'],
    ['/Binary?_text=x', ''],
  ])('%s finds %s', async (path, ids) => {
    expect(await find(server, path)).toBe(ids);
  });

  it('of the whole system are found', async () => {
    expect(await find(server, '/?_content=metastases')).toBe('bone liver o1');
    expect(await find(server, '/?_text=arendt')).toBe('ann');
  });

  it('stand in self, and work by POST', async () => {
    const reply = await search(server, '/Condition/_search', { _text: 'bone or liver' });
    expect([...idsOf(reply)].sort()).toEqual(['bone', 'liver']);
    expect(selfOf(reply)).toContain('_text=bone or liver');
  });

  it('are explained', async () => {
    const reply = await server.get('/Condition?_text=bone&_explain=true');
    expect(reply.status, reply.text).toBe(200);
    expect(reply.text).toContain('_text has \\"bone\\"');
  });

  it('that are malformed are refused, whatever the handling', async () => {
    expect(await refused(server, '/Condition?_text=(bone')).toMatch(/_text: the parenthesis .* \(character 1/);
    expect(await refused(server, '/Condition?_text:exact=bone')).toMatch(/_text takes no modifier/);
    const lenient = { Prefer: 'handling=lenient' };
    expect(await refused(server, '/Condition?_content=bone AND', lenient)).toMatch(/character 9/);
    expect(await refused(server, '/Condition?_sort=_text')).toMatch(/_sort/);
    expect(await refused(server, '/Observation?_sort=subject:Patient._text')).toMatch(/_sort/);
    expect(await refused(server, '/Condition?_filter=_text eq bone')).toMatch(/_text/);
  });

  it('are those of the last acknowledged write', async () => {
    for (const [text, found] of [
      ['first', 'w'],
      ['second', ''],
    ] as const) {
      await server.send('PUT', '/Basic/w', { resourceType: 'Basic', id: 'w', code: { text } });
      expect(await find(server, `/Basic?_content=${text}`)).toBe('w');
      expect(await find(server, '/Basic?_content=first')).toBe(found);
    }
    await server.send('DELETE', '/Basic/w');
    expect(await find(server, '/Basic?_content=second')).toBe('');
  });
});

describe('the score of a match by words', () => {
  const entries = async (path: string): Promise<Json[]> => {
    const reply = await server.get(path);
    expect(reply.status, reply.text).toBe(200);
    return reply.body.entry;
  };
  const scored = async (path: string) =>
    (await entries(path)).map(({ resource, search: how }) => [resource.id, how.score]);

  it('is a decimal between 0 and 1, the same whatever is shown of the resource', async () => {
    const whole = await scored('/Condition?_content=bone&_sort=_id');
    expect(whole).toEqual([
      ['bone', expect.closeTo(0.72, 1)],
      ['old', expect.closeTo(0.72, 1)],
    ]);
    expect(await scored('/Condition?_content=bone&_sort=_id&_elements=code')).toEqual(whole);
    expect(await scored('/Condition?_content=bone&_sort=_id&subject=Patient/ann')).toEqual(whole);
    expect(await scored('/Patient/ann/Condition?_content=bone&_sort=_id')).toEqual(whole);
  });

  it('is higher where a word comes more often, and where more of the words are', async () => {
    const [often, once] = ['bone bone bone a b', 'bone a b c d'];
    await load(server, [
      condition('often', { subject: { reference: 'Patient/bob' }, text: div(often) }),
      condition('once', { subject: { reference: 'Patient/bob' }, text: div(`${once} liver`) }),
    ]);
    const ids = async (query: string) => (await scored(`/Condition?subject=Patient/bob&${query}`)).map(([id]) => id);
    expect(await ids('_text=bone&_sort=-_score')).toEqual(['often', 'once']);
    expect(await ids('_text=bone&_sort=_score')).toEqual(['once', 'often']);
    expect(await ids('_text=bone or liver&_sort=-_score')).toEqual(['once', 'often']);
    expect(await ids('_text=bone&_text=a b&_sort=-_score,_id')).toEqual(['often', 'once']);
    await server.send('DELETE', '/Condition/often');
    await server.send('DELETE', '/Condition/once');
  });

  it('has none who is not found by own words', async () => {
    expect(await scored('/Observation?subject:Patient._text=arendt')).toEqual([['o1', undefined]]);
    expect(await scored('/Condition?_content=NOT metasta*')).toEqual([['old', undefined]]);
    const included = await entries('/Condition?_text=liver&_include=Condition:subject');
    expect(included.map(({ search: how }) => [how.mode, how.score])).toEqual([
      ['match', expect.any(Number)],
      ['include', undefined],
    ]);
  });

  it('orders several types', async () => {
    const found = await scored('/?_type=Condition,Observation&_content=metastases&_sort=-_score');
    expect(found).toHaveLength(3);
    const scores = found.map(([, score]) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  it('orders nothing without words', async () => {
    expect(await refused(server, '/Condition?_sort=_score')).toMatch(/_score.*_text or _content/);
    expect(await refused(server, '/Condition?_content=NOT bone&_sort=_score')).toMatch(/_score/);
    expect(await refused(server, '/Observation?_sort=subject:Patient._score&_text=x')).toMatch(/_sort/);
    expect(await refused(server, '/AuditEvent?_sort=_score')).toMatch(/_score/);
  });

  it('orders a walk that others write beside', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `s${n}`);
    const flag = (id: string, times: number): Json => ({
      resourceType: 'Flag',
      id,
      status: 'active',
      code: { text: 'scored '.repeat(times) },
      subject: { reference: 'Patient/bob' },
    });
    await load(
      server,
      ids.map((id, n) => flag(id, 1 + ((n * 7) % 41))),
    );
    const first = await server.get('/Flag?_content=scored&_sort=-_score&_count=7');
    expect(first.body.total).toBe(40);
    await load(server, [...ids.slice(20).map((id) => flag(id, 1)), flag('new', 20)]);
    const shown = (await pagesFrom(server, first)).flatMap(({ body }) => body.entry);
    expect(shown.map(({ resource }) => resource.id).sort()).toEqual([...ids].sort());
    const scores = shown.map(({ search: how }) => how.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBeGreaterThan(20);
    for (const id of [...ids, 'new']) await server.send('DELETE', `/Flag/${id}`);
  });
});

describe('a walk by words', () => {
  it('shows the state of its first page', async () => {
    const ids = Array.from({ length: 130 }, (_, n) => `w${n}`);
    const flag = (id: string, text: string): Json => ({
      resourceType: 'Flag',
      id,
      status: 'active',
      code: { text },
      subject: { reference: 'Patient/ann' },
    });
    await load(
      server,
      ids.map((id) => flag(id, 'a walk')),
    );
    const first = await server.get('/Flag?_content=walk&_count=20');
    expect(first.body.total).toBe(130);
    expect(link(first, 'next')).toBeDefined();
    await load(server, [...ids.slice(60).map((id) => flag(id, 'changed')), flag('later', 'a walk')]);
    // The next search takes what changed into the index.
    expect(await find(server, '/Flag?_content=changed&_count=100')).toBe(ids.slice(60).sort().join(' '));
    const pages = await pagesFrom(server, first);
    expect(pages.flatMap(idsOf).sort()).toEqual([...ids].sort());
    for (const page of pages) for (const { resource } of page.body.entry) expect(resource.code.text).toBe('a walk');
  });
});

describe('criteria of writes', () => {
  const basic = (text: string): Json => ({ resourceType: 'Basic', code: { text } });

  it('may look at words', async () => {
    const headers = { 'If-None-Exist': '_content=once' };
    expect((await server.send('POST', '/Basic', basic('once'), headers)).status).toBe(201);
    expect((await server.send('POST', '/Basic', basic('once'), headers)).status).toBe(200);
    const both = await Promise.all(
      [1, 2].map(() => server.send('POST', '/Basic', basic('twice'), { 'If-None-Exist': '_content=twice' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect((await server.send('DELETE', '/Basic?_content=once')).status).toBe(204);
  });

  it('look at what the bundle itself creates', async () => {
    const entry = (text: string, more: Json = {}): Json => ({
      resource: { ...basic(text), ...more },
      request: { method: 'POST', url: 'Basic', ifNoneExist: `_content=${text}` },
    });
    const one = { resourceType: 'Bundle', type: 'transaction', entry: [entry('bundled'), entry('bundled')] };
    const reply = await server.send('POST', '', one);
    expect(reply.status, reply.text).toBe(200);
    expect(await find(server, '/Basic?_content=bundled')).toMatch(/^\S+$/);
    const referring = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { resource: basic('target'), request: { method: 'POST', url: 'Basic' } },
        {
          resource: observation('refers', { focus: [{ reference: 'Basic?_content=target' }] }),
          request: { method: 'PUT', url: 'Observation/refers' },
        },
      ],
    };
    const referred = await server.send('POST', '', referring);
    expect(referred.status, referred.text).toBe(200);
    const target = await find(server, '/Basic?_content=target');
    expect((await server.get('/Observation/refers')).body.focus[0].reference).toBe(`Basic/${target}`);
  });
});
