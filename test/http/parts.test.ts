/** https://hl7.org/fhir/R4/search.html#summary */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

const tag = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

// A summary of Observation has no `note`, no `referenceRange` and, of code, all.
const sent =
  '{"resourceType":"Observation","note":[{"text":"n"}],"id":"o","language":"de",' +
  '"text":{"status":"additional","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">t</div>"},' +
  '"extension":[{"url":"http://example.org/x","valueDecimal":1.00}],' +
  '"modifierExtension":[{"url":"http://example.org/m","valueDecimal":-0.0}],' +
  '"status":"final","_status":{"id":"s"},"referenceRange":[{"low":{"value":1e-20}}],' +
  '"valueQuantity":{"unit":"m","value":1.00},"code":{"text":"c"},"subject":{"reference":"Patient/p"},' +
  '"component":[{"code":{"text":"x"},"valueQuantity":{"value":1.0e+3}}]}';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.send('PUT', '/Observation/o', sent);
  await server.send('PUT', '/Patient/p', { resourceType: 'Patient', id: 'p', name: [{ family: 'P' }], active: true });
});
afterAll(() => server.close());

/** The same resource by every interaction that gives parts. */
const ways: readonly (readonly [name: string, path: string, pick: (reply: Reply) => Json])[] = [
  ['read', '/Observation/o?', ({ body }) => body],
  ['vread', '/Observation/o/_history/1?', ({ body }) => body],
  ['history of an instance', '/Observation/o/_history?', ({ body }) => body.entry[0].resource],
  ['history of a type', '/Observation/_history?', ({ body }) => body.entry[0].resource],
  ['search', '/Observation?_id=o&', ({ body }) => body.entry[0].resource],
  ['search of the system', '/?_type=Observation&_id=o&', ({ body }) => body.entry[0].resource],
];

describe.each(ways)('`_summary` and `_elements` work on %s', (_name, path, pick) => {
  const part = async (query: string) => {
    const reply = await server.get(`${path}${query}`);
    expect([query, reply.status]).toEqual([query, 200]);
    return pick(reply);
  };
  const names = async (query: string) => Object.keys(await part(query)).filter((name) => !name.startsWith('_'));

  test('_summary=true has the elements of the summary', async () => {
    expect(await names('_summary=true')).toEqual([
      'resourceType',
      'id',
      'meta',
      'modifierExtension',
      'status',
      'valueQuantity',
      'code',
      'subject',
      'component',
    ]);
  });

  test('_summary=text has the narrative and mandatory elements', async () => {
    expect(await names('_summary=text')).toEqual([
      'resourceType',
      'id',
      'meta',
      'text',
      'modifierExtension',
      'status',
      'code',
    ]);
  });

  test('_summary=data has all but the narrative', async () => {
    const found = await part('_summary=data');
    expect(found.text).toBeUndefined();
    expect(found.note).toEqual([{ text: 'n' }]);
    expect(found.meta.tag).toContainEqual(tag);
  });

  test('_summary=false is the whole resource', async () => {
    const found = await part('_summary=false');
    expect(found.meta.tag).toBeUndefined();
    expect(Object.keys(found)).toHaveLength(Object.keys(JSON.parse(sent)).length + 1);
  });

  test('`id`, `meta` and mandatory top-level elements stay with _elements', async () => {
    const expected = ['resourceType', 'id', 'meta', 'modifierExtension', 'status', 'code', 'subject'];
    expect(await names('_elements=subject')).toEqual(expected);
  });

  test('`_elements=Type.element` works; those of other types leave a resource whole', async () => {
    const expected = ['resourceType', 'id', 'meta', 'modifierExtension', 'status', 'code', 'subject'];
    expect(await names('_elements=Observation.subject')).toEqual(expected);
    expect((await part('_elements=Patient.name')).note).toEqual([{ text: 'n' }]);
  });

  test('a choice is named with or without its type', async () => {
    expect(await names('_elements=value')).toContain('valueQuantity');
    expect(await names('_elements=valueQuantity')).toContain('valueQuantity');
  });

  test('cut resources carry the SUBSETTED tag', async () => {
    for (const query of ['_summary=true', '_summary=text', '_summary=data', '_elements=subject']) {
      expect((await part(query)).meta.tag).toEqual([tag]);
    }
  });

  test('the order of properties stays', async () => {
    expect(await names('_elements=component,note')).toEqual([
      'resourceType',
      'note',
      'id',
      'meta',
      'modifierExtension',
      'status',
      'code',
      'component',
    ]);
  });

  test('an unknown value, an unknown element, and both parameters together → 400', async () => {
    for (const query of [
      '_summary=some',
      '_elements=nonsense',
      '_elements=Patient.nonsense',
      '_elements=Nonsense.id',
    ]) {
      const reply = await server.get(`${path}${query}`);
      expect([query, reply.status]).toEqual([query, 400]);
      expect(issueOf(reply).diagnostics).toMatch(/_summary|_elements/);
    }
    expect((await server.get(`${path}_summary=true&_elements=code`)).status).toBe(400);
    expect((await server.get(`${path}_summary=true&_summary=true`)).status).toBe(400);
    expect((await server.get(`${path}_elements=code&_elements=status`)).status).toBe(400);
  });

  test('an empty value is as if it were not there', async () => {
    expect((await part('_summary=&_elements=')).meta.tag).toBeUndefined();
    expect((await part('_elements=,')).meta.tag).toBeUndefined();
  });
});

describe.each(ways)('The cut keeps decimals’ text: %s', (_name, path) => {
  test.each([
    ['_summary=true', ['1.00', '-0.0', '1.0e+3']],
    ['_summary=data', ['1.00', '-0.0', '1.0e+3', '1e-20']],
    ['_elements=referenceRange,value', ['1e-20', '"value":1.00']],
  ])('%s', async (query, decimals) => {
    const { text } = await server.get(`${path}${query}`);
    for (const decimal of decimals) expect(text).toContain(decimal);
  });
});

describe('a cut resource has no ETag of the whole', () => {
  test.each(['/Observation/o', '/Observation/o/_history/1'])('%s', async (path) => {
    for (const query of ['_summary=true', '_summary=text', '_summary=data', '_elements=code']) {
      const { headers } = await server.get(`${path}?${query}`);
      expect(headers.get('etag')).toBeNull();
      expect(headers.get('last-modified')).toBeNull();
    }
    expect((await server.get(`${path}?_summary=false`)).headers.get('etag')).toBe('W/"1"');
  });

  test('so who has the whole, or another part, gets the part and no 304', async () => {
    for (const header of ['If-None-Match', 'If-Modified-Since']) {
      const value = header === 'If-None-Match' ? 'W/"1"' : new Date(Date.now() + 60_000).toUTCString();
      expect((await server.get('/Observation/o?_summary=true', { [header]: value })).status).toBe(200);
      expect((await server.get('/metadata?_summary=true', { [header]: value })).headers.get('etag')).toBeNull();
    }
  });

  test('nor can it be sent back: 422', async () => {
    const { text } = await server.get('/Observation/o?_summary=true');
    const reply = await server.send('PUT', '/Observation/o', text);
    expect(reply.status).toBe(422);
    expect(issueOf(reply).expression).toEqual(['Observation.meta.tag[0]']);
  });
});

describe('parts of the capability statement', () => {
  test('_summary=true, _summary=text, _summary=data and _elements', async () => {
    const summary = (await server.get('/metadata?_summary=true')).body;
    expect(summary).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1', meta: { tag: [tag] } });
    expect((await server.get('/metadata?_elements=software')).body).toMatchObject({
      status: 'active',
      software: { name: 'Osteon' },
      meta: { tag: [tag] },
    });
    expect((await server.get('/metadata?_elements=software')).body.implementation).toBeUndefined();
    expect((await server.get('/metadata?_summary=data')).body.rest).toBeDefined();
    expect((await server.get('/metadata?_summary=some')).status).toBe(400);
    expect((await server.get('/metadata?_elements=nonsense')).status).toBe(400);
    expect((await server.get('/metadata?mode=terminology&_elements=codeSearch')).body.codeSearch).toBe('explicit');
  });
});

describe('`_summary=count`', () => {
  test('is for searches; elsewhere 400', async () => {
    expect((await server.get('/Observation?_summary=count')).body).toMatchObject({ type: 'searchset', total: 1 });
    for (const path of ['/Observation/o', '/Observation/o/_history/1', '/Observation/_history', '/metadata']) {
      const reply = await server.get(`${path}?_summary=count`);
      expect([path, reply.status]).toEqual([path, 400]);
    }
  });
});

describe('`_summary=text` with an include is 400', () => {
  test.each(['_include=Observation:subject', '_revinclude=Observation:derived-from'])('%s', async (include) => {
    expect((await server.get(`/Observation?_summary=text&${include}`)).status).toBe(400);
    expect((await server.get(`/Observation?_summary=true&${include}`)).status).toBe(200);
  });
});

describe('what is included is cut too', () => {
  test('by the names that hold for its type', async () => {
    const query = '_id=o&_include=Observation:subject&_elements=Observation.subject,Patient.name';
    const { body } = await server.get(`/Observation?${query}`);
    const patient = body.entry.find(({ search }: Json) => search.mode === 'include').resource;
    expect(Object.keys(patient)).toEqual(['resourceType', 'id', 'meta', 'name']);
  });
});

describe('resources within a resource', () => {
  test('a contained one is kept by _elements=contained, and the container’s summary leaves it out', async () => {
    const contained = [{ resourceType: 'Patient', id: 'c', name: [{ family: 'C' }] }];
    const resource = {
      resourceType: 'Observation',
      id: 'c',
      contained,
      status: 'final',
      code: { text: 'c' },
      subject: { reference: '#c' },
    };
    await server.send('PUT', '/Observation/c', resource);
    expect((await server.get('/Observation/c?_elements=contained')).body.contained).toEqual(contained);
    expect((await server.get('/Observation/c?_summary=true')).body.contained).toBeUndefined();
  });
});
