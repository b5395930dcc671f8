/** https://hl7.org/fhir/R4/http.html#ccreate */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer, testServer } from './server.ts';
import { found, idOf, issueOf, patient, stores, system, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const create = (criteria: string, body: unknown, headers = {}) =>
  server.send('POST', '/Patient', body, { 'If-None-Exist': criteria, ...headers });

describe('conditional create', () => {
  test('0 matches: 201', async () => {
    const value = unique();
    const reply = await create(`identifier=${system}|${value}`, patient(value));
    expect(reply.status).toBe(201);
    expect(await found(server, `Patient?identifier=${value}`)).toEqual([idOf(reply)]);
  });

  test('1 match: 200 with Location and ETag of the match, whatever the body says', async () => {
    const value = unique();
    await server.send('PUT', `/Patient/${value}`, patient(value, { id: value }));
    await server.send('PUT', `/Patient/${value}`, patient(value, { id: value, active: true }));
    const reply = await create(`identifier=${system}|${value}`, patient(value, { gender: 'other' }));
    expect(reply.status).toBe(200);
    expect(reply.headers.get('location')).toBe(`${base}/Patient/${value}/_history/2`);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    expect(reply.headers.get('last-modified')).not.toBeNull();
    expect(reply.body).toMatchObject({ id: value, active: true });
    expect(reply.body.gender).toBeUndefined();
  });

  test('many: 412', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    await server.send('POST', '/Patient', patient(value));
    const reply = await create(`identifier=${value}`, patient(value));
    expect(reply.status).toBe(412);
    expect(issueOf(reply).code).toBe('multiple-matches');
    expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(2);
  });

  test('a deleted resource is no match', async () => {
    const value = unique();
    const first = await create(`identifier=${value}`, patient(value));
    await server.send('DELETE', `/Patient/${idOf(first)}`);
    const second = await create(`identifier=${value}`, patient(value));
    expect(second.status).toBe(201);
    expect(idOf(second)).not.toBe(idOf(first));
  });

  test('If-None-Exist may begin with ? or Type?', async () => {
    const value = unique();
    const first = await create(`?identifier=${value}`, patient(value));
    expect(first.status).toBe(201);
    const second = await create(`Patient?identifier=${value}`, patient(value));
    expect([second.status, idOf(second)]).toEqual([200, idOf(first)]);
    const wrong = await create(`Observation?identifier=${value}`, patient(value));
    expect(wrong.status).toBe(400);
  });

  test('If-None-Exist may be escaped, or UTF-8 as it is; other bytes are 400', async () => {
    const value = `ü€${unique()}`;
    const first = await create(`identifier=${encodeURIComponent(value)}`, patient(value));
    expect(first.status).toBe(201);
    // A header is sent byte by byte.
    const bytes = (encoding: BufferEncoding) => Buffer.from(`identifier=${value}`, encoding).toString('latin1');
    const second = await create(bytes('utf8'), patient(value));
    expect([second.status, idOf(second)]).toEqual([200, idOf(first)]);
    expect((await create(bytes('latin1'), patient(value))).status).toBe(400);
  });

  test('a question mark in a value belongs to the value', async () => {
    const url = `http://example.org/a?b=${unique()}`;
    const body = { resourceType: 'ValueSet', status: 'draft', url };
    const first = await server.send('POST', '/ValueSet', body, { 'If-None-Exist': `url=${url}` });
    expect(first.status).toBe(201);
    const second = await server.send('POST', '/ValueSet', body, { 'If-None-Exist': `url=${url}` });
    expect([second.status, idOf(second)]).toEqual([200, idOf(first)]);
  });

  test.each([
    ['an unknown parameter', 'nonsense=1'],
    ['an unknown parameter beside a known one', 'identifier=1&nonsense=1'],
    ['an unknown modifier', 'identifier:nonsense=1'],
    ['an empty parameter', 'identifier='],
    ['a parameter of white space alone', 'identifier=%20,+'],
    ['an empty parameter beside another', 'identifier=1&name='],
    ['a result parameter', 'identifier=1&_count=1'],
    ['_sort', 'identifier=1&_sort=name'],
    ['_include', 'identifier=1&_include=Patient:organization'],
    ['_summary', 'identifier=1&_summary=true'],
    ['nothing', ''],
    ['a question mark alone', '?'],
    ['only a type', 'Patient?'],
    ['only _format', '_format=json'],
    ['a malformed value', 'birthdate=2020-13-01'],
    ['a prefix on the wrong type', '_lastUpdated=xx2020'],
  ])('criteria with %s are 400 whatever Prefer says', async (_what, criteria) => {
    const before = await versions(server);
    for (const headers of [{}, { Prefer: 'handling=lenient' }]) {
      const reply = await create(criteria, patient(unique()), headers);
      expect([criteria, reply.status]).toEqual([criteria, 400]);
      expect(reply.body.resourceType).toBe('OperationOutcome');
    }
    expect(await versions(server)).toEqual(before);
  });

  test('Prefer shapes the answer of a match as that of a create', async () => {
    const value = unique();
    await create(`identifier=${value}`, patient(value));
    const minimal = await create(`identifier=${value}`, patient(value), { Prefer: 'return=minimal' });
    expect([minimal.status, minimal.text]).toEqual([200, '']);
    expect(minimal.headers.get('location')).not.toBeNull();
    const outcome = await create(`identifier=${value}`, patient(value), { Prefer: 'return=OperationOutcome' });
    expect([outcome.status, outcome.body.resourceType]).toEqual([200, 'OperationOutcome']);
  });

  test('a faulty body is 400 also where there is a match', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    expect((await create(`identifier=${value}`, { resourceType: 'Patient', nonsense: 1 })).status).toBe(400);
  });
});

describe.each(stores)('simultaneous conditional creates, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('of the same thing make one resource; losers are answered as if they had come later: 200 with the match', async () => {
    for (let round = 0; round < 5; round += 1) {
      const value = unique('race');
      const replies = await Promise.all(
        Array.from({ length: 20 }, () =>
          racing.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${system}|${value}` }),
        ),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
      expect(new Set(replies.map(idOf)).size).toBe(1);
      expect(await found(racing, `Patient?identifier=${value}`)).toEqual([idOf(replies[0])]);
    }
  });

  test('never both act on an outdated answer, however the criteria are spelled', async () => {
    const value = unique('spelled');
    const criteria = [
      `identifier=${system}|${value}`,
      `identifier=${encodeURIComponent(`${system}|${value}`)}`,
      `?identifier=${value}`,
      `Patient?identifier=${value}&active=true`,
      `active=true&identifier=${value}`,
      `identifier=other,${value}`,
      `identifier=${system}|${value}&identifier=${value}&_format=json`,
      `name=${value}`,
    ];
    const body = patient(value, { active: true, name: [{ family: value }] });
    const replies = await Promise.all(
      criteria.map((each) => racing.send('POST', '/Patient', body, { 'If-None-Exist': each })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(criteria.length - 1).fill(200), 201]);
    expect(await found(racing, `Patient?identifier=${value}`)).toHaveLength(1);
  });

  test('and deletions of the match end in a state that some order of them explains', async () => {
    const value = unique('churn');
    for (let round = 0; round < 5; round += 1) {
      const first = await racing.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${value}` });
      const replies = await Promise.all([
        racing.send('DELETE', `/Patient/${idOf(first)}`),
        racing.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${value}` }),
        racing.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${value}` }),
      ]);
      expect(replies[0].status).toBe(204);
      for (const { status } of replies.slice(1)) expect([200, 201]).toContain(status);
      expect((await found(racing, `Patient?identifier=${value}`)).length).toBeLessThanOrEqual(1);
    }
  });
});
