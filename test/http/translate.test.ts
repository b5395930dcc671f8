/** `$translate`. https://hl7.org/fhir/R4/conceptmap-operation-translate.html */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { outOf, parameters, refusedWith } from './terminology.ts';

let server: TestServer;
let directory: string;
const [from, to] = ['http://example.org/CodeSystem/from', 'http://example.org/CodeSystem/to'];

const conceptMap = (id: string, group: Json, more: Json = {}): Json => ({
  resourceType: 'ConceptMap',
  id,
  url: `http://example.org/ConceptMap/${id}`,
  status: 'active',
  group: [{ source: from, target: to, ...group }],
  ...more,
});
const element = (code: string, ...target: readonly Json[]): Json => ({ code, target });
const elements = [
  element(
    'a',
    { code: 'A', equivalence: 'equal', display: 'The A' },
    { code: 'A2', equivalence: 'wider', comment: 'Wider.' },
  ),
  element('n', { equivalence: 'unmatched' }),
  element(
    'd',
    {
      code: 'D1',
      equivalence: 'equivalent',
      dependsOn: [{ property: 'http://example.org/side', system: 'urn:side', value: 'left' }],
      product: [{ property: 'http://example.org/part', system: 'urn:part', value: 'p' }],
    },
    { code: 'D', equivalence: 'inexact' },
  ),
];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'osteon-maps-'));
  const filed = (id: string, code: string, more: Json = {}) => {
    const map = conceptMap(id, { source: 'urn:filed', element: [element('f', { code, equivalence: 'equal' })] }, more);
    writeFileSync(join(directory, `${id}-${String(more.version)}.json`), JSON.stringify(map));
    return map;
  };
  filed('filed', 'old', { version: '1' });
  filed('filed', 'F', { version: '2' });
  filed('withdrawn', 'F', { status: 'retired' });
  filed('replaced', 'F');
  server = await testServer({ PROFILES: directory });
  await load(server, [
    conceptMap('replaced', { source: 'urn:now', element: [element('f', { code: 'N', equivalence: 'equal' })] }),
    conceptMap('main', { element: elements }, { sourceUri: 'urn:s', targetUri: 'urn:t' }),
    conceptMap('provided', { element: elements, unmapped: { mode: 'provided' } }),
    conceptMap('fixed', { element: elements, unmapped: { mode: 'fixed', code: 'other', display: 'Other' } }),
    conceptMap('chained', {
      element: elements,
      unmapped: { mode: 'other-map', url: 'http://example.org/ConceptMap/further' },
    }),
    conceptMap('further', {
      element: [element('x', { code: 'X', equivalence: 'equivalent' })],
      unmapped: { mode: 'other-map', url: 'http://example.org/ConceptMap/chained' },
    }),
  ]);
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const ask = async (query: string): Promise<Json> => {
  const out = outOf(await server.get(`/ConceptMap/$translate?${query}`));
  return { ...out, match: [out.match ?? []].flat() };
};
const by = (id: string, code: string, more = '') =>
  ask(`url=http://example.org/ConceptMap/${id}&system=${from}&code=${code}${more}`);

describe('$translate', () => {
  it('gives all matches of a map with their equivalence, and where they are from', async () => {
    const out = await by('main', 'a');
    expect(out.result).toBe(true);
    expect(out.message).toBe('Wider.');
    expect(out.match).toEqual([
      {
        equivalence: 'equal',
        concept: { system: to, code: 'A', display: 'The A' },
        source: 'http://example.org/ConceptMap/main',
      },
      { equivalence: 'wider', concept: { system: to, code: 'A2' }, source: 'http://example.org/ConceptMap/main' },
    ]);
  });

  it('is no translation where a map says that there is none, or nothing', async () => {
    const none = await by('main', 'n');
    expect([none.result, none.match]).toEqual([
      false,
      [{ equivalence: 'unmatched', source: 'http://example.org/ConceptMap/main' }],
    ]);
    const unknown = await by('main', 'x');
    expect([unknown.result, unknown.match, unknown.message]).toEqual([false, [], expect.stringMatching(/No map/)]);
  });

  it('follows what a map says of codes that it does not mention', async () => {
    expect((await by('provided', 'x')).match).toMatchObject([
      { equivalence: 'equal', concept: { system: to, code: 'x' } },
    ]);
    expect((await by('provided', 'n')).match).toMatchObject([{ equivalence: 'unmatched' }]);
    expect((await by('fixed', 'x')).match).toMatchObject([
      { equivalence: 'relatedto', concept: { code: 'other', display: 'Other' } },
    ]);
    expect((await by('chained', 'x')).match).toMatchObject([
      { concept: { code: 'X' }, source: 'http://example.org/ConceptMap/further' },
    ]);
    expect((await by('chained', 'y')).match).toEqual([]);
  });

  it('goes back where that is asked for', async () => {
    const { match } = await ask(`url=http://example.org/ConceptMap/main&system=${to}&code=A2&reverse=true`);
    expect(match).toMatchObject([{ equivalence: 'narrower', concept: { system: from, code: 'a' } }]);
  });

  it('heeds what a mapping depends on, and tells what it makes beside', async () => {
    expect((await by('main', 'd')).match).toMatchObject([{ concept: { code: 'D' } }]);
    const dependency = {
      name: 'dependency',
      part: [
        { name: 'element', valueUri: 'http://example.org/side' },
        { name: 'concept', valueCodeableConcept: { coding: [{ system: 'urn:side', code: 'left' }] } },
      ],
    };
    const coding = { name: 'coding', valueCoding: { system: from, code: 'd' } };
    const out = outOf(await server.send('POST', '/ConceptMap/main/$translate', parameters(coding, dependency)));
    expect(out.match[0]).toMatchObject({
      concept: { code: 'D1' },
      product: { element: 'http://example.org/part', concept: { code: 'p' } },
    });
  });

  it('asks all maps where none is named, and those between the value sets', async () => {
    const sources = ({ match }: Json) => [...new Set(match.map(({ source }: Json) => source.split('/').at(-1)))].sort();
    expect(sources(await ask(`system=${from}&code=a`))).toEqual(['chained', 'fixed', 'main', 'provided']);
    expect(sources(await ask(`system=${from}&code=a&source=urn:s&target=urn:t`))).toEqual(['main']);
    expect(sources(await ask(`system=${from}&code=a&targetsystem=urn:elsewhere`))).toEqual([]);
    expect(sources(await ask(`system=${to}&code=A&reverse=true&target=urn:s`))).toEqual(['main']);
  });

  it('asks maps in files too, each in the version that its url means', async () => {
    const told = async (query: string) =>
      (await ask(query)).match.map(({ concept, source }: Json) => `${source.split('/').at(-1)} ${concept.code}`);
    expect(await told('system=urn:filed&code=f')).toEqual(['filed F']);
    expect(await told(`system=${to}&code=F&reverse=true`)).toEqual(['filed f']);
    expect(await told('system=urn:now&code=f')).toEqual(['replaced N']);
    await load(server, [
      conceptMap('filed', { source: 'urn:filed', element: [element('f', { code: 'S', equivalence: 'equal' })] }),
    ]);
    expect(await told('system=urn:filed&code=f')).toEqual(['filed S']);
  });

  it('knows R4’s own maps: the example of the specification', async () => {
    const [system, source, target] = [
      'http://hl7.org/fhir/address-use',
      'http://hl7.org/fhir/ValueSet/address-use',
      'http://terminology.hl7.org/ValueSet/v3-AddressUse',
    ];
    const { result, match } = await ask(`code=home&system=${system}&source=${source}&target=${target}`);
    expect(result).toBe(true);
    expect(match[0].concept).toMatchObject({
      system: 'http://terminology.hl7.org/CodeSystem/v3-AddressUse',
      code: 'H',
    });
  });

  it('refuses what is not here, and codes without a system', async () => {
    const refused = async (query: string) => refusedWith(await server.get(`/ConceptMap/$translate?${query}`));
    expect(await refused(`url=urn:none&system=${from}&code=a`)).toMatch(
      /^404 not-found: There is no concept map urn:none/,
    );
    expect(await refused('code=a')).toMatch(/^400 required: Give the system/);
    expect(await refused(`system=${from}`)).toMatch(/^400 required: Give one of code/);
  });
});
