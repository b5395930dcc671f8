/** Searches by strings and uris, sentence by sentence of "Search values". https://hl7.org/fhir/R4/search.html#string */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find, idsOf, load, patient, refused, search } from './searching.ts';
import { type TestServer, testServer } from './server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('vdv', { name: [{ family: 'van der Vaart-Meijer', given: ['Jean-Pierre', 'Ann Marie'], prefix: ['Dr'] }] }),
    patient('oneil', { name: [{ family: "O'Neil", given: ['Zoë'] }] }),
    patient('muller', { name: [{ family: 'MÜLLER', given: ['Straße'] }] }),
    patient('text', { name: [{ text: 'Maria   Luisa\tRossi' }] }),
    patient('lee', { name: [{ family: 'Lee', given: ['Ann'] }] }),
    patient('han', { name: [{ family: '李', given: ['小龙'] }] }),
    patient('percent', { name: [{ family: '100%_x*?[a]' }] }),
    patient('comma', { name: [{ family: 'Smith, Jr|x$y\\z' }] }),
    patient('addr', {
      address: [{ line: ['Hauptstr. 1', 'Hinterhaus'], city: 'Bad Tölz', postalCode: '83646', country: 'DE' }],
    }),
    patient('none', { gender: 'other' }),
    { resourceType: 'ValueSet', id: 'v1', status: 'active', url: 'http://example.org/ValueSet/x', version: '1' },
    { resourceType: 'ValueSet', id: 'v2', status: 'active', url: 'http://example.org/ValueSet/x', version: '2' },
    { resourceType: 'ValueSet', id: 'v3', status: 'active', url: 'http://example.org/ValueSet/X' },
    { resourceType: 'ValueSet', id: 'v4', status: 'active', url: 'http://example.org/ValueSet/x/y' },
    { resourceType: 'ValueSet', id: 'v5', status: 'active', url: 'urn:oid:1.2.3' },
    { resourceType: 'ValueSet', id: 'v6', status: 'active' },
  ]);
});
afterAll(() => server.close());

const names = (value: string) => find(server, `/Patient?name=${encodeURIComponent(value)}`);
const with_ = (name: string, value: string) => find(server, `/Patient?${name}=${encodeURIComponent(value)}`);

describe('a string', () => {
  it('is found by how each of its parts begins', async () => {
    expect(await names('van der')).toBe('vdv');
    expect(await names('jean')).toBe('vdv');
    expect(await names('dr')).toBe('vdv');
    expect(await names('ann')).toBe('lee vdv');
    expect(await names('aart')).toBe('');
    expect(await with_('family', 'lee')).toBe('lee');
    expect(await with_('family', 'ann')).toBe('');
    expect(await with_('given', 'ann')).toBe('lee vdv');
  });

  it('by each word of a family or given name', async () => {
    expect(await names('vaart')).toBe('vdv');
    expect(await names('meijer')).toBe('vdv');
    expect(await names('pierre')).toBe('vdv');
    expect(await names('marie')).toBe('vdv');
    expect(await with_('family', 'meijer')).toBe('vdv');
    expect(await with_('given', 'marie')).toBe('vdv');
    // The words of other texts are not.
    expect(await names('luisa')).toBe('');
  });

  it('and by the whole', async () => {
    expect(await names('Ann Lee')).toBe('lee');
    expect(await names('zoe oneil')).toBe('oneil');
    expect(await names('Jean-Pierre Ann Marie van der Vaart-Meijer')).toBe('vdv');
    expect(await names('maria luisa r')).toBe('text');
  });

  it('without regard to case, accents, punctuation and runs of white space', async () => {
    for (const value of ['oneil', "O'NEIL", 'o’neil', 'Oneil', 'ó-neil', ' oneil ']) {
      expect(await names(value), value).toBe('oneil');
    }
    for (const value of ['zoe', 'ZOË', 'zoë']) expect(await names(value), value).toBe('oneil');
    for (const value of ['muller', 'Müller', 'mu\u0308ller', 'STRASSE', 'straße']) {
      expect(await names(value), value).toBe('muller');
    }
    expect(await names('Maria Luisa  Rossi')).toBe('text');
    expect(await names('李')).toBe('han');
    expect(await names('小')).toBe('han');
  });

  it(':exact is byte equality', async () => {
    expect(await with_('name:exact', "O'Neil")).toBe('oneil');
    expect(await with_('name:exact', "O'NEIL")).toBe('');
    expect(await with_('name:exact', 'ONeil')).toBe('');
    expect(await with_('name:exact', "O'Ne")).toBe('');
    expect(await with_('name:exact', 'MÜLLER')).toBe('muller');
    expect(await with_('name:exact', 'MU\u0308LLER')).toBe('');
    expect(await with_('name:exact', 'Ann')).toBe('lee');
    expect(await with_('name:exact', 'Maria   Luisa\tRossi')).toBe('text');
    expect(await with_('name:exact', 'Maria Luisa Rossi')).toBe('');
    expect(await with_('name:exact', 'Ann Lee')).toBe('');
  });

  it(':contains', async () => {
    expect(await with_('name:contains', 'AART')).toBe('vdv');
    expect(await with_('name:contains', 'eil')).toBe('oneil');
    expect(await with_('name:contains', 'oë')).toBe('oneil');
    expect(await with_('name:contains', 'luisa ross')).toBe('text');
    expect(await with_('name:contains', 'e')).toBe('lee muller oneil vdv');
    expect(await with_('name:contains', 'n l')).toBe('lee');
  });

  it('has no wildcards', async () => {
    expect(await names('100%')).toBe('percent');
    expect(await names('1%x')).toBe('');
    expect(await names('1*x')).toBe('');
    expect(await names('Le*')).toBe('lee');
    expect(await with_('name:contains', '0%_x*')).toBe('percent');
    expect(await with_('name:exact', '100%_x*?[a]')).toBe('percent');
    expect(await with_('name:exact', '%')).toBe('');
  });

  it('of an address', async () => {
    expect(await with_('address', 'haupt')).toBe('addr');
    expect(await with_('address', 'bad tolz')).toBe('addr');
    expect(await with_('address', '8364')).toBe('addr');
    expect(await with_('address-city', 'Bad Tölz')).toBe('addr');
    expect(await with_('address-city', 'haupt')).toBe('');
    expect(await with_('address:contains', 'hinter')).toBe('addr');
    expect(await with_('address-postalcode:exact', '83646')).toBe('addr');
  });

  it('of punctuation alone is 400, except with :exact', async () => {
    expect((await server.get('/Patient?name=-')).status).toBe(400);
    expect((await server.get('/Patient?name:contains=.')).status).toBe(400);
    expect(await with_('name:exact', '-')).toBe('');
  });

  it(':missing', async () => {
    expect(await find(server, '/Patient?name:missing=true')).toBe('addr none');
    expect(await find(server, '/Patient?address:missing=false')).toBe('addr');
    expect(await find(server, '/Patient?name:missing=true&gender:missing=true')).toBe('addr');
  });
});

describe('escapes, alternatives and repeats', () => {
  it('OR across commas, AND across repeats', async () => {
    expect(await find(server, '/Patient?name=lee,oneil')).toBe('lee oneil');
    expect(await find(server, '/Patient?name=ann&name=lee')).toBe('lee');
    expect(await find(server, '/Patient?name=ann&name=lee,vaart')).toBe('lee vdv');
    expect(await find(server, '/Patient?name=ann&family:exact=Lee')).toBe('lee');
  });

  it('\\, \\| \\$ \\\\ stand for themselves', async () => {
    expect(await find(server, '/Patient?name:exact=Smith\\, Jr|x$y\\\\z')).toBe('comma');
    expect(await find(server, '/Patient?name:exact=Smith\\, Jr\\|x\\$y\\\\z')).toBe('comma');
    expect(await find(server, '/Patient?name:exact=Smith, Jr|x$y\\\\z')).toBe('');
    expect(await find(server, '/Patient?name=smith\\, jr')).toBe('comma');
    expect(idsOf(await search(server, '/Patient/_search', { 'name:exact': 'Smith\\, Jr|x$y\\\\z' }))).toEqual([
      'comma',
    ]);
  });

  it('a backslash that escapes nothing is 400', async () => {
    expect(await refused(server, '/Patient?name=Smith\\Jr')).toContain('write \\\\ for a backslash');
    expect(await refused(server, '/Patient?name=lee,Jr\\')).toContain('write \\\\ for a backslash');
    expect(await refused(server, '/Patient?name:exact=x\\\\\\y')).toContain('write \\\\ for a backslash');
  });
});

describe('a text of hundreds of thousands of characters', () => {
  it('is found by all of it, and by how it begins', async () => {
    // Of several bytes each; the last ones come just before characters of another length, or before none.
    for (const end of ['n', '\u{10ffff}', '\ud7ff', '\u{1f600}']) {
      const long = 'ß李'.repeat(100_000) + end;
      await load(server, [
        patient('long', { name: [{ family: `${long}x` }] }),
        { resourceType: 'ValueSet', id: 'long', status: 'active', url: `http://long/${long}/x` },
      ]);
      const ids = async (path: string, name: string, value: string) =>
        idsOf(await search(server, path, [[name, value]])).join();
      expect(await ids('/Patient/_search', 'family', long)).toBe('long');
      expect(await ids('/Patient/_search', 'family', `${long}y`)).toBe('');
      expect(await ids('/Patient/_search', 'family:exact', `${long}x`)).toBe('long');
      expect(await ids('/ValueSet/_search', 'url:below', `http://long/${long}`)).toBe('long');
      expect(await ids('/ValueSet/_search', 'url:below', `http://long/${long}/y`)).toBe('');
    }
    for (const type of ['Patient', 'ValueSet']) {
      expect((await server.send('DELETE', `/${type}/long`)).status).toBe(204);
    }
  });
});

describe('a uri', () => {
  const urls = (value: string) => find(server, `/ValueSet?url=${encodeURIComponent(value)}`);

  it('is found by the whole of it, in its case', async () => {
    expect(await urls('http://example.org/ValueSet/x')).toBe('v1 v2');
    expect(await urls('http://example.org/ValueSet/X')).toBe('v3');
    expect(await urls('http://example.org/ValueSet/')).toBe('');
    expect(await urls('http://example.org/ValueSet')).toBe('');
    expect(await urls('urn:oid:1.2.3')).toBe('v5');
    expect(await urls('urn:oid:1.2')).toBe('');
  });

  it('takes alternatives and :missing', async () => {
    expect(await find(server, '/ValueSet?url=urn:oid:1.2.3,http://example.org/ValueSet/X')).toBe('v3 v5');
    expect(await find(server, '/ValueSet?url:missing=true')).toBe('v6');
  });

  it('with a version beside it', async () => {
    expect(await find(server, '/ValueSet?url=http://example.org/ValueSet/x&version=2')).toBe('v2');
  });
});
