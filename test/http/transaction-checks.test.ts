/** What is checked of a bundle's entries, whether or not they write. https://hl7.org/fhir/R4/http.html#trules */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, issueOf, patient, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = (...entries: readonly Json[]) => server.send('POST', '/', bundle('transaction', ...entries));
const patching = (document: string) => ({
  resourceType: 'Binary',
  contentType: 'application/merge-patch+json',
  data: Buffer.from(document).toString('base64'),
});

async function refused(status: number, entries: readonly Json[], expression: string): Promise<Json> {
  const before = await versions(server);
  const reply = await post(...entries);
  expect([reply.status, issueOf(reply).expression]).toEqual([status, [expression]]);
  expect(await versions(server)).toEqual(before);
  return issueOf(reply);
}

describe('the 400 checks are always on, also for a conditional create that writes nothing', () => {
  test('because a stored resource matches', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    const create = (more: Json) =>
      entry('POST', 'Patient', patient(value, more), { ifNoneExist: `identifier=${value}` });
    await refused(400, [create({ nonsense: 1 })], 'Bundle.entry[0].resource.nonsense');
    await refused(400, [create({ birthDate: 'yesterday' })], 'Bundle.entry[0].resource.birthDate');
    await refused(422, [create({ meta: { tag: [{ code: 'SUBSETTED' }] } })], 'Bundle.entry[0].resource.meta.tag[0]');
    expect((await post(create({ active: true }))).body.entry[0].response.status).toBe('200 OK');
  });

  test('because another entry creates what matches', async () => {
    const value = unique();
    await refused(
      400,
      [
        entry('POST', 'Patient', patient(value)),
        entry('POST', 'Patient', patient(value, { nonsense: 1 }), { ifNoneExist: `identifier=${value}` }),
      ],
      'Bundle.entry[1].resource.nonsense',
    );
  });

  test('what is not JSON is 400', async () => {
    const value = unique();
    await server.send('POST', '/Patient', patient(value));
    const request = `{"method":"POST","url":"Patient","ifNoneExist":"identifier=${value}"}`;
    for (const resource of [
      '{"resourceType":"Patient","active":nonsense}',
      '{"resourceType":"Patient","active":true,"active":true}',
      '{"resourceType":"Patient","name":[{"family":"a\\x"}]}',
    ]) {
      const sent = `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":${resource},"request":${request}}]}`;
      expect([resource, (await server.send('POST', '/', sent)).status]).toEqual([resource, 400]);
    }
  });
});

test.each(['null', '{}', '{"resourceType":"Patient","nonsense":1}', '{"resourceType":"Pacient"}'])(
  'a resource that its entry does not need is checked too: %s',
  async (resource) => {
    for (const method of ['DELETE', 'GET']) {
      for (const type of ['transaction', 'batch']) {
        const entries = `[{"request":{"method":"${method}","url":"Patient/1"},"resource":${resource}}]`;
        const reply = await server.send('POST', '/', `{"resourceType":"Bundle","type":"${type}","entry":${entries}}`);
        const status = type === 'batch' ? reply.body.entry[0].response.status : String(reply.status);
        expect([method, type, status]).toEqual([method, type, expect.stringMatching(/^400/)]);
      }
    }
  },
);

test('an entry without url is told so, whatever its method', async () => {
  for (const method of ['POST', 'PUT', 'GET', 'DELETE']) {
    const faulty = { resource: patient('x'), request: { method } };
    const issue = await refused(400, [faulty], 'Bundle.entry[0].request.url');
    expect([method, issue.code]).toEqual([method, 'required']);
  }
});

test('a GET of the capabilities with a wrong mode fails the bundle, before anything is written', async () => {
  await refused(
    400,
    [entry('POST', 'Patient', patient(unique())), entry('GET', 'metadata?mode=nonsense')],
    'Bundle.entry[1].request.url',
  );
});

test('a conditional patch of a stored resource and of one that the bundle creates: 412, whatever the order', async () => {
  const value = unique();
  await server.send('POST', '/Patient', patient(value));
  const patch = entry('PATCH', `Patient?identifier=${value}`, patching('{"active":true}'));
  const create = entry('POST', 'Patient', patient(value));
  await refused(412, [create, patch], 'Bundle.entry[1].request.url');
  await refused(412, [patch, create], 'Bundle.entry[0].request.url');
  expect((await post(patch, entry('POST', 'Patient', patient(unique())))).status).toBe(200);
});

test('faults of many entries are listed, but not without end', async () => {
  for (const faulty of [
    entry('PUT', 'Patient', patient('x')),
    entry('SEND', 'Patient', patient('x')),
    entry('POST', 'Patient', patient('x', { nonsense: 1 })),
    entry('POST', 'Patient', patient('x'), {}, 'urn:uuid:55555555-5555-4555-8555-555555555555'),
  ]) {
    const { status, body } = await post(...Array.from({ length: 300 }, () => faulty));
    expect(status).toBe(400);
    expect(body.issue).toHaveLength(100);
  }
});

test('a conditional create whose match is not there when it is read asks again before it creates', async () => {
  const value = unique();
  await server.send('POST', '/Patient', patient(value));
  const read = vi.spyOn(server.context.store, 'read').mockResolvedValueOnce(undefined);
  try {
    const reply = await post(entry('POST', 'Patient', patient(value), { ifNoneExist: `identifier=${value}` }));
    expect(reply.body.entry[0].response.status).toBe('200 OK');
  } finally {
    read.mockRestore();
  }
});
