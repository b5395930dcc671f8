/** `$validate`. https://hl7.org/fhir/R4/resource-operation-validate.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { bundle, entry, issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ VALIDATION: 'off', REFERENTIAL_INTEGRITY: 'full' });
  const stored = [
    { resourceType: 'Patient', id: 'a', gender: 'female' },
    { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/a' } },
    { resourceType: 'Observation', id: 'faulty', code: { text: 'x' } },
  ];
  const entries = stored.map((each) => entry('PUT', `${each.resourceType}/${each.id}`, each));
  expect((await server.send('POST', '', bundle('transaction', ...entries))).status).toBe(200);
});
afterAll(() => server.close());

const patient = { resourceType: 'Patient', active: true };
const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
const { status: _, ...withoutStatus } = observation;
const parameters = (...parameter: readonly Json[]) => ({ resourceType: 'Parameters', parameter });
const validate = (path: string, body?: unknown) => server.send('POST', `${path}/$validate`, body);

/** The issues of an answer, which is 200 whatever was found. */
function issuesOf(reply: Reply): readonly Json[] {
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.resourceType).toBe('OperationOutcome');
  expect(reply.body.issue.length).toBeGreaterThan(0);
  return reply.body.issue;
}

const errorsOf = (reply: Reply): readonly Json[] => issuesOf(reply).filter(({ severity }) => severity === 'error');

function well(reply: Reply): void {
  expect(errorsOf(reply)).toEqual([]);
}

describe('a resource that is sent', () => {
  test.each([
    ['by itself', patient],
    ['in Parameters', parameters({ name: 'resource', resource: patient })],
  ])('%s is checked on the type and on the system', async (_how, body) => {
    well(await validate('/Patient', body));
    well(await validate('', body));
  });

  test('without a fault has an information, and isn’t stored', async () => {
    const before = (await server.get('/Patient?_summary=count')).body.total;
    const [issue] = issuesOf(await validate('/Patient', { ...patient, text: narrative }));
    expect(issue).toMatchObject({ severity: 'information', code: 'informational' });
    expect((await server.get('/Patient?_summary=count')).body.total).toBe(before);
  });

  test.each([
    ['an unknown property', { ...patient, nonsense: 1 }, 'Patient.nonsense'],
    ['a wrong type', { ...patient, active: 'yes' }, 'Patient.active'],
    ['what is missing', withoutStatus, 'Observation.status'],
  ])('is answered with 200 for %s', async (_what, resource, expression) => {
    for (const body of [resource, parameters({ name: 'resource', resource })]) {
      const expressions = errorsOf(await validate('', body)).flatMap((each) => each.expression);
      expect(expressions).toEqual([expression]);
    }
  });

  test.each([
    ['no JSON', '{"resourceType":'],
    ['a property twice', '{"resourceType":"Patient","active":true,"active":false}'],
    ['a list', '[]'],
  ])('is answered with 200 where it is %s', async (_what, body) => {
    expect(errorsOf(await validate('/Patient', body))).toHaveLength(1);
  });

  test('keeps the text of its numbers in Parameters', async () => {
    const body = `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"resourceType":"Patient","multipleBirthInteger":1.0}}]}`;
    const [issue] = errorsOf(await validate('/Patient', body));
    expect(issue).toMatchObject({ code: 'value', expression: ['Patient.multipleBirthInteger'] });
  });

  test('of another type than the URL’s is an error', async () => {
    expect(errorsOf(await validate('/Patient', observation))).toHaveLength(1);
  });

  test('against an unknown profile is an error', async () => {
    for (const reply of [
      await server.send('POST', '/Patient/$validate?profile=http://example.org/none', patient),
      await validate(
        '/Patient',
        parameters({ name: 'resource', resource: patient }, { name: 'profile', valueUri: 'http://example.org/none' }),
      ),
    ]) {
      const [issue] = errorsOf(reply);
      expect(issue.diagnostics).toContain('http://example.org/none');
    }
  });
});

const narrative = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">A patient</div>' };

describe('a stored resource', () => {
  test('is checked by GET and by POST without a body', async () => {
    for (const reply of [await server.get('/Observation/faulty/$validate'), await validate('/Observation/faulty')]) {
      expect(errorsOf(reply).flatMap((each) => each.expression)).toEqual(['Observation.status']);
    }
    well(await server.get('/Observation/o/$validate'));
  });

  test('that isn’t there is 404', async () => {
    expect((await server.get('/Patient/none/$validate')).status).toBe(404);
  });

  test('is checked against a profile with mode=profile', async () => {
    const profile = 'http://hl7.org/fhir/StructureDefinition/Observation';
    well(await server.send('POST', `/Observation/o/$validate?mode=profile&profile=${profile}`));
    const other = 'http://hl7.org/fhir/StructureDefinition/bodyweight';
    expect(errorsOf(await server.get(`/Observation/o/$validate?mode=profile&profile=${other}`))).not.toEqual([]);
  });
});

describe('modes', () => {
  const refersToNothing = { ...observation, subject: { reference: 'Patient/none' } };

  test('create looks whether references resolve, where they must', async () => {
    const url = '/Observation/$validate?mode=create';
    well(await server.send('POST', url, { ...observation, subject: { reference: 'Patient/a' } }));
    expect(errorsOf(await server.send('POST', url, refersToNothing))).toMatchObject([
      { code: 'not-found', expression: ['Observation.subject.reference'] },
    ]);
    well(await validate('/Observation', refersToNothing));
    // One resource is told of once, and so many at most.
    const performer = Array.from({ length: 200 }, (_, n) => ({ reference: `Practitioner/none-${n % 100}` }));
    const errors = errorsOf(await server.send('POST', url, { ...observation, performer }));
    expect(errors).toHaveLength(50);
    expect(errors[49]).toMatchObject({ expression: ['Observation.performer[49].reference'] });
  });

  test('update looks at the id', async () => {
    const url = '/Patient/a/$validate?mode=update';
    well(await server.send('POST', url, { ...patient, id: 'a' }));
    const link = [{ other: { reference: 'Patient/itself' }, type: 'seealso' }];
    well(await server.send('POST', '/Patient/$validate?mode=update', { ...patient, id: 'itself', link }));
    for (const body of [patient, { ...patient, id: 'b' }]) {
      expect(errorsOf(await server.send('POST', url, body))).toMatchObject([{ expression: ['Patient.id'] }]);
    }
    const [issue] = errorsOf(await server.send('POST', '/AuditEvent/$validate?mode=update', auditEvent));
    expect(issue.code).toBe('not-supported');
  });

  test('delete looks who refers to it, and ignores what is sent', async () => {
    const [issue] = errorsOf(await server.get('/Patient/a/$validate?mode=delete'));
    expect(issue).toMatchObject({ code: 'conflict', diagnostics: expect.stringContaining('Observation/o') });
    well(await server.send('POST', '/Observation/o/$validate?mode=delete', { resourceType: 'Patient', nonsense: 1 }));
    expect((await server.get('/Patient/a')).status).toBe(200);
  });

  test('a SearchParameter that could not be used is told', async () => {
    const parameter = { resourceType: 'SearchParameter', url: 'http://example.org/p', name: 'p', status: 'active' };
    const full = {
      ...parameter,
      description: 'p',
      code: 'p',
      base: ['Patient'],
      type: 'string',
      expression: 'Patient.(',
    };
    const [issue] = errorsOf(await validate('/SearchParameter', full));
    expect(issue.expression).toEqual(['SearchParameter.expression']);
  });
});

const auditEvent = {
  resourceType: 'AuditEvent',
  id: 'x',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110100' },
  recorded: '2020-01-01T00:00:00Z',
  agent: [{ requestor: true }],
  source: { observer: { display: 'x' } },
};

describe('a request that can’t be followed is 400', () => {
  test.each([
    ['an unknown parameter', 'POST', '/Patient/$validate?profil=x', patient, 'profile'],
    ['an unknown mode', 'POST', '/Patient/$validate?mode=erase', patient, 'create'],
    ['two modes', 'POST', '/Patient/$validate?mode=create&mode=update', patient, 'create'],
    ['no resource', 'GET', '/Patient/$validate', undefined, 'resource'],
    ['mode=delete without id', 'POST', '/Patient/$validate?mode=delete', patient, '[id]'],
    ['mode=profile without profile', 'GET', '/Patient/a/$validate?mode=profile', undefined, 'profile'],
    ['mode=profile with a resource', 'POST', '/Patient/a/$validate?mode=profile&profile=x', patient, 'stored'],
    ['an unknown part', 'POST', '/Patient/$validate', parameters({ name: 'resourc', resource: patient }), 'resource'],
    [
      'a resource that is none',
      'POST',
      '/Patient/$validate',
      parameters({ name: 'resource', valueString: 'x' }),
      'has no resource',
    ],
    ['faulty Parameters', 'POST', '/Patient/$validate', { ...parameters(), nonsense: 1 }, 'nonsense'],
  ])('%s', async (_what, method, path, body, text) => {
    const reply = await server.send(method, path, body);
    expect(reply.status, reply.text).toBe(400);
    expect(JSON.stringify(issueOf(reply))).toContain(text);
  });
});

describe('in a batch', () => {
  test('a faulty resource is answered with its issues, too', async () => {
    const asked = entry('POST', 'Patient/$validate', { ...patient, nonsense: 1 });
    const { body } = await server.send('POST', '', bundle('batch', asked));
    expect(body.entry[0].response.status).toBe('200 OK');
    expect(body.entry[0].resource.issue[0].expression).toEqual(['Patient.nonsense']);
  });
});

test('leaves an AuditEvent', async () => {
  await validate('/Patient', patient);
  const { body } = await server.get(
    '/AuditEvent?subtype=http://hl7.org/fhir/restful-interaction|operation&_sort=-date',
  );
  const queries = body.entry[0].resource.entity.map(({ query = '' }: Json) => Buffer.from(query, 'base64').toString());
  expect(queries.join()).toContain('$validate');
});

test('is declared on the system and on each type', async () => {
  const [rest] = (await server.get('/metadata')).body.rest;
  const definition = 'http://hl7.org/fhir/OperationDefinition/Resource-validate';
  expect(rest.operation).toContainEqual({ name: 'validate', definition });
  expect(rest.resource.every((each: Json) => each.operation.some(({ name }: Json) => name === 'validate'))).toBe(true);
});

describe('a large resource', () => {
  const listOf = (count: number, reference: (n: number) => string) => ({
    resourceType: 'List',
    status: 'current',
    mode: 'working',
    entry: Array.from({ length: count }, (_, n) => ({ item: { reference: reference(n), display: 'x'.repeat(30) } })),
  });

  test('in Parameters is that which is sent, and so are the other parameters', async () => {
    const list = listOf(5_000, () => 'Patient/a');
    const large = parameters({ name: 'mode', valueCode: 'create' }, { name: 'resource', resource: list });
    expect(JSON.stringify(large).length).toBeGreaterThan(300_000);
    well(await validate('/List', large));
    expect(
      errorsOf(await validate('/List', parameters({ name: 'resource', resource: { ...list, status: 'x' } }))),
    ).toMatchObject([{ expression: ['List.status'] }]);
    for (const wrong of [
      parameters({ name: 'mod', valueCode: 'create' }, { name: 'resource', resource: list }),
      parameters({ name: 'resource', resource: list }, { name: 'resource', resource: patient }),
      parameters({ name: 'resource', resource: list, nonsense: 1 }),
    ])
      expect((await validate('/List', wrong)).status).toBe(400);
    const twice = JSON.stringify(large).replace('"resource":', '"resource":{},"resource":');
    for (const broken of [twice, JSON.stringify(large).slice(0, -1), `${JSON.stringify(large).slice(0, -2)},]}`])
      expect(errorsOf(await server.send('POST', '/List/$validate', broken))).toMatchObject([{ code: 'structure' }]);
  });

  test('has its references looked up together: those to nothing are told, as many as may be', async () => {
    const lacking = (count: number) => listOf(3_000, (n) => (n < 3_000 - count ? 'Patient/a' : `Patient/none${n}`));
    const found = (list: unknown) => server.send('POST', '/List/$validate?mode=create', list);
    well(await found(lacking(0)));
    expect(errorsOf(await found(lacking(2))).map(({ expression }) => expression)).toEqual([
      ['List.entry[2998].item.reference'],
      ['List.entry[2999].item.reference'],
    ]);
    expect(errorsOf(await found(lacking(1_000)))).toHaveLength(50);
    const [unknown] = errorsOf(await found(listOf(1, () => 'Nonsense/1')));
    expect(unknown).toMatchObject({ code: 'not-found', expression: ['List.entry[0].item.reference'] });
  });
});
