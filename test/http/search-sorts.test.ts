/** `_sort`. https://hl7.org/fhir/R4/search.html#sort */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idsOf, load, observation, patient, walk } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';

let server: TestServer;

const sorted = async (path: string) => idsOf(await server.get(path)).join(' ');

const measured = (id: string, value: number | undefined, more: Json = {}) =>
  observation(id, { ...(value !== undefined && { valueQuantity: { value, unit: 'mg' } }), ...more });

beforeAll(async () => {
  server = await testServer();
  await load(server, [
    patient('both', { name: [{ family: 'Adams' }, { family: 'Zoller' }], birthDate: '1980', gender: 'male' }),
    patient('mid', { name: [{ family: 'Miller' }], birthDate: '1970-06', gender: 'female' }),
    patient('low', { name: [{ family: 'Becker' }], birthDate: '1970-06-15', gender: 'male' }),
    patient('lower', { name: [{ family: 'äbel' }], gender: 'other' }),
    patient('none', {}),
    patient('none2', { active: true }),
    measured('q1', 5),
    measured('q2', 40),
    measured('q3', -3.5),
    measured('q4', undefined),
    measured('q5', 40.0),
    {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { code: 'AMB' },
      period: { start: '2020-01-01', end: '2020-12-31' },
    },
    {
      resourceType: 'Encounter',
      id: 'e2',
      status: 'finished',
      class: { code: 'AMB' },
      period: { start: '2020-02-01', end: '2020-02-02' },
    },
    { resourceType: 'Encounter', id: 'e3', status: 'finished', class: { code: 'AMB' }, period: { end: '2020-03-01' } },
    {
      resourceType: 'Encounter',
      id: 'e4',
      status: 'finished',
      class: { code: 'AMB' },
      period: { start: '2020-03-01' },
    },
    { resourceType: 'Encounter', id: 'e5', status: 'planned', class: { code: 'AMB' } },
    {
      resourceType: 'RiskAssessment',
      id: 'r1',
      status: 'final',
      subject: { reference: 'Patient/both' },
      prediction: [{ probabilityDecimal: 0.2 }, { probabilityDecimal: 0.9 }],
    },
    {
      resourceType: 'RiskAssessment',
      id: 'r2',
      status: 'final',
      subject: { reference: 'Patient/low' },
      prediction: [{ probabilityDecimal: 0.5 }],
    },
    { resourceType: 'RiskAssessment', id: 'r3', status: 'final', subject: { reference: 'Group/x' } },
  ]);
});
afterAll(() => server.close());

describe('_sort', () => {
  it('uses the lowest value ascending, the highest descending', async () => {
    expect(await sorted('/Patient?_sort=family&family:missing=false')).toBe('lower both low mid');
    expect(await sorted('/Patient?_sort=-family&family:missing=false')).toBe('both mid low lower');
    expect(await sorted('/RiskAssessment?_sort=probability')).toBe('r1 r2 r3');
    expect(await sorted('/RiskAssessment?_sort=-probability')).toBe('r1 r2 r3');
    expect(await sorted('/Encounter?_sort=date')).toBe('e3 e1 e2 e4 e5');
    expect(await sorted('/Encounter?_sort=-date')).toBe('e4 e1 e3 e2 e5');
    expect(await sorted('/Patient?_sort=birthdate&birthdate:missing=false')).toBe('mid low both');
    expect(await sorted('/Patient?_sort=-birthdate&birthdate:missing=false')).toBe('both mid low');
  });

  it('goes by whole parts of names and addresses, not by their words or all parts together', async () => {
    const person = (id: string, family: string, given: string, line: string, city: string): Json => ({
      resourceType: 'Practitioner',
      id,
      name: [{ family, given: [given] }],
      address: [{ line: [line], city }],
    });
    await load(server, [
      person('p1', 'De La Cruz', 'Zoe Anna', 'zz', 'a'),
      person('p2', 'Dabel', 'Yan', 'b', 'zz'),
      person('p3', 'Diaz', 'Xu', 'c', 'm'),
    ]);
    expect(await sorted('/Practitioner?_sort=family')).toBe('p2 p1 p3');
    expect(await sorted('/Practitioner?_sort=-family')).toBe('p3 p1 p2');
    expect(await sorted('/Practitioner?_sort=given')).toBe('p3 p2 p1');
    expect(await sorted('/Practitioner?_sort=name')).toBe('p2 p1 p3');
    expect(await sorted('/Practitioner?_sort=-name')).toBe('p1 p2 p3');
    // Not by "zz a", which only all of it together is.
    expect(await sorted('/Practitioner?_sort=-address,_id')).toBe('p1 p2 p3');
    expect(await sorted('/Practitioner?_sort=-address,-_id')).toBe('p2 p1 p3');
    expect(await walk(server, '/Practitioner?_sort=family&_count=1')).toEqual(['p2', 'p1', 'p3']);
  });

  it('puts missing values last in both directions', async () => {
    for (const direction of ['', '-']) {
      const families = (await sorted(`/Patient?_sort=${direction}family`)).split(' ');
      expect(families.slice(-2).sort()).toEqual(['none', 'none2']);
      const dates = (await sorted(`/Patient?_sort=${direction}birthdate`)).split(' ');
      expect(dates.slice(-3).sort()).toEqual(['lower', 'none', 'none2']);
      expect(await sorted(`/Observation?_sort=${direction}value-quantity,_id`)).toMatch(/ q4$/);
      expect(await sorted(`/Encounter?_sort=${direction}date`)).toMatch(/ e5$/);
      expect(await sorted(`/RiskAssessment?_sort=${direction}probability`)).toMatch(/ r3$/);
    }
  });

  it('by several keys, of numbers by size, of references by Type/id', async () => {
    expect(await sorted('/Observation?_sort=value-quantity,_id')).toBe('q3 q1 q2 q5 q4');
    expect(await sorted('/Observation?_sort=-value-quantity,-_id')).toBe('q5 q2 q1 q3 q4');
    expect(await sorted('/Patient?_sort=gender,-family&gender:missing=false')).toBe('mid both low lower');
    expect(await sorted('/Patient?_sort=-gender,family&gender:missing=false')).toBe('lower both low mid');
    expect(await sorted('/RiskAssessment?_sort=subject')).toBe('r3 r1 r2');
    expect(await sorted('/Patient?_sort=_id')).toBe('both low lower mid none none2');
    expect(await sorted('/Patient?_sort=-_id')).toBe('none2 none mid lower low both');
  });

  it('by _lastUpdated is the order of commits', async () => {
    for (const id of ['u3', 'u1', 'u2']) await load(server, [patient(id, { gender: 'unknown' })]);
    expect(await sorted('/Patient?gender=unknown&_sort=_lastUpdated')).toBe('u3 u1 u2');
    expect(await sorted('/Patient?gender=unknown&_sort=-_lastUpdated')).toBe('u2 u1 u3');
    await load(server, [patient('u3', { gender: 'unknown', active: true })]);
    expect(await sorted('/Patient?gender=unknown&_sort=_lastUpdated')).toBe('u1 u2 u3');
    expect(await sorted('?_type=Patient,Observation&_id=u1,u2,u3,q1&_sort=-_lastUpdated')).toBe('u3 u2 u1 q1');
    for (const id of ['u1', 'u2', 'u3']) await server.send('DELETE', `/Patient/${id}`);
  });

  it('gives ties in a stable order, page by page', async () => {
    for (const sort of ['gender', '-gender', 'family', '-birthdate']) {
      const whole = (await sorted(`/Patient?_sort=${sort}`)).split(' ');
      for (const count of [1, 2, 4]) {
        expect(await walk(server, `/Patient?_sort=${sort}&_count=${count}`), sort).toEqual(whole);
      }
    }
  });

  it('of several types sorts them together', async () => {
    expect(await sorted('?_type=Patient,Encounter&_id=both,e1,low,e5&_sort=_id')).toBe('both e1 e5 low');
    expect(await sorted('?_type=Encounter,RiskAssessment&_sort=date,_id')).toBe('e3 e1 e2 e4 e5 r1 r2 r3');
  });
});
