/** Searches by dates, sentence by sentence of "Search values". https://hl7.org/fhir/R4/search.html#date */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { find, idsOf, load, observation, patient } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { lastingStore } from './stores.ts';

let server: TestServer;
/** When the tests' clock stands still. */
const now = '2026-01-31T12:00:00.000Z';

function encounter(id: string, period: Json): Json {
  return { resourceType: 'Encounter', id, status: 'finished', class: { code: 'AMB' }, ...(period && { period }) };
}

function dated(id: string, effectiveDateTime: string): Json {
  return observation(id, { effectiveDateTime });
}

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(now) });
  server = await testServer({ TIMEZONE: 'Europe/Berlin' });
  await load(server, [
    patient('y1970', { birthDate: '1970' }),
    patient('m1970-03', { birthDate: '1970-03' }),
    patient('d1970-03-15', { birthDate: '1970-03-15' }),
    patient('d1971', { birthDate: '1971-01-01' }),
    patient('none'),
    encounter('jan', { start: '2020-01-10', end: '2020-01-20' }),
    encounter('from', { start: '2020-01-15' }),
    encounter('until', { end: '2020-01-15' }),
    encounter('never', undefined),
    dated('z', '2020-06-01T12:00:00Z'),
    dated('berlin', '2020-06-01T14:00:00+02:00'),
    dated('fraction', '2020-06-01T12:00:00.123456Z'),
    dated('later', '2020-06-01T12:00:00.123457Z'),
    dated('day', '2020-06-01'),
    observation('timing', {
      effectiveTiming: { event: ['2019-03-01', '2019-05-01T10:00:00Z'] },
    }),
    observation('instant', { effectiveInstant: '2018-01-01T00:00:00.500Z' }),
    dated('near', '2025-12-01T00:00:00Z'),
  ]);
});
afterAll(async () => {
  await server.close();
  vi.useRealTimers();
});

/** The encounters among the three that a date finds. */
const encounters = (value: string) => find(server, `/Encounter?date=${value}`);
const patients = (value: string) => find(server, `/Patient?birthdate=${value}`);
const observations = (value: string) => find(server, `/Observation?date=${value}`);

describe('a date is indexed by the range that its precision means', () => {
  it('eq: the search range contains the target range', async () => {
    expect(await patients('1970')).toBe('d1970-03-15 m1970-03 y1970');
    expect(await patients('eq1970-03')).toBe('d1970-03-15 m1970-03');
    expect(await patients('1970-03-15')).toBe('d1970-03-15');
    expect(await patients('1970-03-16')).toBe('');
    expect(await encounters('2020-01')).toBe('jan');
    expect(await encounters('2020')).toBe('jan');
    expect(await encounters('2020-01-15')).toBe('');
  });

  it('ne: some value isn’t contained', async () => {
    expect(await patients('ne1970')).toBe('d1971');
    expect(await patients('ne1970-03')).toBe('d1971 y1970');
    expect(await encounters('ne2020')).toBe('from until');
  });

  it('lt le gt ge by R4’s table', async () => {
    expect(await patients('lt1970-03')).toBe('y1970');
    expect(await patients('le1970-03')).toBe('d1970-03-15 m1970-03 y1970');
    expect(await patients('gt1970-03')).toBe('d1971 y1970');
    expect(await patients('ge1970-03')).toBe('d1970-03-15 d1971 m1970-03 y1970');
    expect(await patients('gt1970-12-31')).toBe('d1971');
    expect(await encounters('lt2020-01-10')).toBe('until');
    expect(await encounters('le2020-01-10')).toBe('until');
    expect(await encounters('lt2020-01-15')).toBe('jan until');
    expect(await encounters('gt2020-01-20')).toBe('from');
    expect(await encounters('ge2020-01-20')).toBe('from');
    expect(await encounters('ge2020-01-19')).toBe('from jan');
    expect(await encounters('gt2020-01-15')).toBe('from jan');
  });

  it('sa eb on range ends', async () => {
    expect(await encounters('sa2020-01-09')).toBe('from jan');
    expect(await encounters('sa2020-01-10')).toBe('from');
    expect(await encounters('sa2020-01-15')).toBe('');
    expect(await encounters('eb2020-01-21')).toBe('jan until');
    expect(await encounters('eb2020-01-20')).toBe('until');
    expect(await encounters('eb2020-01-15')).toBe('');
    expect(await patients('eb1970-03-15')).toBe('');
    expect(await patients('sa1970-03')).toBe('d1971');
  });

  it('ap: 10 % of the distance to now', async () => {
    // From 2025-12-06 to now there are 56.5 days, a tenth of which is 5.65 days.
    expect(await observations('ap2025-12-06')).toBe('near');
    expect(await observations('ap2025-11-25')).toBe('near');
    expect(await observations('ap2025-12-07')).toBe('');
    expect(await observations('ap2025-11-20')).toBe('');
    // A tenth of 56 years is 5.6 years.
    expect(await patients('ap1975')).toBe('d1970-03-15 d1971 m1970-03 y1970');
    expect(await patients('ap1977-06')).toBe('');
  });

  it('a missing end is open', async () => {
    expect(await encounters('gt2999')).toBe('from');
    expect(await encounters('lt1000')).toBe('until');
    expect(await encounters('ge9999-12-31')).toBe('from');
  });

  it('a resource without a value matches no prefix', async () => {
    for (const prefix of ['', 'eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb', 'ap']) {
      expect(await encounters(`${prefix}2020-01-15`)).not.toMatch(/never/);
      expect(await patients(`${prefix}1970`)).not.toMatch(/none/);
    }
    expect(await find(server, '/Encounter?date:missing=true')).toBe('never');
    expect(await find(server, '/Patient?birthdate:missing=false')).toBe('d1970-03-15 d1971 m1970-03 y1970');
  });

  it('fractions of a second are kept', async () => {
    expect(await observations('2020-06-01T12:00:00.123Z')).toBe('fraction later');
    expect(await observations('2020-06-01T12:00:00.123456Z')).toBe('fraction');
    expect(await observations('2020-06-01T12:00:00.123457Z')).toBe('later');
    expect(await observations('2020-06-01T12:00:00.12345Z')).toBe('fraction later');
    expect(await observations('2020-06-01T12:00:00.123458Z')).toBe('');
    expect(await observations('sa2020-06-01T12:00:00.123456Z&date=lt2020-06-01T12:00:01Z')).toBe('later');
    expect(await observations('2020-06-01T12:00:00Z')).toBe('berlin fraction later z');
    const shown = await server.get('/Observation?_id=later');
    expect(shown.body.entry[0].resource.effectiveDateTime).toBe('2020-06-01T12:00:00.123457Z');
  });

  it('an instant is a range as short as its last digit', async () => {
    expect(await observations('2018-01-01T00:00:00.500Z')).toBe('instant');
    expect(await observations('2018-01-01T00:00:00.5Z')).toBe('instant');
    expect(await observations('2018-01-01T00:00:00.50000Z')).toBe('');
    expect(await observations('2018-01-01T00:00Z')).toBe('instant');
  });

  it('a Timing is what lies between the first and the last of its events', async () => {
    expect(await observations('2019')).toBe('timing');
    expect(await observations('2019-03')).toBe('');
    expect(await observations('sa2019-02&date=eb2019-06')).toBe('timing');
  });
});

describe('a time without a zone uses TIMEZONE', () => {
  it('in what is stored', async () => {
    // Midnight in Berlin is 23:00 in UTC in winter.
    expect(await patients('ge1970-03-14T23:00:00Z&birthdate=lt1970-03-16')).toBe('d1970-03-15 m1970-03 y1970');
    expect(await patients('sa1970-03-14T22:59:59Z&birthdate=eb1970-03-15T23:00:00Z')).toBe('d1970-03-15');
    expect(await patients('sa1970-03-14T22:59:59Z&birthdate=eb1970-03-15T22:59:59Z')).toBe('');
  });

  it('in what is asked for', async () => {
    expect(await observations('2020-06-01T14:00:00')).toBe('berlin fraction later z');
    expect(await observations('2020-06-01T14:00')).toBe('berlin fraction later z');
    expect(await observations('2020-06-01T12:00:00')).toBe('');
    expect(await observations('2020-06-01')).toBe('berlin day fraction later z');
  });

  it('and a zone that is given counts, also with its + read as a space', async () => {
    expect(await observations('2020-06-01T14:00:00%2B02:00')).toBe('berlin fraction later z');
    expect(await observations('2020-06-01T14:00:00+02:00')).toBe('berlin fraction later z');
    expect(await observations('2020-06-01T07:00:00-05:00')).toBe('berlin fraction later z');
  });
});

describe('TIMEZONE', () => {
  it('is recorded by the store: starting with another one is refused', async () => {
    const { url: STORE_URL } = lastingStore();
    const first = await testServer({ STORE_URL, TIMEZONE: 'Europe/Berlin' });
    await first.close();
    await expect(testServer({ STORE_URL, TIMEZONE: 'America/New_York' })).rejects.toThrow(/TIMEZONE=Europe\/Berlin/);
    const again = await testServer({ STORE_URL, TIMEZONE: 'Europe/Berlin' });
    await again.close();
  });
});

describe('_lastUpdated', () => {
  it('is a point in time that every prefix takes', async () => {
    const at = async (value: string) => (await server.get(`/Patient?_lastUpdated=${value}&_count=0`)).body.total;
    expect(await at('2026-01-31')).toBe(5);
    expect(await at('2026-01-30')).toBe(0);
    expect(await at('2026')).toBe(5);
    expect(await at('ne2026-01-31')).toBe(0);
    expect(await at('gt2026-01-30')).toBe(5);
    expect(await at('gt2026-01-31')).toBe(0);
    expect(await at('ge2026-01-31')).toBe(5);
    expect(await at('lt2026-01-31')).toBe(0);
    expect(await at('le2026-01-31')).toBe(5);
    expect(await at('sa2026-01-31T11:00:00Z')).toBe(5);
    expect(await at('eb2026-01-31T13:00:00Z')).toBe(5);
    expect(await at('ap2026-01-31')).toBe(5);
    expect(await at('2026-01-30,2026-01-31')).toBe(5);
  });

  it('equals meta.lastUpdated, and rises with each write', async () => {
    const page = await server.get('/Patient?_id=none');
    const { lastUpdated } = page.body.entry[0].resource.meta;
    const same = await server.get(`/Patient?_lastUpdated=${encodeURIComponent(lastUpdated)}`);
    expect(idsOf(same)).toContain('none');
    vi.setSystemTime(new Date('2026-02-01T00:00:00Z'));
    await load(server, [patient('none', { gender: 'other' })]);
    expect(await find(server, `/Patient?_lastUpdated=gt${encodeURIComponent(lastUpdated)}`)).toBe('none');
    vi.setSystemTime(new Date(now));
  });
});

describe('a value with several dates', () => {
  it('alternatives and repeats', async () => {
    expect(await patients('1970-03-15,1971-01-01')).toBe('d1970-03-15 d1971');
    expect(await patients('ge1970-03&birthdate=lt1971')).toBe('d1970-03-15 m1970-03 y1970');
    expect(await patients('lt1900,gt1970-12-31')).toBe('d1971');
  });
});
