/** https://hl7.org/fhir/R4/http.html#return */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { patient, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

type Send = (prefer: Record<string, string>) => Promise<Reply>;

const writes: readonly (readonly [name: string, send: Send, status: number])[] = [
  ['create', (prefer) => server.send('POST', '/Patient', patient(unique()), prefer), 201],
  [
    'conditional create with a match',
    async (prefer) => {
      const value = unique();
      await server.send('POST', '/Patient', patient(value));
      return server.send('POST', '/Patient', patient(value), { 'If-None-Exist': `identifier=${value}`, ...prefer });
    },
    200,
  ],
  [
    'update',
    async (prefer) => {
      const id = unique();
      await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
      return server.send('PUT', `/Patient/${id}`, patient(id, { id, active: true }), prefer);
    },
    200,
  ],
  [
    'update that changes nothing',
    async (prefer) => {
      const id = unique();
      await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
      return server.send('PUT', `/Patient/${id}`, patient(id, { id }), prefer);
    },
    200,
  ],
  [
    'update-as-create',
    (prefer) => {
      const id = unique();
      return server.send('PUT', `/Patient/${id}`, patient(id, { id }), prefer);
    },
    201,
  ],
  [
    'patch',
    async (prefer) => {
      const id = unique();
      await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
      return server.send(
        'PATCH',
        `/Patient/${id}`,
        { active: true },
        { 'Content-Type': 'application/merge-patch+json', ...prefer },
      );
    },
    200,
  ],
];

describe.each(writes)('%s', (_name, send, status) => {
  test('without Prefer gives the representation', async () => {
    const reply = await send({});
    expect([reply.status, reply.body.resourceType]).toEqual([status, 'Patient']);
    expect(reply.headers.get('preference-applied')).toBeNull();
  });

  test('return=representation gives the resource as stored', async () => {
    const reply = await send({ Prefer: 'return=representation' });
    expect([reply.status, reply.headers.get('preference-applied')]).toEqual([status, 'return=representation']);
    expect((await server.get(`/Patient/${reply.body.id}`)).text).toBe(reply.text);
  });

  test('return=minimal gives no body, but the same headers', async () => {
    const reply = await send({ Prefer: 'return=minimal' });
    expect([reply.status, reply.text, reply.headers.get('preference-applied')]).toEqual([status, '', 'return=minimal']);
    expect(reply.headers.get('etag')).toMatch(/^W\/"\d+"$/);
    expect(reply.headers.get('last-modified')).not.toBeNull();
    expect(reply.headers.get('content-type')).toBeNull();
    if (status === 201) expect(reply.headers.get('location')).not.toBeNull();
  });

  test('return=OperationOutcome gives an outcome of severity information', async () => {
    const reply = await send({ Prefer: 'return=OperationOutcome' });
    expect([reply.status, reply.headers.get('preference-applied')]).toEqual([status, 'return=OperationOutcome']);
    expect(reply.body.resourceType).toBe('OperationOutcome');
    expect(reply.body.issue.map((issue: Json) => issue.severity)).toEqual(['information']);
    expect(reply.headers.get('etag')).toMatch(/^W\/"\d+"$/);
  });

  test('unknown preferences are ignored', async () => {
    for (const Prefer of ['return=everything', 'respond-async', 'wait=10', 'nonsense', '']) {
      const reply = await send({ Prefer });
      expect([Prefer, reply.status, reply.body.resourceType]).toEqual([Prefer, status, 'Patient']);
      expect(reply.headers.get('preference-applied')).toBeNull();
    }
  });

  test('is read among other preferences', async () => {
    expect((await send({ Prefer: 'respond-async, return=minimal' })).text).toBe('');
    expect((await send({ Prefer: 'return="minimal"; handling=lenient' })).text).toBe('');
  });
});

describe('delete', () => {
  test.each([undefined, 'return=minimal', 'return=representation'])(
    'with Prefer %s is 204 without a body',
    async (Prefer) => {
      const id = unique();
      await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
      const reply = await server.send('DELETE', `/Patient/${id}`, undefined, Prefer === undefined ? {} : { Prefer });
      expect([reply.status, reply.text]).toEqual([204, '']);
      // There is no representation to give.
      const applied = Prefer === 'return=minimal' ? Prefer : null;
      expect(reply.headers.get('preference-applied')).toBe(applied);
    },
  );

  test('with return=OperationOutcome is 200 and says what happened', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
    const headers = { Prefer: 'return=OperationOutcome' };
    const reply = await server.send('DELETE', `/Patient/${id}`, undefined, headers);
    expect([reply.status, reply.body.issue[0].diagnostics]).toEqual([200, 'Deleted 1 resource.']);
    expect(reply.headers.get('etag')).toBe('W/"2"');
    const again = await server.send('DELETE', `/Patient/${id}`, undefined, headers);
    expect([again.status, again.body.issue[0].diagnostics]).toEqual([200, 'There was nothing to delete.']);
  });
});

describe('errors', () => {
  test('come with their outcome whatever Prefer says', async () => {
    const reply = await server.send(
      'POST',
      '/Patient',
      { resourceType: 'Patient', x: 1 },
      { Prefer: 'return=minimal' },
    );
    expect([reply.status, reply.body.resourceType]).toEqual([400, 'OperationOutcome']);
  });
});
