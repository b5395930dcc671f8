/** What `VALIDATION` refuses, in each kind of write. https://hl7.org/fhir/R4/validation.html */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Conflict } from '../../src/store/errors.ts';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { bundle, entry, idOf, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ VALIDATION: 'profiles' });
});
afterAll(() => server.close());

const narrative = { status: 'additional', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
const sound: Json = { resourceType: 'Observation', text: narrative, status: 'final', code: { text: 'x' } };
const { status: _, ...faulty } = sound;
const missing = { severity: 'error', code: 'required', expression: ['Observation.status'] };

const jsonPatch = { 'Content-Type': 'application/json-patch+json' };
const outcome = { Prefer: 'return=OperationOutcome' };
const system = 'http://example.org/validation';
const identified = (value: string) => ({ identifier: [{ system, value }] });

/** The issues of a 422, none of them a mere 400. */
function refused(reply: Reply): readonly Json[] {
  expect(reply.status, reply.text).toBe(422);
  expect(reply.body.resourceType).toBe('OperationOutcome');
  return reply.body.issue.filter(({ severity }: Json) => severity === 'error');
}

const total = async (query: string) => (await server.get(`/${query}&_summary=count`)).body.total;

describe('a resource that breaks a rule is refused with 422', () => {
  test('by create, with the element and the rule', async () => {
    const [issue] = refused(await server.send('POST', '/Observation', faulty));
    expect(issue).toMatchObject(missing);
    expect(issue.details.coding[0]).toMatchObject({ code: 'cardinality' });
  });

  test('with one issue for each fault', async () => {
    const resource = { ...faulty, category: [{ coding: [{ code: '' }] }] };
    expect((await server.send('POST', '/Observation', resource)).status).toBe(400);
    const several = { ...faulty, subject: { reference: 'Encounter/x' }, referenceRange: [{ text: 'x' }, {}] };
    expect((await server.send('POST', '/Observation', several)).status).toBe(400);
    const two = { ...faulty, subject: { reference: 'Encounter/x' } };
    const expressions = refused(await server.send('POST', '/Observation', two)).flatMap((each) => each.expression);
    expect(expressions).toHaveLength(2);
    expect(expressions).toContain('Observation.status');
  });

  test('with the errors before the warnings', async () => {
    const { text: _text, ...bare } = faulty;
    for (const reply of [
      await server.send('POST', '/Observation', bare),
      await server.send('POST', '/Observation/$validate', bare),
    ]) {
      expect(reply.body.issue.map(({ severity }: Json) => severity)).toEqual(['error', 'warning']);
    }
  });

  test('by conditional create and update, and update under a new id', async () => {
    const value = unique();
    const header = { 'If-None-Exist': `identifier=${system}|${value}` };
    refused(await server.send('POST', '/Observation', { ...faulty, ...identified(value) }, header));
    refused(
      await server.send('PUT', `/Observation?identifier=${system}|${value}`, { ...faulty, ...identified(value) }),
    );
    refused(await server.send('PUT', `/Observation/${value}`, { ...faulty, id: value }));
    expect(await total(`Observation?identifier=${system}|${value}`)).toBe(0);
  });

  test('by patch of any kind, which changes nothing', async () => {
    const value = unique();
    const id = idOf(await server.send('POST', '/Observation', { ...sound, ...identified(value) }));
    const remove = [{ op: 'remove', path: '/status' }];
    for (const path of [`/Observation/${id}`, `/Observation?identifier=${system}|${value}`]) {
      expect(refused(await server.send('PATCH', path, remove, jsonPatch))).toMatchObject([missing]);
    }
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    expect(refused(await server.send('PATCH', `/Observation/${id}`, { status: null }, merge))).toMatchObject([missing]);
    expect((await server.get(`/Observation/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('by $meta-add of a profile that it doesn’t conform to', async () => {
    const id = idOf(await server.send('POST', '/Observation', sound));
    const profile = 'http://hl7.org/fhir/StructureDefinition/bodyweight';
    const body = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { profile: [profile] } }] };
    refused(await server.send('POST', `/Observation/${id}/$meta-add`, body));
    expect((await server.get(`/Observation/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('as a Binary', async () => {
    const [issue] = refused(await server.send('POST', '/Binary', { resourceType: 'Binary', data: 'eA==' }));
    expect(issue.expression).toEqual(['Binary.contentType']);
    const raw = await server.send('POST', '/Binary', 'as it is', { 'Content-Type': 'text/plain' });
    expect(raw.status, raw.text).toBe(201);
  });

  test('in a history that is replayed, whose other versions are stored', async () => {
    const id = unique();
    const versions = [
      entry('PUT', `Observation/${id}`, { ...faulty, id }),
      entry('POST', 'Observation', { ...sound, id }),
    ];
    const { body } = await server.send('POST', '', bundle('history', ...versions));
    expect(body.entry.map(({ response }: Json) => response.status.slice(0, 3))).toEqual(['422', '201']);
    expect((await server.get(`/Observation/${id}`)).headers.get('etag')).toBe('W/"1"');
  });

  test('in a batch, by its own entry', async () => {
    const asked = bundle('batch', entry('POST', 'Observation', faulty), entry('POST', 'Observation', sound));
    const { body } = await server.send('POST', '', asked);
    expect(body.entry.map(({ response }: Json) => response.status.slice(0, 3))).toEqual(['422', '201']);
    expect(body.entry[0].response.outcome.issue).toMatchObject([missing]);
  });
});

describe('a transaction', () => {
  const patientUrl = 'urn:uuid:0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d';

  test('with faulty resources stores nothing, and names each place', async () => {
    const value = unique();
    const patient = { resourceType: 'Patient', ...identified(value) };
    const entries = [patient, faulty, { ...sound, component: [{ valueInteger: 1 }] }];
    const asked = bundle('transaction', ...entries.map((each) => entry('POST', each.resourceType, each)));
    const places = refused(await server.send('POST', '', asked)).flatMap((each) => each.expression);
    expect(places).toEqual(['Bundle.entry[1].resource.status', 'Bundle.entry[2].resource.component[0].code']);
    expect(await total(`Patient?identifier=${system}|${value}`)).toBe(0);
  });

  test('is refused for a patch whose result is faulty', async () => {
    const id = idOf(await server.send('POST', '/Observation', sound));
    const operation = {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'delete' },
        { name: 'path', valueString: 'Observation.status' },
      ],
    };
    const patch = entry('PATCH', `Observation/${id}`, { resourceType: 'Parameters', parameter: [operation] });
    const [issue] = refused(await server.send('POST', '', bundle('transaction', patch)));
    expect(issue.expression).toEqual(['Bundle.entry[0].resource.status']);
  });

  test('is refused for a reference to an entry of a wrong type', async () => {
    const referring = { ...sound, encounter: { reference: patientUrl } };
    const patient = entry('POST', 'Patient', { resourceType: 'Patient' }, {}, patientUrl);
    const asked = bundle('transaction', patient, entry('POST', 'Observation', referring));
    const [issue] = refused(await server.send('POST', '', asked));
    expect(issue.expression[0]).toMatch(/^Bundle\.entry\[1]\.resource\.encounter/);
    const right = { ...sound, subject: { reference: patientUrl } };
    const mended = bundle('transaction', patient, entry('POST', 'Observation', right));
    expect((await server.send('POST', '', mended)).status).toBe(200);
  });

  test('is refused for a faulty resource behind a conditional reference, and for one that isn’t written', async () => {
    const value = unique();
    expect((await server.send('POST', '/Patient', { resourceType: 'Patient', ...identified(value) })).status).toBe(201);
    const subject = { reference: `Patient?identifier=${system}|${value}` };
    const referring = entry('POST', 'Observation', { ...faulty, subject });
    expect(refused(await server.send('POST', '', bundle('transaction', referring)))).toMatchObject([
      { expression: ['Bundle.entry[0].resource.status'] },
    ]);
    const { id } = (await server.send('POST', '/Observation', { ...sound, ...identified(value) })).body;
    expect(id).toBeDefined();
    const ifNoneExist = `identifier=${system}|${value}`;
    const found = entry('POST', 'Observation', { ...faulty, ...identified(value) }, { ifNoneExist });
    refused(await server.send('POST', '', bundle('transaction', found)));
  });

  test('gives warnings with its answers where they are asked for', async () => {
    const profile = 'http://example.org/StructureDefinition/unknown';
    const asked = bundle('transaction', entry('POST', 'Observation', { ...sound, meta: { profile: [profile] } }));
    const { body } = await server.send('POST', '', asked, outcome);
    const warnings = body.entry[0].response.outcome.issue.filter(({ severity }: Json) => severity === 'warning');
    expect(warnings).toHaveLength(1);
    expect(warnings[0].diagnostics).toContain(profile);
  });
});

describe('warnings', () => {
  const unknown = { ...sound, meta: { profile: ['http://example.org/StructureDefinition/unknown'] } };

  test('don’t keep a resource from being stored, and come with Prefer: return=OperationOutcome', async () => {
    const reply = await server.send('POST', '/Observation', unknown, outcome);
    expect(reply.status).toBe(201);
    expect(reply.body.issue.map(({ severity }: Json) => severity)).toEqual(['information', 'warning']);
    const id = idOf(reply);
    const updated = await server.send('PUT', `/Observation/${id}`, { ...unknown, id, status: 'amended' }, outcome);
    expect(updated.body.issue.map(({ severity }: Json) => severity)).toEqual(['information', 'warning']);
    const patch = [{ op: 'replace', path: '/status', value: 'corrected' }];
    const patched = await server.send('PATCH', `/Observation/${id}`, patch, { ...jsonPatch, ...outcome });
    expect(patched.body.issue.map(({ severity }: Json) => severity)).toEqual(['information', 'warning']);
  });

  test('are not in other answers', async () => {
    const { body } = await server.send('POST', '/Observation', unknown);
    expect(body.resourceType).toBe('Observation');
    expect((await server.send('POST', '/Observation', sound, outcome)).body.issue).toHaveLength(1);
  });
});

describe('a write that is planned again', () => {
  const conflicting = () => {
    const { store, conformance } = server.context;
    const commit = vi.spyOn(store, 'commit').mockRejectedValueOnce(new Conflict('write', 0));
    const validate = vi.spyOn(conformance, 'validate');
    return async (reply: Promise<Reply>): Promise<readonly number[]> => {
      try {
        expect((await reply).status).toBeLessThan(300);
        return [commit.mock.calls.length, validate.mock.calls.length];
      } finally {
        commit.mockRestore();
        validate.mockRestore();
      }
    };
  };

  test('isn’t validated again, where it is the same', async () => {
    const id = idOf(await server.send('POST', '/Observation', sound));
    const put = entry('PUT', `Observation/${id}`, { ...sound, id, status: 'amended' });
    const calls: readonly (() => Promise<Reply>)[] = [
      () => server.send('POST', '/Observation', sound),
      () => server.send('PATCH', `/Observation/${id}`, [{ op: 'add', path: '/status', value: 'amended' }], jsonPatch),
    ];
    for (const call of calls) expect(await conflicting()(call())).toEqual([2, 1]);
    const both = bundle('transaction', put, entry('POST', 'Observation', sound));
    expect(await conflicting()(server.send('POST', '', both))).toEqual([2, 2]);
  });
});

test('what takes longer than VALIDATION_BUDGET_MS is refused as too costly', async () => {
  const other = await testServer({ VALIDATION: 'base', VALIDATION_BUDGET_MS: '1' });
  try {
    const component = Array.from({ length: 50_000 }, () => ({ code: { text: 'x' }, valueInteger: 1 }));
    const issues = refused(await other.send('POST', '/Observation', { ...sound, component }));
    expect(issues.at(-1)?.code).toBe('too-costly');
  } finally {
    await other.close();
  }
});

test('a transaction ends with the first of its entries that takes too long', async () => {
  const other = await testServer({ VALIDATION: 'base', VALIDATION_BUDGET_MS: '1' });
  try {
    const component = Array.from({ length: 50_000 }, () => ({ code: { text: 'x' }, valueInteger: 1 }));
    const slow = entry('POST', 'Observation', { ...sound, component });
    const issues = refused(await other.send('POST', '', bundle('transaction', slow, slow, slow)));
    const costly = issues.filter(({ code }) => code === 'too-costly');
    expect(costly.map(({ expression }) => expression)).toEqual([['Bundle.entry[0].resource']]);
  } finally {
    await other.close();
  }
});

test.each(['batch', 'transaction'])(
  'all resources of a %s have a time together, besides that of each',
  async (type) => {
    const other = await testServer({ VALIDATION: 'base', VALIDATION_BUDGET_MS: '1' });
    try {
      const component = Array.from({ length: 5_000 }, () => ({ code: { text: 'x' }, valueInteger: 1 }));
      const slow = entry('POST', 'Observation', { ...sound, component });
      // Each takes its millisecond at least, and all may have eleven.
      const entries = Array.from({ length: 40 }, () => slow);
      const reply = await other.send('POST', '', bundle(type, ...entries));
      if (type === 'transaction') {
        expect(refused(reply).filter(({ code }) => code === 'too-costly')).toHaveLength(1);
        return;
      }
      expect(reply.status, reply.text).toBe(200);
      const told = reply.body.entry.map(({ response }: Json) => ({
        status: response.status.slice(0, 3),
        of: response.outcome?.issue[0].diagnostics.replace(/^.*(own|1 ms|before it in the Bundle).*$/, '$1'),
      }));
      expect(told[0]).toEqual({ status: '422', of: '1 ms' });
      expect(told[39]).toEqual({ status: '422', of: 'before it in the Bundle' });
    } finally {
      await other.close();
    }
  },
);

describe('the setting', () => {
  test('what breaks the format is 400 whatever it is', async () => {
    expect((await server.send('POST', '/Observation', { ...faulty, nonsense: 1 })).status).toBe(400);
  });

  test.each([
    ['off', 201, 201],
    ['base', 422, 201],
    ['profiles', 422, 422],
  ])('%s', async (VALIDATION, base, profile) => {
    const other = await testServer({ VALIDATION });
    try {
      expect((await other.send('POST', '/Observation', faulty)).status).toBe(base);
      const named = { ...sound, meta: { profile: ['http://hl7.org/fhir/StructureDefinition/bodyweight'] } };
      expect((await other.send('POST', '/Observation', named)).status).toBe(profile);
    } finally {
      await other.close();
    }
  });
});

test('a code alone of a value set whose parts are not here is not refused', async () => {
  const [set, profile] = [`${system}/set`, `${system}/profile`];
  const compose = { include: [{ valueSet: [`${system}/absent`] }] };
  await server.send('POST', '/ValueSet', { resourceType: 'ValueSet', url: set, status: 'active', compose });
  const element = [
    { id: 'Patient', path: 'Patient' },
    { id: 'Patient.language', path: 'Patient.language', binding: { strength: 'required', valueSet: set } },
  ];
  const stored = await server.send('POST', '/StructureDefinition', {
    resourceType: 'StructureDefinition',
    url: profile,
    name: 'Spoken',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Patient',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient',
    derivation: 'constraint',
    differential: { element },
  });
  expect(stored.status, stored.text).toBe(201);
  const patient = { resourceType: 'Patient', language: 'en', meta: { profile: [profile] } };
  const reply = await server.send('POST', '/Patient', patient, outcome);
  expect(reply.status, reply.text).toBe(201);
  const [told] = reply.body.issue.filter(({ code }: Json) => code === 'not-supported');
  expect(told).toMatchObject({ severity: 'information', expression: ['Patient.language'] });
});
