/** https://hl7.org/fhir/R4/operations.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { issueOf } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const parameters = (meta: Json) => ({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] });
const metaOf = ({ body }: Reply) => {
  expect(body).toMatchObject({ resourceType: 'Parameters', parameter: [{ name: 'return' }] });
  expect(body.parameter).toHaveLength(1);
  return body.parameter[0].valueMeta;
};

describe('$versions', () => {
  test('answers with the versions and the default one, as codes', async () => {
    const expected = {
      resourceType: 'Parameters',
      parameter: [
        { name: 'version', valueCode: '4.0' },
        { name: 'default', valueCode: '4.0' },
      ],
    };
    expect((await server.get('/$versions')).body).toEqual(expected);
    expect((await server.send('POST', '/$versions')).body).toEqual(expected);
    const empty = { resourceType: 'Parameters' };
    expect((await server.send('POST', '/$versions', empty)).body).toEqual(expected);
  });

  test('is an operation of the system alone', async () => {
    for (const path of ['/Patient/$versions', '/Patient/a/$versions']) {
      const reply = await server.get(path);
      expect(reply.status).toBe(404);
      expect(issueOf(reply).diagnostics).toContain('$meta');
    }
  });
});

describe('$meta', () => {
  let other: TestServer;
  const label = (code: string, more: Json = {}) => ({ system: 'urn:labels', code, ...more });
  const put = (type: string, id: string, meta: Json, more: Json = {}) =>
    other.send('PUT', `/${type}/${id}`, { resourceType: type, id, meta, ...more });

  beforeAll(async () => {
    other = await testServer();
    await put('Patient', 'a', {
      profile: ['http://example.org/p1', 'http://example.org/p2|1'],
      security: [label('R', { display: 'restricted' })],
      tag: [label('one'), { code: 'bare' }],
      source: 'urn:source',
    });
    await put('Patient', 'b', { tag: [label('one'), label('two')] });
    await put('Patient', 'dead', { tag: [label('dead')] });
    await other.send('DELETE', '/Patient/dead');
    await put('Device', 'a', { profile: ['http://example.org/d'], tag: [label('Two')] });
  });
  afterAll(() => other.close());

  test('of an instance is its meta as it is', async () => {
    const { body } = await other.get('/Patient/a');
    expect(metaOf(await other.get('/Patient/a/$meta'))).toEqual(body.meta);
    expect(metaOf(await other.send('POST', '/Patient/a/$meta'))).toEqual(body.meta);
  });

  test('of an unknown one is 404, of a deleted one 410', async () => {
    expect((await other.get('/Patient/nobody/$meta')).status).toBe(404);
    expect((await other.get('/Patient/dead/$meta')).status).toBe(410);
  });

  test('of an AuditEvent of the server’s own', async () => {
    await other.get('/Patient/a');
    const { body } = await other.get('/AuditEvent?_count=1');
    const { id, meta } = body.entry[0].resource;
    expect(metaOf(await other.get(`/AuditEvent/${id}/$meta`))).toEqual(meta);
  });

  test('of a type: every profile, tag and label in use there, each once, and no versions', async () => {
    const meta = metaOf(await other.get('/Patient/$meta'));
    expect(Object.keys(meta).sort()).toEqual(['profile', 'security', 'tag']);
    expect(meta.profile).toEqual(['http://example.org/p1', 'http://example.org/p2|1']);
    expect(meta.security).toEqual([label('R')]);
    expect(meta.tag).toHaveLength(3);
    expect(meta.tag).toEqual(expect.arrayContaining([label('one'), label('two'), { code: 'bare' }]));
  });

  test('of a type without resources is empty', async () => {
    const reply = await other.get('/Basic/$meta');
    expect(reply.status).toBe(200);
    // R4’s JSON has no empty objects, and a parameter has a value.
    expect(reply.body).toEqual({ resourceType: 'Parameters' });
  });

  test('of the system: of all types', async () => {
    const meta = metaOf(await other.get('/$meta'));
    expect(meta.profile).toEqual(['http://example.org/d', 'http://example.org/p1', 'http://example.org/p2|1']);
    expect(meta.tag).toHaveLength(4);
    expect(meta.tag).toEqual(expect.arrayContaining([label('one'), label('two'), label('Two'), { code: 'bare' }]));
  });
});

describe('$meta-add', () => {
  const add = (id: string, meta: Json, headers: Record<string, string> = {}) =>
    server.send('POST', `/Patient/${id}/$meta-add`, parameters(meta), headers);
  const make = async (id: string, meta?: Json) => {
    const sent = `{"resourceType":"Patient","id":"${id}"${meta === undefined ? '' : `,"meta":${JSON.stringify(meta)}`},"extension":[{"url":"http://example.org/d","valueDecimal":1.00}],"active":true}`;
    await server.send('PUT', `/Patient/${id}`, sent);
  };

  test('adds what is not there yet: a new version, whose meta it gives', async () => {
    await make('add', { tag: [{ system: 'urn:t', code: 'a', display: 'A' }], source: 'urn:s' });
    const reply = await add('add', {
      profile: ['http://example.org/p'],
      security: [{ system: 'urn:t', code: 's' }],
      tag: [{ system: 'urn:t', code: 'a', display: 'another' }, { system: 'urn:t', code: 'b' }, { code: 'a' }],
    });
    expect(reply.status).toBe(200);
    const meta = metaOf(reply);
    expect(meta).toMatchObject({
      versionId: '2',
      source: 'urn:s',
      profile: ['http://example.org/p'],
      security: [{ system: 'urn:t', code: 's' }],
      // Display is ignored where tags are compared.
      tag: [{ system: 'urn:t', code: 'a', display: 'A' }, { system: 'urn:t', code: 'b' }, { code: 'a' }],
    });
    const { body, headers } = await server.get('/Patient/add');
    expect(body.meta).toEqual(meta);
    expect(headers.get('etag')).toBe('W/"2"');
    expect(reply.headers.get('etag')).toBe('W/"2"');
  });

  test('the same twice in one request is added once', async () => {
    await make('twice');
    const meta = metaOf(await add('twice', { tag: [{ code: 'x' }, { code: 'x' }], profile: ['urn:p', 'urn:p'] }));
    expect(meta).toMatchObject({ tag: [{ code: 'x' }], profile: ['urn:p'] });
  });

  test('what is there already leaves no version', async () => {
    await make('same', { tag: [{ system: 'urn:t', code: 'a' }] });
    expect(metaOf(await add('same', { tag: [{ system: 'urn:t', code: 'a', display: 'x' }] })).versionId).toBe('1');
    expect((await server.get('/Patient/same/_history')).body.total).toBe(1);
  });

  test('everything else keeps its text and its order', async () => {
    await make('exact');
    const before = (await server.get('/Patient/exact')).text;
    await add('exact', { tag: [{ code: 'x' }] });
    const after = (await server.get('/Patient/exact')).text;
    const meta = /"meta":\{.*?\}(?=,"extension")/;
    expect(after.replace(meta, '')).toBe(before.replace(meta, ''));
    expect(after).toContain('"valueDecimal":1.00');
  });

  test('leaves one AuditEvent, also where it changes nothing', async () => {
    await make('audited');
    const events = async () => (await server.get('/AuditEvent?entity=Patient/audited&_summary=count')).body.total;
    const before = await events();
    await add('audited', { tag: [{ code: 'x' }] });
    expect(await events()).toBe(before + 1);
    await add('audited', { tag: [{ code: 'x' }] });
    expect(await events()).toBe(before + 2);
  });

  test('decimals of the meta keep their text', async () => {
    const meta = '{"extension":[{"url":"http://example.org/d","valueDecimal":1.00}],"tag":[{"code":"a"}]}';
    await server.send('PUT', '/Patient/decimal', `{"resourceType":"Patient","id":"decimal","meta":${meta}}`);
    expect((await add('decimal', { tag: [{ code: 'b' }] })).text).toContain('"valueDecimal":1.00');
    expect((await server.get('/Patient/decimal/$meta')).text).toContain('"valueDecimal":1.00');
  });

  test('is found by a search at once', async () => {
    await make('find');
    await add('find', { tag: [{ system: 'urn:t', code: 'findable' }] });
    expect((await server.get('/Patient?_tag=urn:t|findable')).body.total).toBe(1);
  });

  test('If-Match holds here too', async () => {
    await make('match');
    expect((await add('match', { tag: [{ code: 'x' }] }, { 'If-Match': 'W/"7"' })).status).toBe(412);
    expect((await add('match', { tag: [{ code: 'x' }] }, { 'If-Match': 'W/"1"' })).status).toBe(200);
    await server.send('DELETE', '/Patient/match');
    for (const id of ['match', 'nobody']) {
      expect([id, (await add(id, { tag: [{ code: 'x' }] }, { 'If-Match': '*' })).status]).toEqual([id, 412]);
    }
  });

  test('two at once both stay', async () => {
    await make('race');
    const codes = Array.from({ length: 8 }, (_, at) => `c${at}`);
    await Promise.all(codes.map((code) => add('race', { tag: [{ code }] })));
    const { body } = await server.get('/Patient/race');
    expect(body.meta.tag.map(({ code }: Json) => code).sort()).toEqual(codes);
    expect(body.meta.versionId).toBe('9');
  });

  test('of an unknown one is 404, of a deleted one 410', async () => {
    expect((await add('nobody', { tag: [{ code: 'x' }] })).status).toBe(404);
    await make('dead');
    await server.send('DELETE', '/Patient/dead');
    expect((await add('dead', { tag: [{ code: 'x' }] })).status).toBe(410);
  });

  test.each([
    ['no Parameters', { resourceType: 'Patient' }],
    ['no parameter meta', { resourceType: 'Parameters', parameter: [{ name: 'x', valueMeta: {} }] }],
    ['no valueMeta', { resourceType: 'Parameters', parameter: [{ name: 'meta', valueString: 'x' }] }],
    ['a list of nothing', parameters({ tag: [] })],
    ['tags that are no codings', parameters({ tag: ['x'] })],
    ['an unknown property', parameters({ tags: [{ code: 'x' }] })],
    ['a tag that is no list', parameters({ tag: { code: 'x' } })],
    ['something else', 'nonsense'],
  ])('%s → 400, nothing is written', async (_name, body) => {
    await make('bad');
    const reply = await server.send('POST', '/Patient/bad/$meta-add', body);
    expect(reply.status).toBe(400);
    expect(reply.body.issue[0].severity).toBe('error');
    expect((await server.get('/Patient/bad')).body.meta).not.toHaveProperty('tag');
  });

  test('a tag SUBSETTED is refused as in an update', async () => {
    await make('subsetted');
    expect((await add('subsetted', { tag: [{ code: 'SUBSETTED' }] })).status).toBe(422);
  });

  test('is a POST to an instance: GET 405, other levels 404', async () => {
    const reply = await server.get('/Patient/a/$meta-add');
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    for (const path of ['/$meta-add', '/Patient/$meta-add', '/$meta-delete', '/Patient/$meta-delete']) {
      expect([path, (await server.send('POST', path, parameters({}))).status]).toEqual([path, 404]);
    }
  });

  test('changes no AuditEvent', async () => {
    for (const operation of ['$meta-add', '$meta-delete']) {
      const reply = await server.send('POST', `/AuditEvent/a/${operation}`, parameters({ tag: [{ code: 'x' }] }));
      expect(reply.status).toBe(404);
      expect(issueOf(reply).code).toBe('not-supported');
    }
  });
});

describe('$meta-delete', () => {
  const remove = (id: string, meta: Json) => server.send('POST', `/Patient/${id}/$meta-delete`, parameters(meta));

  test('removes by system and code, profiles by their URL; what is not there is no fault', async () => {
    const meta = {
      profile: ['http://example.org/p', 'http://example.org/q'],
      security: [{ system: 'urn:t', code: 'gone' }],
      tag: [{ system: 'urn:t', code: 'a', version: '1' }, { system: 'urn:u', code: 'a' }, { code: 'a' }],
    };
    await server.send('PUT', '/Patient/delete', { resourceType: 'Patient', id: 'delete', meta });
    const reply = await remove('delete', {
      profile: ['http://example.org/p', 'http://example.org/never'],
      security: [{ system: 'urn:t', code: 'gone' }],
      tag: [{ system: 'urn:t', code: 'a', display: 'x' }, { code: 'never' }],
    });
    expect(reply.status).toBe(200);
    const { body } = await server.get('/Patient/delete');
    expect(metaOf(reply)).toEqual(body.meta);
    expect(body.meta).toMatchObject({
      versionId: '2',
      profile: ['http://example.org/q'],
      tag: [{ system: 'urn:u', code: 'a' }, { code: 'a' }],
    });
    // R4’s JSON has no empty arrays.
    expect(body.meta).not.toHaveProperty('security');
    expect((await server.get('/Patient?_security=urn:t|gone')).body.total).toBe(0);
  });

  test('of nothing that is there leaves no version', async () => {
    await server.send('PUT', '/Patient/none', { resourceType: 'Patient', id: 'none' });
    expect(metaOf(await remove('none', { tag: [{ code: 'x' }] })).versionId).toBe('1');
  });
});

describe('an operation that is not there', () => {
  test.each(['/$nonsense', '/Patient/$everything', '/Patient/a/$nonsense', '/Patient/a/$', '/$'])(
    '%s → 404 that names those there are',
    async (path) => {
      for (const method of ['GET', 'POST']) {
        const reply = await server.send(method, path);
        expect(reply.status).toBe(404);
        expect(issueOf(reply)).toMatchObject({ code: 'not-supported' });
        expect(issueOf(reply).diagnostics).toContain('$meta');
      }
    },
  );
});
