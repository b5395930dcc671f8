/** `_explain`: how a search is read. https://hl7.org/fhir/R4/search.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, observation, patient, refused } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { kinds, onMongo } from './stores.ts';

let server: TestServer;

const parts = (parameters: readonly Json[], name: string): readonly Json[] =>
  parameters.filter((each) => each.name === name);
const value = (parameters: readonly Json[], name: string): unknown => {
  const [found] = parts(parameters, name);
  return found?.valueString ?? found?.valueInteger ?? found?.valueDecimal ?? found?.valueBoolean ?? found?.valueCode;
};

/** The parameters of an explanation. */
async function explain(path: string): Promise<readonly Json[]> {
  const reply = await server.get(path);
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.resourceType).toBe('Parameters');
  return reply.body.parameter;
}

describe.each(kinds)('a store %s', (_, fresh) => {
  beforeAll(async () => {
    server = await testServer({ STORE_URL: fresh().url });
    await load(server, [
      patient('1', { gender: 'male' }),
      ...Array.from({ length: 60 }, (_, n) =>
        observation(`o${n}`, {
          subject: { reference: n % 20 === 0 ? 'Patient/1' : 'Patient/2' },
          code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
        }),
      ),
    ]);
  });
  afterAll(() => server.close());

  it('says what each criterion means and finds, and which one leads', async () => {
    const found = await explain('/Observation?subject=Patient/1&code=http://loinc.org|8480-6&_explain=true');
    const [search] = parts(found, 'search');
    expect(value(search.part, 'type')).toBe('Observation');
    const criteria = parts(search.part, 'criterion').map(({ part }) => ({
      meaning: value(part, 'meaning'),
      rows: value(part, 'rows'),
      leads: value(part, 'leads'),
    }));
    expect(criteria).toEqual([
      // MongoDB chooses by itself, and has no index on so few.
      { meaning: 'subject is Patient/1', rows: 3, leads: !onMongo },
      { meaning: 'code is http://loinc.org|8480-6', rows: 60, leads: false },
    ]);
    expect(value(found, 'matches')).toBe(3);
    expect(value(found, 'total')).toBe(3);
  });

  it('counts the rows that were examined, step by step, with the indexes', async () => {
    const found = await explain('/Observation?code:not=x&_count=5&_total=none&_explain=true');
    const steps = parts(found, 'step').map(({ part }) => part);
    const sum = steps.reduce((all, step) => all + Number(value(step, 'rowsExamined')), 0);
    expect(value(found, 'rowsExamined')).toBe(sum);
    // One more than the page shows, to know whether there is a next one.
    if (onMongo) expect(sum).toBeGreaterThanOrEqual(6);
    else expect(sum).toBe(6);
    expect(JSON.stringify(steps)).toMatch(onMongo ? /Observation: (IXSCAN|COLLSCAN)/ : /entity_by_change/);
    expect(value(found, 'milliseconds')).toBeGreaterThan(0);
    expect(String(value(found, 'hint'))).toMatch(/no index/);
  });

  it('explains what leads a search that is too long to be remembered', async () => {
    const many = Array.from({ length: 300 }, (_, n) => `Patient/${'long-'.repeat(5)}${n}`);
    const found = await explain(`/Observation?subject=Patient/1,${many.join()}&_explain=true`);
    const [search] = parts(found, 'search');
    // MongoDB chooses by itself, and has no index on so few.
    expect(parts(search.part, 'criterion').map(({ part }) => value(part, 'leads'))).toEqual([!onMongo]);
  });

  it('looks at each step of a chain once, although it may also lead into contained resources', async () => {
    const chain = (steps: number) => `${'link:Patient.'.repeat(steps)}gender=other`;
    await load(server, [
      patient('holder', { contained: [{ resourceType: 'Patient', id: 'c', gender: 'unknown' }] }),
      ...Array.from({ length: 12 }, (_, n) =>
        patient(`l${n}`, {
          gender: n === 0 ? 'other' : 'unknown',
          ...(n > 0 && { link: [{ type: 'seealso', other: { reference: `Patient/l${n - 1}` } }] }),
        }),
      ),
    ]);
    const asked = async (steps: number) => {
      const found = await explain(`/Patient?${chain(steps)}&_explain=true`);
      expect(value(found, 'matches')).toBe(1);
      const looks = parts(found, 'step').map(({ part }) => Number(value(part, 'rowsFound')));
      return parts(found, 'step').length + looks.reduce((all, each) => all + each, 0);
    };
    const [four, eight] = [await asked(4), await asked(8)];
    expect(eight).toBeLessThan(2.5 * four);
    expect(await asked(11)).toBeLessThan(2.5 * eight);
  });

  it('explains chains, sorts and an empty result', async () => {
    const chained = await explain('/Observation?subject:Patient.gender=male&_sort=-date&_explain=true');
    expect(JSON.stringify(chained)).toContain('subject leads to a Patient with (gender is');
    expect(value(chained, 'sort')).toBe('-date');
    expect(value(await explain('/Observation?code=nothing&_explain=true'), 'matches')).toBe(0);
    expect(value(await explain('/Basic?_explain=true'), 'matches')).toBe(0);
  });

  it('is asked for by true, and answers with resources otherwise', async () => {
    expect((await server.get('/Observation?_explain=false')).body.resourceType).toBe('Bundle');
    expect(await refused(server, '/Observation?_explain=yes')).toMatch(/_explain/);
    expect(await refused(server, '/AuditEvent?_explain=true')).toMatch(/_explain/);
  });
});
