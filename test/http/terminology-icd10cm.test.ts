/** The operations of terminology on ICD-10-CM, from the shared data. https://hl7.org/fhir/R4/terminology-service.html */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedConcept } from '../../src/store/terminology.ts';
import { load } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { outOf, valueSet } from './terminology.ts';

const file = join(process.env.OSTEON_TEST_DATA ?? '../shared/data', 'terminology/icd10cm-fy2022.tsv.gz');
const url = 'http://hl7.org/fhir/sid/icd-10-cm';

/** Each code below the longest one that it begins with. */
function conceptsIn(text: string): readonly LoadedConcept[] {
  const [, ...rows] = text.trim().split('\n');
  const codes = new Set(rows.map((row) => row.split('\t')[0]));
  return rows.map((row) => {
    const [code = '', billable, display = ''] = row.split('\t');
    let parent = code.slice(0, -1);
    while (parent !== '' && !codes.has(parent)) parent = parent.slice(0, -1);
    const properties = [['billable', billable === '1' ? 'true' : 'false'] as const];
    return { code, display, parents: parent === '' ? [] : [parent], properties };
  });
}

describe.skipIf(!existsSync(file))('on ICD-10-CM', () => {
  let server: TestServer;
  const expanded = async (query: string): Promise<Json> => {
    const reply = await server.get(`/ValueSet/$expand?${query}`);
    expect(reply.status, reply.text).toBe(200);
    return reply.body.expansion;
  };

  beforeAll(async () => {
    server = await testServer();
    const concepts = conceptsIn(gunzipSync(readFileSync(file)).toString());
    const system = { url, version: '2022', title: 'ICD-10-CM', caseSensitive: false };
    const properties = [{ code: 'billable', type: 'boolean' }] as const;
    await server.context.store.terminology.load({ ...system, properties }, async function* () {
      for (let start = 0; start < concepts.length; start += 1000) yield concepts.slice(start, start + 1000);
    });
    const below = (code: string) => ({ system: url, filter: [{ property: 'concept', op: 'is-a', value: code }] });
    await load(server, [
      valueSet('all', [{ system: url }]),
      valueSet('fractures', [below('M84'), below('S72')], { exclude: [{ system: url, concept: [{ code: 'S72.0' }] }] }),
      valueSet('others', [{ system: url }], { exclude: [below('S72')] }),
    ]);
  }, 120_000);
  afterAll(() => server.close());

  it('a page of what a filter leaves of 95,524 codes has the total', async () => {
    const page = await expanded('url=http://example.org/ValueSet/all&filter=knee osteoarth&count=5');
    expect([page.total, page.contains.length]).toEqual([14, 5]);
    expect(page.contains.every(({ display }: Json) => /osteoarth/i.test(display) && /knee/i.test(display))).toBe(true);
    expect((await expanded('url=http://example.org/ValueSet/all&count=0')).total).toBe(95_524);
    const last = await expanded('url=http://example.org/ValueSet/all&offset=95523&count=5');
    expect(last.contains).toHaveLength(1);
  });

  it('parts of it are put together, filtered and taken off the whole', async () => {
    const fractures = await expanded('url=http://example.org/ValueSet/fractures&count=1');
    const pathological = await expanded('url=http://example.org/ValueSet/fractures&filter=pathological femur&count=3');
    expect(pathological.total).toBeLessThan(fractures.total);
    expect(pathological.contains[0].display).toMatch(/athological.*femur/);
    const [whole, taken] = [
      await expanded('url=http://example.org/ValueSet/all&filter=fracture&count=0'),
      await expanded('url=http://example.org/ValueSet/others&filter=fracture&count=3'),
    ];
    expect(taken.total).toBeLessThan(whole.total);
    expect(taken.contains).toHaveLength(3);
  });

  it('a code is validated, looked up and compared, however it is spelled', async () => {
    const validated = (code: string) =>
      server.get(`/ValueSet/$validate-code?url=http://example.org/ValueSet/fractures&system=${url}&code=${code}`);
    expect(outOf(await validated('S72.001A')).result).toBe(true);
    expect(outOf(await validated('S72.0')).result).toBe(false);
    expect(outOf(await validated('M17.11')).result).toBe(false);
    const found = outOf(await server.get(`/CodeSystem/$lookup?system=${url}&code=m17.11`));
    expect(found.display).toBe('Unilateral primary osteoarthritis, right knee');
    expect(outOf(await server.get(`/CodeSystem/$subsumes?system=${url}&codeA=M17&codeB=M17.11`))).toEqual({
      outcome: 'subsumes',
    });
  });
});
