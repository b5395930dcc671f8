/** https://hl7.org/fhir/R4/references.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, indexed, type Json, type TestServer, testServer } from './server.ts';
import { lastingStore } from './stores.ts';
import { bundle, entry, found, idOf, issueOf, patient, unique } from './writing.ts';

const observation = (more: Json = {}): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...more,
});
const about = (reference: string): Json => observation({ subject: { reference } });

describe('references', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  test.each([
    'Patient/nobody',
    'Patient/nobody/_history/7',
    `${base}/Patient/nobody`,
    `${base}/Patient/nobody/_history/2`,
    'http://elsewhere.example.org/fhir/Patient/1',
    'urn:uuid:00000000-0000-4000-8000-000000000000',
    'urn:oid:1.2.3',
    '#contained',
    'Patient?identifier=1',
  ])('%s is stored as sent and need not resolve', async (reference) => {
    const reply = await server.send('POST', '/Observation', about(reference));
    expect(reply.status).toBe(201);
    expect((await server.get(`/Observation/${idOf(reply)}`)).body.subject.reference).toBe(reference);
  });

  test('logical ones are stored as sent', async () => {
    const subject = { type: 'Patient', identifier: { system: 'urn:x', value: unique() }, display: 'P' };
    const reply = await server.send('POST', '/Observation', observation({ subject }));
    expect(reply.body.subject).toEqual(subject);
  });

  test('an absolute one to our own base stays absolute, and is found by the relative one', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const absolute = await server.send('POST', '/Observation', about(`${base}/Patient/${id}`));
    const versioned = await server.send('POST', '/Observation', about(`Patient/${id}/_history/1`));
    expect(await found(server, `Observation?subject=Patient/${id}`)).toEqual([idOf(absolute), idOf(versioned)].sort());
    expect(await found(server, `Observation?subject=${base}/Patient/${id}`)).toHaveLength(2);
  });

  test('contained resources stay inside', async () => {
    const contained = [{ resourceType: 'Patient', id: 'p', name: [{ family: unique('inside') }] }];
    const reply = await server.send('POST', '/Observation', { ...about('#p'), contained });
    expect(reply.body.contained).toEqual(contained);
    expect((await server.get('/Patient/p')).status).toBe(404);
  });

  test('referencePolicy is declared', async () => {
    const { referencePolicy } = (await server.get('/metadata')).body.rest[0].resource[0];
    expect(referencePolicy).not.toContain('enforced');
  });
});

describe.each(['write', 'full'] as const)('REFERENTIAL_INTEGRITY=%s', (policy) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ REFERENTIAL_INTEGRITY: policy });
    await server.send('PUT', '/Patient/known', { resourceType: 'Patient', id: 'known' });
  });
  afterAll(() => server.close());

  test('refuses a local reference that does not resolve: 422 with the element', async () => {
    const missing = { reference: 'Patient/missing' };
    for (const [body, expression] of [
      [observation({ subject: missing }), 'Observation.subject.reference'],
      [observation({ subject: { reference: `${base}/Patient/missing` } }), 'Observation.subject.reference'],
      [observation({ subject: { reference: 'Patient/missing/_history/1' } }), 'Observation.subject.reference'],
      [observation({ note: [{ text: 'n', authorReference: missing }] }), 'Observation.note[0].author.reference'],
      [
        observation({ extension: [{ url: 'http://e', valueReference: missing }] }),
        'Observation.extension[0].value.reference',
      ],
      [
        observation({
          contained: [{ resourceType: 'Encounter', id: 'e', subject: missing }],
          encounter: { reference: '#e' },
        }),
        'Observation.contained[0].subject.reference',
      ],
    ] as const) {
      const reply = await server.send('POST', '/Observation', body);
      expect([expression, reply.status]).toEqual([expression, 422]);
      expect(issueOf(reply).expression).toEqual([expression]);
    }
  });

  test('takes one that resolves, one to elsewhere, a logical, contained or urn one', async () => {
    for (const reference of [
      'Patient/known',
      `${base}/Patient/known`,
      'http://elsewhere.org/fhir/Patient/x',
      '#p',
      'urn:uuid:00000000-0000-4000-8000-000000000000',
    ]) {
      const contained = [{ resourceType: 'Patient', id: 'p' }];
      expect((await server.send('POST', '/Observation', { ...about(reference), contained })).status).toBe(201);
    }
    const logical = observation({ subject: { identifier: { value: 'x' } } });
    expect((await server.send('POST', '/Observation', logical)).status).toBe(201);
  });

  test('a deleted resource does not resolve', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    await server.send('DELETE', `/Patient/${id}`);
    expect((await server.send('POST', '/Observation', about(`Patient/${id}`))).status).toBe(422);
  });

  test('a resource may refer to itself', async () => {
    const id = unique();
    const body = { resourceType: 'Patient', id, link: [{ other: { reference: `Patient/${id}` }, type: 'seealso' }] };
    expect((await server.send('PUT', `/Patient/${id}`, body)).status).toBe(201);
    expect((await server.send('DELETE', `/Patient/${id}`)).status).toBe(204);
  });

  test('is checked on update and patch too', async () => {
    const id = unique();
    await server.send('PUT', `/Observation/${id}`, observation({ id }));
    expect((await server.send('PUT', `/Observation/${id}`, { ...about('Patient/missing'), id })).status).toBe(422);
    const patch = await server.send(
      'PATCH',
      `/Observation/${id}`,
      { subject: { reference: 'Patient/missing' } },
      {
        'Content-Type': 'application/merge-patch+json',
      },
    );
    expect(patch.status).toBe(422);
    expect((await server.get(`/Observation/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('resources of the same bundle count', async () => {
    const uuid = 'urn:uuid:11111111-1111-4111-8111-111111111111';
    const id = unique();
    const reply = await server.send(
      'POST',
      '/',
      bundle(
        'transaction',
        entry('POST', 'Observation', about(uuid)),
        entry('POST', 'Observation', about(`Patient/${id}`)),
        entry('POST', 'Patient', patient(unique()), {}, uuid),
        entry('PUT', `Patient/${id}`, { resourceType: 'Patient', id }),
      ),
    );
    expect(reply.status).toBe(200);
  });

  test('what the same bundle deletes does not count: 422 with the entry', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const reply = await server.send(
      'POST',
      '/',
      bundle('transaction', entry('DELETE', `Patient/${id}`), entry('POST', 'Observation', about(`Patient/${id}`))),
    );
    expect([policy, reply.status]).toEqual([policy, 422]);
    expect(issueOf(reply).expression).toEqual(['Bundle.entry[1].resource.subject.reference']);
    expect((await server.get(`/Patient/${id}`)).status).toBe(200);
  });

  test('referencePolicy is declared', async () => {
    const { referencePolicy } = (await server.get('/metadata')).body.rest[0].resource[0];
    expect(referencePolicy).toContain('enforced');
  });

  if (policy === 'write') {
    test('deletes what is referenced', async () => {
      const id = unique();
      await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
      await server.send('POST', '/Observation', about(`Patient/${id}`));
      expect((await server.send('DELETE', `/Patient/${id}`)).status).toBe(204);
    });
    return;
  }

  test('also refuses to delete what is referenced: 409 naming up to ten referrers', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const first = idOf(await server.send('POST', '/Observation', about(`Patient/${id}`)));
    const one = await server.send('DELETE', `/Patient/${id}`);
    expect(one.status).toBe(409);
    expect(issueOf(one).diagnostics).toContain(`Observation/${first}`);
    for (let n = 0; n < 12; n += 1) await server.send('POST', '/Observation', about(`Patient/${id}`));
    const many = await server.send('DELETE', `/Patient/${id}`);
    expect(many.status).toBe(409);
    expect(issueOf(many).diagnostics.match(/Observation\//g)).toHaveLength(10);
    expect((await server.get(`/Patient/${id}`)).status).toBe(200);
  });

  test('a reference without a search parameter counts too', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const body = observation({ extension: [{ url: 'http://e', valueReference: { reference: `Patient/${id}` } }] });
    await server.send('POST', '/Observation', body);
    expect((await server.send('DELETE', `/Patient/${id}`)).status).toBe(409);
  });

  test('references that were stored before the policy was on count too', async () => {
    const { url: STORE_URL } = lastingStore();
    const before = await testServer({ STORE_URL });
    await before.send('PUT', '/Patient/p', { resourceType: 'Patient', id: 'p' });
    await before.send('POST', '/Basic', {
      resourceType: 'Basic',
      extension: [{ url: 'http://e', valueReference: { reference: 'Patient/p' } }],
    });
    await before.close();
    const after = await testServer({ STORE_URL, REFERENTIAL_INTEGRITY: 'full' });
    // Nobody knows yet what refers to it.
    expect((await after.send('DELETE', '/Patient/p')).status).toBe(503);
    await indexed(after);
    expect((await after.send('DELETE', '/Patient/p')).status).toBe(409);
    await after.close();
    const again = await testServer({ STORE_URL });
    expect((await again.send('DELETE', '/Patient/p')).status).toBe(204);
    await again.close();
  });

  test('what is no longer referenced can be deleted', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const referrer = idOf(await server.send('POST', '/Observation', about(`Patient/${id}`)));
    await server.send('PUT', `/Observation/${referrer}`, observation({ id: referrer }));
    expect((await server.send('DELETE', `/Patient/${id}`)).status).toBe(204);
  });

  test('deletes of both in one transaction pass', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    const referrer = idOf(await server.send('POST', '/Observation', about(`Patient/${id}`)));
    const reply = await server.send(
      'POST',
      '/',
      bundle('transaction', entry('DELETE', `Patient/${id}`), entry('DELETE', `Observation/${referrer}`)),
    );
    expect(reply.status).toBe(200);
    expect((await server.get(`/Patient/${id}`)).status).toBe(410);
  });

  test('a transaction that deletes what is referenced fails: 409 with the entry', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, { resourceType: 'Patient', id });
    await server.send('POST', '/Observation', about(`Patient/${id}`));
    const reply = await server.send(
      'POST',
      '/',
      bundle('transaction', entry('POST', 'Patient', patient(id)), entry('DELETE', `Patient/${id}`)),
    );
    expect(reply.status).toBe(409);
    expect(issueOf(reply).expression).toEqual(['Bundle.entry[1]']);
  });

  test('a conditional delete of what is referenced is 409', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Patient', patient(value)));
    await server.send('POST', '/Observation', about(`Patient/${id}`));
    expect((await server.send('DELETE', `/Patient?identifier=${value}`)).status).toBe(409);
  });
});
