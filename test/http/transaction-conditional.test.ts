/** https://hl7.org/fhir/R4/http.html#trules */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, found, idOf, issueOf, patient, stores, system, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = (...entries: readonly Json[]) => server.send('POST', '/', bundle('transaction', ...entries));
const about = (reference: string): Json => ({ resourceType: 'Basic', subject: { reference } });
const ifNone = (criteria: string) => ({ ifNoneExist: criteria });

/** A stored Patient with an identifier; its id. */
async function stored(value: string, more: Json = {}): Promise<string> {
  return idOf(await server.send('POST', '/Patient', patient(value, more)));
}

async function refused(status: number, entries: readonly Json[], ...expressions: readonly string[]): Promise<Json> {
  const before = await versions(server);
  const reply = await post(...entries);
  expect([reply.status, reply.body.resourceType]).toEqual([status, 'OperationOutcome']);
  expect(reply.body.issue.flatMap((issue: Json) => issue.expression ?? ['none'])).toEqual(expressions);
  expect(await versions(server)).toEqual(before);
  return reply.body;
}

describe('conditional entries', () => {
  test('conditional create: 0 matches 201, 1 → 200 with location and etag of the match', async () => {
    const value = unique();
    const first = await post(entry('POST', 'Patient', patient(value), ifNone(`identifier=${system}|${value}`)));
    expect(first.body.entry[0].response.status).toBe('201 Created');
    const again = await post(
      entry('POST', 'Patient', patient(value, { active: true }), ifNone(`?identifier=${value}`)),
    );
    expect(again.body.entry[0].response).toMatchObject({
      status: '200 OK',
      location: `Patient/${idOf(first.body.entry[0])}/_history/1`,
      etag: 'W/"1"',
    });
    expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(1);
  });

  test('many matches: 412 naming the entry, nothing written', async () => {
    const value = unique();
    await stored(value);
    await stored(value);
    const other = entry('POST', 'Patient', patient(unique()));
    const patch = { resourceType: 'Binary', contentType: 'application/merge-patch+json', data: 'e30=' };
    await refused(
      412,
      [other, entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`))],
      'Bundle.entry[1].request.ifNoneExist',
    );
    await refused(
      412,
      [other, entry('PUT', `Patient?identifier=${value}`, patient(value))],
      'Bundle.entry[1].request.url',
    );
    await refused(412, [other, entry('DELETE', `Patient?identifier=${value}`)], 'Bundle.entry[1].request.url');
    await refused(412, [other, entry('PATCH', `Patient?identifier=${value}`, patch)], 'Bundle.entry[1].request.url');
  });

  test('conditional update, delete and patch act on the match', async () => {
    const [updated, deleted, patched] = [unique(), unique(), unique()];
    const ids = [await stored(updated), await stored(deleted), await stored(patched)];
    const patch = {
      resourceType: 'Binary',
      contentType: 'application/merge-patch+json',
      data: Buffer.from('{"active":true}').toString('base64'),
    };
    const reply = await post(
      entry('PUT', `Patient?identifier=${updated}`, patient(updated, { active: true })),
      entry('DELETE', `Patient?identifier=${deleted}`),
      entry('PATCH', `Patient?identifier=${patched}`, patch),
      entry('DELETE', `Patient?identifier=${unique()}`),
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual([
      '200 OK',
      '204 No Content',
      '200 OK',
      '204 No Content',
    ]);
    expect((await server.get(`/Patient/${ids[0]}`)).body.active).toBe(true);
    expect((await server.get(`/Patient/${ids[1]}`)).status).toBe(410);
    expect((await server.get(`/Patient/${ids[2]}`)).body.active).toBe(true);
  });

  test('conditional update: 0 created (with the body’s id if it has one), 400 if the body’s id is another’s', async () => {
    const [without, withId, another] = [unique(), unique(), unique()];
    const reply = await post(
      entry('PUT', `Patient?identifier=${without}`, patient(without)),
      entry('PUT', `Patient?identifier=${withId}`, patient(withId, { id: withId })),
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual(['201 Created', '201 Created']);
    expect(await found(server, `Patient?identifier=${withId}`)).toEqual([withId]);
    await stored(another);
    await refused(
      400,
      [entry('PUT', `Patient?identifier=${another}`, patient(another, { id: 'not-it' }))],
      'Bundle.entry[0].request.url',
    );
  });

  test('conditional patch without a match is 404', async () => {
    const patch = { resourceType: 'Binary', contentType: 'application/merge-patch+json', data: 'e30=' };
    await refused(404, [entry('PATCH', `Patient?identifier=${unique()}`, patch)], 'Bundle.entry[0].request.url');
  });

  test('a match that is deleted before it can be patched is none: 404', async () => {
    const value = unique();
    const id = await stored(value);
    const patch = { resourceType: 'Binary', contentType: 'application/merge-patch+json', data: 'e30=' };
    const { store } = server.context;
    const find = store.matches.bind(store);
    const spied = vi.spyOn(store, 'matches').mockImplementationOnce(async (...asked) => {
      const matches = await find(...asked);
      expect((await server.send('DELETE', `/Patient/${id}`)).status).toBe(204);
      return matches;
    });
    const reply = await post(entry('PATCH', `Patient?identifier=${value}`, patch));
    spied.mockRestore();
    expect([reply.status, issueOf(reply).expression]).toEqual([404, ['Bundle.entry[0].request.url']]);
  });

  test('matches to be patched that are others at each look: 409 after as many rounds as any write has', async () => {
    const value = unique();
    const id = await stored(value);
    const data = Buffer.from('[{"op":"test","path":"/active","value":true}]').toString('base64');
    const patch = { resourceType: 'Binary', contentType: 'application/json-patch+json', data };
    let looks = 0;
    const spied = vi.spyOn(server.context.store, 'matches').mockImplementation(async () => {
      looks += 1;
      return looks % 2 === 1 ? [id] : [];
    });
    const reply = await post(entry('PATCH', `Patient?identifier=${value}`, patch));
    spied.mockRestore();
    expect([reply.status, issueOf(reply).code, looks]).toEqual([409, 'conflict', 100]);
  });

  test.each([
    'nonsense=1',
    'identifier=',
    'identifier=1&_count=1',
    'identifier=1&name=',
    '_format=json',
    'birthdate=2020-13',
  ])('criteria “%s” are 400 whatever Prefer says, with the expression', async (criteria) => {
    const before = await versions(server);
    const patch = { resourceType: 'Binary', contentType: 'application/merge-patch+json', data: 'e30=' };
    for (const [faulty, expression] of [
      [entry('POST', 'Patient', patient('x'), ifNone(criteria)), 'Bundle.entry[0].request.ifNoneExist'],
      [entry('PUT', `Patient?${criteria}`, patient('x')), 'Bundle.entry[0].request.url'],
      [entry('DELETE', `Patient?${criteria}`), 'Bundle.entry[0].request.url'],
      [entry('PATCH', `Patient?${criteria}`, patch), 'Bundle.entry[0].request.url'],
      [entry('POST', 'Basic', about(`Patient?${criteria}`)), 'Bundle.entry[0].resource.subject.reference'],
    ] as const) {
      const reply = await server.send('POST', '/', bundle('transaction', faulty), { Prefer: 'handling=lenient' });
      expect([expression, reply.status, issueOf(reply).expression]).toEqual([expression, 400, [expression]]);
    }
    expect(await versions(server)).toEqual(before);
  });

  test('no criteria at all are 400', async () => {
    await refused(400, [entry('PUT', 'Patient', patient('x'))], 'Bundle.entry[0].request.url');
    await refused(400, [entry('DELETE', 'Patient?')], 'Bundle.entry[0].request.url');
  });

  test('what the bundle deletes is no match for its other entries', async () => {
    const value = unique();
    const old = await stored(value);
    const reply = await post(
      entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`)),
      entry('DELETE', `Patient/${old}`),
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual(['201 Created', '204 No Content']);
    expect(await found(server, `Patient?identifier=${value}`)).toEqual([idOf(reply.body.entry[0])]);
  });
});

describe('two conditional creates', () => {
  test('with the same criteria and equal content make one resource that both entries answer with', async () => {
    const value = unique();
    const one = (fullUrl: string, criteria: string) =>
      entry('POST', 'Patient', patient(value), ifNone(criteria), fullUrl);
    const [a, b] = ['urn:uuid:44444444-4444-4444-8444-444444444441', 'urn:uuid:44444444-4444-4444-8444-444444444442'];
    const reply = await post(
      one(a, `identifier=${system}|${value}`),
      one(b, `identifier=${system}|${value}`),
      entry('POST', 'Basic', about(a)),
      entry('POST', 'Basic', about(b)),
    );
    const [first, second, ofA, ofB] = reply.body.entry;
    expect([first.response.status, second.response.status]).toEqual(['201 Created', '200 OK']);
    expect(second.response).toMatchObject({ location: first.response.location, etag: 'W/"1"' });
    const ids = await found(server, `Patient?identifier=${value}`);
    expect(ids).toEqual([idOf(first)]);
    for (const each of [ofA, ofB]) {
      expect((await server.get(`/Basic/${idOf(each)}`)).body.subject.reference).toBe(`Patient/${ids[0]}`);
    }
  });

  test.each([
    ['?', (value: string) => `?identifier=${system}|${value}`],
    ['escapes', (value: string) => `identifier=${encodeURIComponent(`${system}|${value}`)}`],
    ['another order', (value: string) => `active=true&identifier=${value}`],
    ['other criteria that match', (value: string) => `family=${value}`],
  ])('count as the same however the criteria are spelled (%s)', async (_how, spelled) => {
    const value = unique();
    const resource = patient(value, { active: true, name: [{ family: value }] });
    const reply = await post(
      entry('POST', 'Patient', resource, ifNone(`identifier=${value}&active=true`)),
      entry('POST', 'Patient', resource, ifNone(spelled(value))),
      entry('POST', 'Patient', resource, ifNone(`identifier=${system}|${value}`)),
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual(['201 Created', '200 OK', '200 OK']);
    expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(1);
  });

  test('with the same criteria and different content fail the transaction: 400 naming both', async () => {
    const value = unique();
    const outcome = await refused(
      400,
      [
        entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`)),
        entry('POST', 'Patient', patient(value, { active: true }), ifNone(`identifier=${value}`)),
      ],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
    expect(outcome.issue[0].code).toBe('duplicate');
    await refused(
      400,
      [
        entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`)),
        entry('POST', 'Patient', patient(value, { active: true }), ifNone(`identifier=${system}|${value}`)),
      ],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
  });

  test('with equal content but for white space are equal', async () => {
    const value = unique();
    const text = JSON.stringify(patient(value));
    const request = `"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=${value}"}`;
    const reply = await server.send(
      'POST',
      '/',
      `{"resourceType":"Bundle","type":"transaction","entry":[{${request},"resource":${text}},{${request},"resource":${text.replaceAll(',', ' ,\n ')}}]}`,
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual(['201 Created', '200 OK']);
  });

  test('of different things make two', async () => {
    const [one, other] = [unique(), unique()];
    const reply = await post(
      entry('POST', 'Patient', patient(one), ifNone(`identifier=${one}`)),
      entry('POST', 'Patient', patient(other), ifNone(`identifier=${other}`)),
      entry('POST', 'Practitioner', { ...patient(one), resourceType: 'Practitioner' }, ifNone(`identifier=${one}`)),
    );
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual(Array(3).fill('201 Created'));
  });

  test('a conditional create beside an unconditional one that its criteria match answers with that, whatever the order', async () => {
    for (const order of [0, 1]) {
      const value = unique();
      const entries = [
        entry('POST', 'Patient', patient(value)),
        entry('POST', 'Patient', patient(value, { active: true }), ifNone(`identifier=${value}`)),
      ];
      const reply = await post(...(order === 0 ? entries : entries.toReversed()));
      const answers: Json[] = order === 0 ? reply.body.entry : reply.body.entry.toReversed();
      expect(answers.map((each) => each.response.status)).toEqual(['201 Created', '200 OK']);
      expect(idOf(answers[1])).toBe(idOf(answers[0]));
      expect(await found(server, `Patient?identifier=${value}`)).toHaveLength(1);
    }
  });

  test('beside two unconditional ones that its criteria match is 412', async () => {
    const value = unique();
    await refused(
      412,
      [
        entry('POST', 'Patient', patient(value)),
        entry('POST', 'Patient', patient(value)),
        entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`)),
      ],
      'Bundle.entry[2].request.ifNoneExist',
    );
  });

  test('thousands of them are settled without comparing each with each', async () => {
    const prefix = unique('many');
    const entries = Array.from({ length: 3000 }, (_, n) => {
      const value = `${prefix}-${n % 2500}`;
      return entry('POST', 'Patient', patient(value), ifNone(`identifier=${system}|${value}`));
    });
    const reply = await post(...entries);
    expect(reply.status).toBe(200);
    const statuses: string[] = reply.body.entry.map((each: Json) => each.response.status);
    expect(statuses.filter((each) => each === '200 OK')).toHaveLength(500);
  });
});

describe('identities are compared after criteria are resolved', () => {
  test('two conditional updates that would create one resource: 400 naming both', async () => {
    const value = unique();
    const update = (criteria: string, more: Json = {}) => entry('PUT', `Patient?${criteria}`, patient(value, more));
    await refused(
      400,
      [update(`identifier=${value}`), update(`identifier=${value}`)],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
    await refused(
      400,
      [update(`identifier=${value}`), update(`identifier=${system}|${value}`, { active: true })],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
  });

  test('a conditional update of what the bundle creates: 400 naming both', async () => {
    const value = unique();
    const update = entry('PUT', `Patient?identifier=${value}`, patient(value, { active: true }));
    await refused(400, [entry('POST', 'Patient', patient(value)), update], 'Bundle.entry[0]', 'Bundle.entry[1]');
    await refused(
      400,
      [update, entry('POST', 'Patient', patient(value), ifNone(`identifier=${value}`))],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
    await refused(
      400,
      [update, entry('PUT', `Patient/${value}`, patient(value, { id: value }))],
      'Bundle.entry[0]',
      'Bundle.entry[1]',
    );
  });

  test('a conditional update of a stored resource and of one that the bundle creates: 412', async () => {
    const value = unique();
    await stored(value);
    await refused(
      412,
      [
        entry('POST', 'Patient', patient(value)),
        entry('PUT', `Patient?identifier=${value}`, patient(value, { active: true })),
      ],
      'Bundle.entry[1].request.url',
    );
  });
});

describe('conditional references', () => {
  test('become the one match', async () => {
    const value = unique();
    const id = await stored(value);
    const reply = await post(entry('POST', 'Basic', about(`Patient?identifier=${system}|${value}`)));
    expect((await server.get(`/Basic/${idOf(reply.body.entry[0])}`)).body.subject.reference).toBe(`Patient/${id}`);
  });

  test('may match what the same transaction creates or updates', async () => {
    const [created, updated, conditional] = [unique(), unique(), unique()];
    const id = await stored(unique());
    const reply = await post(
      entry('POST', 'Basic', about(`Patient?identifier=${created}`)),
      entry('POST', 'Basic', about(`Patient?identifier=${updated}`)),
      entry('POST', 'Basic', about(`Patient?identifier=${conditional}`)),
      entry('POST', 'Patient', patient(created)),
      entry('PUT', `Patient/${id}`, patient(updated, { id })),
      entry('POST', 'Patient', patient(conditional), ifNone(`identifier=${conditional}`)),
    );
    expect(reply.status).toBe(200);
    const targets = [3, 4, 5].map((n) => `Patient/${idOf(reply.body.entry[n])}`);
    for (const [n, target] of targets.entries()) {
      expect((await server.get(`/Basic/${idOf(reply.body.entry[n])}`)).body.subject.reference).toBe(target);
    }
  });

  test('are evaluated after its deletes and updates: what they take away is no match', async () => {
    const [gone, changed] = [unique(), unique()];
    const [goneId, changedId] = [await stored(gone), await stored(changed)];
    await refused(
      412,
      [entry('POST', 'Basic', about(`Patient?identifier=${gone}`)), entry('DELETE', `Patient/${goneId}`)],
      'Bundle.entry[0].resource.subject.reference',
    );
    await refused(
      412,
      [
        entry('POST', 'Basic', about(`Patient?identifier=${changed}`)),
        entry('PUT', `Patient/${changedId}`, patient(unique(), { id: changedId })),
      ],
      'Bundle.entry[0].resource.subject.reference',
    );
    // With two stored matches, one of which goes, the other is the one.
    const value = unique();
    const [one, other] = [await stored(value), await stored(value)];
    const reply = await post(
      entry('POST', 'Basic', about(`Patient?identifier=${value}`)),
      entry('DELETE', `Patient/${one}`),
    );
    expect((await server.get(`/Basic/${idOf(reply.body.entry[0])}`)).body.subject.reference).toBe(`Patient/${other}`);
  });

  test('with 0 or many matches: 412, nothing written, each with its expression', async () => {
    const many = unique();
    await stored(many);
    await stored(many);
    const outcome = await refused(
      412,
      [
        entry('POST', 'Patient', patient(unique())),
        entry('POST', 'Basic', about(`Patient?identifier=${unique()}`)),
        entry('POST', 'Basic', { resourceType: 'Basic', author: { reference: `Patient?identifier=${many}` } }),
      ],
      'Bundle.entry[1].resource.subject.reference',
      'Bundle.entry[2].resource.author.reference',
    );
    expect(outcome.issue.map((issue: Json) => issue.code)).toEqual(['not-found', 'multiple-matches']);
  });

  test('a stored match and one that the bundle creates are many', async () => {
    const value = unique();
    await stored(value);
    await refused(
      412,
      [entry('POST', 'Patient', patient(value)), entry('POST', 'Basic', about(`Patient?identifier=${value}`))],
      'Bundle.entry[1].resource.subject.reference',
    );
  });

  test('of an unknown type are 400', async () => {
    await refused(
      400,
      [entry('POST', 'Basic', about('Pacient?identifier=1'))],
      'Bundle.entry[0].resource.subject.reference',
    );
  });

  test('stand beside links, in contained resources and extensions', async () => {
    const value = unique();
    const id = await stored(value);
    const uuid = 'urn:uuid:55555555-5555-4555-8555-555555555555';
    const reference = `Patient?identifier=${system}|${value}`;
    const reply = await post(
      entry('POST', 'Basic', {
        resourceType: 'Basic',
        subject: { reference },
        author: { reference: uuid },
        contained: [{ resourceType: 'Basic', id: 'c', subject: { reference } }],
        extension: [
          { url: 'http://e', valueReference: { reference } },
          { url: 'http://e', valueString: reference },
        ],
      }),
      entry('POST', 'Patient', patient(unique()), {}, uuid),
    );
    const { body } = await server.get(`/Basic/${idOf(reply.body.entry[0])}`);
    expect(body.subject.reference).toBe(`Patient/${id}`);
    expect(body.author.reference).toBe(`Patient/${idOf(reply.body.entry[1])}`);
    expect(body.contained[0].subject.reference).toBe(`Patient/${id}`);
    expect(body.extension[0].valueReference.reference).toBe(`Patient/${id}`);
    expect(body.extension[1].valueString).toBe(reference);
    expect(await found(server, `Basic?subject=Patient/${id}`)).toEqual([body.id]);
  });

  test('in a batch and in a direct create are stored as sent', async () => {
    const reference = `Patient?identifier=${unique()}`;
    const direct = await server.send('POST', '/Basic', about(reference));
    const batched = await server.send('POST', '/', bundle('batch', entry('POST', 'Basic', about(reference))));
    for (const id of [idOf(direct), idOf(batched.body.entry[0])]) {
      expect((await server.get(`/Basic/${id}`)).body.subject.reference).toBe(reference);
    }
  });
});

describe.each(stores)('simultaneous transactions, store %s', (_name, start) => {
  let racing: TestServer;
  beforeAll(async () => {
    racing = await start();
  });
  afterAll(() => racing.close());

  test('conditional creates of the same thing make one resource; losers are answered with the match', async () => {
    for (let round = 0; round < 3; round += 1) {
      const value = unique('race');
      const uuid = 'urn:uuid:66666666-6666-4666-8666-666666666666';
      const replies = await Promise.all(
        Array.from({ length: 16 }, (_, n) =>
          n % 4 === 3
            ? racing.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${value}` })
            : racing.send(
                'POST',
                '/',
                bundle(
                  'transaction',
                  entry('POST', 'Basic', {
                    resourceType: 'Basic',
                    code: { text: value },
                    subject: { reference: uuid },
                  }),
                  entry('POST', 'Patient', patient(value), ifNone(`identifier=${system}|${value}`), uuid),
                ),
              ),
        ),
      );
      for (const { status } of replies) expect([200, 201]).toContain(status);
      const answers = replies.map((reply) => {
        const answer = reply.body.entry?.[1];
        return answer === undefined
          ? [String(reply.status), idOf(reply)]
          : [answer.response.status.slice(0, 3), idOf(answer)];
      });
      expect(answers.map(([status]) => status).sort()).toEqual([...Array(15).fill('200'), '201']);
      const ids = await found(racing, `Patient?identifier=${value}`);
      expect(ids).toHaveLength(1);
      expect(new Set(answers.map(([, id]) => id))).toEqual(new Set(ids));
      // Every link of every transaction leads to the one.
      expect(await found(racing, `Basic?subject=Patient/${ids[0]}`)).toHaveLength(12);
    }
  });

  test('conditional references and the creation of their match: either order, never a link to nothing', async () => {
    const value = unique('ref');
    const replies = await Promise.all([
      ...Array.from({ length: 6 }, () =>
        racing.send('POST', '/', bundle('transaction', entry('POST', 'Basic', about(`Patient?identifier=${value}`)))),
      ),
      racing.send('POST', '/Patient', patient(value)),
    ]);
    const created = replies.at(-1);
    for (const reply of replies.slice(0, -1)) {
      expect([200, 412]).toContain(reply.status);
      if (reply.status !== 200) continue;
      const { body } = await racing.get(`/Basic/${idOf(reply.body.entry[0])}`);
      expect(body.subject.reference).toBe(`Patient/${created?.body.id}`);
    }
  });

  test('conditional updates of one thing make one resource that all of them updated', async () => {
    const value = unique('upsert');
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        racing.send(
          'POST',
          '/',
          bundle(
            'transaction',
            entry('PUT', `Patient?identifier=${value}`, patient(value, { multipleBirthInteger: n })),
          ),
        ),
      ),
    );
    const statuses = replies.map((reply) => reply.body.entry?.[0].response.status.slice(0, 3) ?? reply.text);
    expect(statuses.sort()).toEqual([...Array(9).fill('200'), '201']);
    expect(await found(racing, `Patient?identifier=${value}`)).toHaveLength(1);
  });
});

describe('chains lead across bundle and store', () => {
  const uuid = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
  const coded = (code: string, reference: string): Json => ({
    ...about(reference),
    code: { text: code, coding: [{ code }] },
  });
  const listing = (reference: string): Json => ({
    resourceType: 'List',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference } }],
  });
  const listed = async (reply: Json, n: number): Promise<string> =>
    (await server.get(`/List/${idOf(reply.body.entry[n])}`)).body.entry[0].item.reference;

  test('criteria of an entry: from what the bundle creates to what is stored, and to what it creates', async () => {
    const [value, another, code] = [unique(), unique(), unique()];
    const id = await stored(value);
    const reply = await post(
      entry('POST', 'Basic', coded(code, `Patient/${id}`)),
      entry('POST', 'Basic', coded(code, uuid)),
      entry('POST', 'Patient', patient(another), {}, uuid),
      entry('POST', 'Basic', coded('x', 'Patient/none'), ifNone(`patient.identifier=${value}&code=${code}`)),
      entry('POST', 'Basic', coded('y', 'Patient/none'), ifNone(`subject:Patient.identifier=${another}&code=${code}`)),
      entry('POST', 'Basic', coded(`${code}z`, 'Patient/none'), ifNone(`patient.identifier=${value}&code=${code}z`)),
    );
    expect([reply.status, reply.text]).toEqual([200, expect.anything()]);
    const ids = reply.body.entry.map(idOf);
    expect([ids[3], ids[4]]).toEqual([ids[0], ids[1]]);
    expect(reply.body.entry.map((each: Json) => each.response.status)).toEqual([
      ...['201 Created', '201 Created', '201 Created', '200 OK', '200 OK', '201 Created'],
    ]);
  });

  test('criteria of an entry: backwards, and to what the bundle gives another content', async () => {
    const [value, another, code] = [unique(), unique(), unique()];
    const id = await stored(value);
    // Patient/id is no longer the one with that value.
    const changed = await post(
      entry('PUT', `Patient/${id}`, { ...patient(another), id }),
      entry('POST', 'Basic', coded(code, `Patient/${id}`)),
      entry('POST', 'Basic', coded(code, 'Patient/none'), ifNone(`patient.identifier=${value}&code=${code}`)),
      entry('POST', 'Basic', coded('x', 'Patient/none'), ifNone(`patient.identifier=${another}&code=${code}`)),
    );
    expect(changed.body.entry?.map((each: Json) => each.response.status.slice(0, 3))).toEqual([
      '200',
      '201',
      '201',
      '200',
    ]);
    const other = unique();
    await refused(
      400,
      [
        entry('POST', 'Patient', patient(other), {}, uuid),
        entry('POST', 'Basic', coded(`${code}b`, uuid)),
        entry('PUT', `Patient?_has:Basic:patient:code=${code}b`, patient(other)),
      ],
      'Bundle.entry[0]',
      'Bundle.entry[2]',
    );
  });

  test('conditional references: as it is after the writes', async () => {
    const [value, another, code] = [unique(), unique(), unique()];
    const id = await stored(value);
    const basic = idOf(await server.send('POST', '/Basic', coded(code, `Patient/${id}`)));
    // A resource of the bundle that refers to a stored one.
    const first = await post(
      entry('POST', 'Basic', coded(`${code}a`, `Patient/${id}`)),
      entry('POST', 'List', listing(`Basic?patient.identifier=${value}&code=${code}a`)),
      entry('POST', 'List', listing(`Patient?_has:Basic:patient:code=${code}a`)),
    );
    expect(first.status, first.text).toBe(200);
    expect(await listed(first, 1)).toBe(`Basic/${idOf(first.body.entry[0])}`);
    expect(await listed(first, 2)).toBe(`Patient/${id}`);
    // A stored resource that refers to one that the bundle changes.
    const second = await post(
      entry('PUT', `Patient/${id}`, { ...patient(another), id }),
      entry('POST', 'List', listing(`Basic?patient.identifier=${another}&code=${code}`)),
      entry('POST', 'List', listing(`Patient?identifier=${another}&_has:Basic:patient:code=${code}`)),
    );
    expect(second.status, second.text).toBe(200);
    expect(await listed(second, 1)).toBe(`Basic/${basic}`);
    expect(await listed(second, 2)).toBe(`Patient/${id}`);
    await refused(
      412,
      [
        entry('PUT', `Patient/${id}`, { ...patient(value), id }),
        entry('POST', 'List', listing(`Basic?patient.identifier=${another}&code=${code}`)),
      ],
      'Bundle.entry[1].resource.entry[0].item.reference',
    );
  });

  test('backwards: what is stored may refer to an id before the bundle creates it', async () => {
    const [id, code] = [unique('p'), unique()];
    await server.send('POST', '/Basic', coded(code, `Patient/${id}`));
    const reply = await post(
      entry('PUT', `Patient/${id}`, { ...patient(unique()), id }),
      entry('PUT', `Patient/${id}x`, { ...patient(unique()), id: `${id}x` }),
      entry('POST', 'List', listing(`Patient?_has:Basic:patient:code=${code}`)),
    );
    expect(reply.status, reply.text).toBe(200);
    expect(await listed(reply, 2)).toBe(`Patient/${id}`);
    await refused(
      412,
      [
        entry('PUT', `Patient/${id}x`, { ...patient(unique()), id: `${id}x` }),
        entry('POST', 'List', listing(`Patient?_has:Basic:patient:code=${code}x`)),
      ],
      'Bundle.entry[1].resource.entry[0].item.reference',
    );
  });

  test('backwards: what refers to an id is asked once, for ids that clients chose and that nothing stored has', async () => {
    const [id, codes] = [unique('p'), [unique(), unique(), unique()]];
    for (const code of codes) await server.send('POST', '/Basic', coded(code, `Patient/${await stored(unique())}`));
    const lists = codes.map((code) => entry('POST', 'List', listing(`Patient?_has:Basic:patient:code=${code}`)));
    const matches = vi.spyOn(server.context.store, 'matches');
    const asked = async (written: Json): Promise<readonly string[]> => {
      matches.mockClear();
      const reply = await post(written, ...lists);
      expect(reply.status, reply.text).toBe(200);
      return matches.mock.calls.map(([type]) => type);
    };
    try {
      expect(await asked(entry('POST', 'Patient', patient(unique())))).toEqual(codes.map(() => 'Patient'));
      const update = entry('PUT', `Patient/${id}`, { ...patient(unique()), id });
      expect((await asked(update)).filter((type) => type === 'Basic')).toHaveLength(1);
      expect((await asked(update)).filter((type) => type === 'Basic')).toHaveLength(0);
    } finally {
      matches.mockRestore();
    }
  });

  test('backwards: somebody who keeps storing what else matches doesn’t get in the way', async () => {
    const [id, value, code] = [unique('p'), unique(), unique()];
    const update = entry('PUT', `Patient/${id}`, { ...patient(value), id });
    expect((await post(update, entry('POST', 'Basic', coded(code, `Patient/${id}`)))).status).toBe(200);
    const { store } = server.context;
    const commit = store.commit.bind(store);
    let planned = 0;
    const spy = vi.spyOn(store, 'commit').mockImplementation(async (each) => {
      if (each.writes.some(({ type }) => type === 'List')) {
        planned += 1;
        const other = entry('POST', 'Patient', patient(unique()), {}, uuid);
        expect((await post(other, entry('POST', 'Basic', coded(code, uuid)))).status).toBe(200);
      }
      return commit(each);
    });
    try {
      const list = listing(`Patient?identifier=${value}&_has:Basic:patient:code=${code}`);
      const reply = await post(update, entry('POST', 'List', list));
      expect(reply.status, reply.text).toBe(200);
      expect(await listed(reply, 1)).toBe(`Patient/${id}`);
      expect(planned).toBe(1);
    } finally {
      spy.mockRestore();
    }
  });

  describe('through canonicals', () => {
    const questionnaire = (name: string, url: string, more: Json = {}): Json => ({
      resourceType: 'Questionnaire',
      ...{ status: 'active', name, url, version: '1', ...more },
    });
    const answers = (value: string, canonical: string): Json => ({
      resourceType: 'QuestionnaireResponse',
      ...{ status: 'completed', questionnaire: canonical, identifier: { system, value } },
    });
    const forwards = (value: string, name: string) =>
      listing(`QuestionnaireResponse?identifier=${value}&questionnaire.name=${name}`);
    const backwards = (name: string, value: string) =>
      listing(`Questionnaire?name=${name}&_has:QuestionnaireResponse:questionnaire:identifier=${value}`);

    const forms = [
      ['', true],
      ['|1', true],
      ['|2', false],
    ] as const;
    const cases = forms.flatMap(([version, leads]) =>
      ['neither', 'Questionnaire', 'QuestionnaireResponse'].map((type) => [version, type, leads] as const),
    );

    test.each(cases)('a reference ending in %j, where %s is stored: %s', async (version, type, leads) => {
      const [value, url, name] = [unique(), `http://example.org/${unique()}`, unique('Q')];
      const written: Json[] = [];
      for (const resource of [questionnaire(name, url), answers(value, `${url}${version}`)]) {
        if (resource.resourceType === type) await server.send('POST', `/${type}`, resource);
        else written.push(entry('POST', resource.resourceType, resource));
      }
      const lists = [forwards(value, name), backwards(name, value)].map((list) => entry('POST', 'List', list));
      const reply = await post(...lists, ...written);
      expect(reply.status, reply.text).toBe(leads ? 200 : 412);
      if (!leads) return;
      expect(await listed(reply, 0)).toContain('QuestionnaireResponse/');
      expect(await listed(reply, 1)).toContain('Questionnaire/');
    });

    test('criteria of an entry; a URL that the bundle changes', async () => {
      const [value, url, name] = [unique(), `http://example.org/${unique()}`, unique('Q')];
      const once = ifNone(`questionnaire.name=${name}&identifier=${value}`);
      const reply = await post(
        entry('POST', 'Questionnaire', questionnaire(name, url)),
        entry('POST', 'QuestionnaireResponse', answers(value, `${url}|1`)),
        entry('POST', 'QuestionnaireResponse', answers(value, 'http://example.org/other'), once),
      );
      expect(reply.body.entry?.map((each: Json) => each.response.status.slice(0, 3))).toEqual(['201', '201', '200']);
      const id = idOf(reply.body.entry[0]);
      const unchanged = await post(
        entry('PUT', `Questionnaire/${id}`, questionnaire(name, url, { id, title: 'x' })),
        entry('POST', 'List', forwards(value, name)),
        entry('POST', 'List', backwards(name, value)),
      );
      expect(unchanged.status, unchanged.text).toBe(200);
      const moved = entry('PUT', `Questionnaire/${id}`, questionnaire(name, `${url}/moved`, { id }));
      for (const list of [forwards(value, name), backwards(name, value)]) {
        await refused(412, [moved, entry('POST', 'List', list)], 'Bundle.entry[1].resource.entry[0].item.reference');
      }
    });
  });
});
