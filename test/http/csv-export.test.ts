/** `$csv-export`: resources as rows of CSV. https://hl7.org/fhir/R4/operations.html */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { exactObject } from '../../src/fhir/exact-json.ts';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { SharedIdentifiers } from '../../src/operations/csv/shared-identifiers.ts';
import { csvServer, exported, file, filled, hipRow, importCsv, importedOf, patientRow } from './csv-files.ts';
import { load, refused } from './searching.ts';
import type { Json, TestServer } from './server.ts';

/** More than one page of the export. */
const cases = 230;

const rows = Array.from({ length: cases }, (_, n) =>
  hipRow(n, {
    phone: n % 2 === 0 ? '0123' : '',
    bearing_surface: n % 3 === 0 ? 'ceramic' : 'metal',
    oxford_hip_preop: String(n % 48),
    ...(n % 5 === 0 ? { pain_vas_1y: '2', procedure_note: 'a "quoted", note\r\nwith a break' } : {}),
  }),
);

let server: TestServer;
beforeAll(async () => {
  server = await csvServer();
  const result = importedOf(await importCsv(server, 'profile=TestHip', file(...rows)));
  expect(result.faults).toEqual([]);
});
afterAll(() => server.close());

test('gives back what was imported, page after page, in an order that stays', async () => {
  const found = await exported(server, 'profile=TestHip');
  const byCase = new Map(found.map((row) => [row.case_id, filled(row)]));
  expect(byCase.size).toBe(cases);
  for (const row of rows) expect(byCase.get(row.case_id)).toEqual(filled(row));
  expect(await exported(server, 'profile=TestHip')).toEqual(found);
  const sorted = await exported(server, 'profile=TestHip&_sort=subject:Patient.family');
  expect(sorted.map((row) => row.family)).toEqual(rows.map(({ family = '' }) => family).sort());
});

test('what was exported changes nothing when it is imported', async () => {
  const { text } = await server.get('/$csv-export?profile=TestHip');
  expect(importedOf(await importCsv(server, 'profile=TestHip', text)).counts).toEqual({
    rows: cases,
    unchanged: cases,
  });
});

test('takes every search on the type', async () => {
  expect(await exported(server, 'profile=TestHip&identifier=C-7')).toHaveLength(1);
  const some = await exported(server, 'profile=TestHip&subject:Patient.family=Holm7&date=ge2024');
  expect(some.map((row) => row.case_id)).toContain('C-7');
  expect(await exported(server, 'profile=TestHip&identifier=nothing')).toEqual([]);
  expect(await refused(server, '/$csv-export?profile=TestHip&famly=x')).toContain('no search parameter "famly"');
  expect(await refused(server, '/$csv-export?profile=TestHip&_include=Procedure:subject')).toContain('_include');
});

test('a profile means the resources that say they are of it, a type all of its resources', async () => {
  await load(server, [{ resourceType: 'Patient', id: 'other', name: [{ family: 'Elsewhere' }] }]);
  const all = await exported(server, 'profile=Patient&family=Elsewhere');
  expect(all.map(filled)).toEqual([{ family: 'Elsewhere' }]);
  expect(await exported(server, 'profile=research-patient&family=Elsewhere')).toEqual([]);
  expect(await exported(server, 'profile=research-patient')).toHaveLength(cases);
});

test('names its file, and has no body for HEAD', async () => {
  const reply = await server.send('HEAD', '/$csv-export?profile=TestHip');
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-disposition')).toBe('attachment; filename="TestHip.csv"');
  expect(reply.text).toBe('');
});

test('a cell with a line break is quoted, whatever kind of break it is', async () => {
  const note = 'one\ntwo';
  await importCsv(server, 'profile=Patient', file({ mrn_system: 'urn:break', mrn: '1', family: note }));
  expect((await server.get('/$csv-export?profile=Patient&identifier=urn:break|1')).text).toContain(`"${note}"`);
});

test('a value that a column can’t say is an empty cell', async () => {
  const { mrn_system: system, mrn: value } = patientRow(900);
  await load(server, [
    {
      resourceType: 'Patient',
      id: 'p900',
      identifier: [
        { type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] }, system, value },
      ],
    },
    {
      resourceType: 'Observation',
      id: 'o900',
      meta: { profile: ['http://osteon.example/StructureDefinition/body-height'] },
      status: 'final',
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
      ],
      code: { coding: [{ system: 'http://loinc.org', code: '8302-2' }] },
      subject: { reference: 'Patient/p900' },
      valueQuantity: { value: 180, comparator: '<', unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
    },
  ]);
  expect((await exported(server, 'profile=Patient&_id=p900')).map(filled)).toEqual([
    { mrn_system: system, mrn: value },
  ]);
});

test('what a column can not say stays when its empty cell comes back', async () => {
  const reply = await importCsv(server, 'profile=Patient', file(patientRow(7001, { height: '180' })));
  expect(importedOf(reply).faults).toEqual([]);
  const { body } = await server.get('/Observation?code=8302-2&subject:Patient.identifier=M-7001');
  const height = body.entry[0].resource;
  const below = { ...height, valueQuantity: { ...height.valueQuantity, comparator: '<' } };
  expect((await server.send('PUT', `/Observation/${height.id}`, JSON.stringify(below))).status).toBe(200);
  const { text } = await server.get('/$csv-export?profile=Patient&identifier=M-7001');
  importedOf(await importCsv(server, 'profile=Patient', text));
  expect((await server.get(`/Observation/${height.id}`)).body.valueQuantity).toEqual(below.valueQuantity);
});

test('a patient that was stored otherwise, with more than the columns have, changes nothing when it comes back', async () => {
  const type = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] };
  const patient = {
    resourceType: 'Patient',
    id: 'two-names',
    identifier: [
      { type, system: 'http://hospital.example/mrn', value: 'M-7100' },
      { system: 'http://insurance.example/number', value: '77' },
    ],
    name: [
      { family: 'Holm', given: ['Ada', 'Eva'] },
      { use: 'maiden', family: 'Berg' },
    ],
    telecom: [
      { system: 'phone', value: '1' },
      { system: 'email', value: 'a@b.example' },
      { system: 'phone', value: '2' },
    ],
    address: [{ city: 'Lund' }, { use: 'old', city: 'Malmö' }],
    contact: [
      {
        telecom: [
          { system: 'email', value: 'c@d.example' },
          { system: 'phone', value: '3' },
        ],
      },
      { name: { text: 'Bo' } },
    ],
  };
  await load(server, [patient]);
  const query = 'profile=Patient&identifier=M-7100';
  const { text } = await server.get(`/$csv-export?${query}`);
  const [row] = await exported(server, query);
  expect(filled(row)).toEqual({
    ...{ mrn_system: 'http://hospital.example/mrn', mrn: 'M-7100', family: 'Holm', given: 'Ada;Eva' },
    ...{ phone: '1', email: 'a@b.example', city: 'Lund', contact_phone: '3' },
  });
  expect(importedOf(await importCsv(server, 'profile=Patient', text)).counts).toEqual({ rows: 1, unchanged: 1 });
  const changed = file({ ...row, phone: '4', contact_phone: '' });
  expect(importedOf(await importCsv(server, 'profile=Patient', changed))).toEqual({
    counts: { rows: 1, updated: 1, resources: 1 },
    faults: [],
  });
  const [, ...others] = patient.telecom;
  expect((await server.get('/Patient/two-names')).body).toMatchObject({
    meta: { profile: ['http://osteon.example/StructureDefinition/research-patient'] },
    ...{ identifier: patient.identifier, name: patient.name, address: patient.address },
    telecom: [{ system: 'phone', value: '4' }, ...others],
    contact: [{ telecom: [{ system: 'email', value: 'c@d.example' }] }, { name: { text: 'Bo' } }],
  });
});

test('a case that was stored without its profile gets it, and then is exported with it', async () => {
  const row = hipRow(7200, { case_id: 'C-7200' });
  importedOf(await importCsv(server, 'profile=TestHip', file(row)));
  const { body } = await server.get('/Procedure?identifier=C-7200');
  const { meta, ...procedure } = body.entry[0].resource;
  expect(meta.profile).toEqual(['http://osteon.example/StructureDefinition/test-hip']);
  await server.send('PUT', `/Procedure/${procedure.id}`, procedure);
  expect(await exported(server, 'profile=TestHip&identifier=C-7200')).toEqual([]);
  expect(importedOf(await importCsv(server, 'profile=TestHip', file(row))).counts.updated).toBe(1);
  expect(await exported(server, 'profile=TestHip&identifier=C-7200')).toHaveLength(1);
});

test('a reference comes back as it was, whether what it leads to has an identifier, none, or is not here', async () => {
  await load(server, [
    { resourceType: 'Location', id: 'named', identifier: [{ system: 'urn:x', value: '1' }] },
    { resourceType: 'Location', id: 'barred', identifier: [{ system: 'urn:x', value: '1|2' }] },
    { resourceType: 'Location', id: 'unnamed' },
    { resourceType: 'Location', id: 'twin-1', identifier: [{ system: 'urn:x', value: '7' }] },
    {
      resourceType: 'Location',
      id: 'twin-2',
      identifier: [
        { system: 'urn:y', value: '7' },
        { system: 'urn:x', value: '7' },
      ],
    },
  ]);
  const cells: Readonly<Record<string, string>> = {
    'Location/named': 'urn:x|1',
    'Location/barred': 'Location/barred',
    'Location/unnamed': 'Location/unnamed',
    'Location/twin-1': 'Location/twin-1',
    'Location/twin-2': 'urn:y|7',
    'Location/named/_history/1': 'Location/named/_history/1',
    'http://elsewhere.example/fhir/Location/1': 'http://elsewhere.example/fhir/Location/1',
  };
  for (const [n, [reference, cell]] of Object.entries(cells).entries()) {
    const row = hipRow(7300 + n, { location: cell });
    expect(importedOf(await importCsv(server, 'profile=TestHip', file(row))).counts.created, cell).toBe(1);
    const { body } = await server.get(`/Procedure?identifier=${row.case_id}`);
    expect(body.entry[0].resource.location).toEqual({ reference });
    const { text } = await server.get(`/$csv-export?profile=TestHip&identifier=${row.case_id}`);
    expect((await exported(server, `profile=TestHip&identifier=${row.case_id}`))[0]?.location).toBe(cell);
    expect(importedOf(await importCsv(server, 'profile=TestHip', text)).counts).toEqual({ rows: 1, unchanged: 1 });
  }
});

describe('an identifier that others have', () => {
  const key = (value: string) => ({ system: 'urn:recorder', value });
  const one = (resourceType: string, id: string, value: string) => ({ resourceType, id, identifier: [key(value)] });

  test('in any type that the column may lead to: the reference stands as the resource has it', async () => {
    const profiles: readonly Json[] = readProfiles('test/fixtures/profiles').map(({ resource }) => resource);
    const hip = profiles.find(({ name }) => name === 'TestHip');
    const [url, path] = ['http://osteon.example/StructureDefinition/csv-column', 'Procedure.recorder'];
    const column = { id: path, path, extension: [{ url, valueString: 'recorder' }] };
    const element = [...hip.differential.element, column];
    await load(server, [
      { ...hip, id: 'recorded', url: `${hip.url}-recorded`, name: 'TestRecorded', differential: { element } },
      one('Practitioner', 'both', '7'),
      one('PractitionerRole', 'both', '7'),
      one('Practitioner', 'one', '8'),
    ]);
    for (const [n, cell] of ['Practitioner/both', 'urn:recorder|8'].entries()) {
      const row = hipRow(7400 + n, { recorder: cell });
      expect(importedOf(await importCsv(server, 'profile=TestRecorded', file(row))).counts.created).toBe(1);
      const query = `profile=TestRecorded&identifier=${row.case_id}`;
      expect((await exported(server, query))[0]?.recorder).toBe(cell);
      const { text } = await server.get(`/$csv-export?${query}`);
      expect(importedOf(await importCsv(server, 'profile=TestRecorded', text)).counts).toEqual({
        rows: 1,
        unchanged: 1,
      });
    }
  });

  test('is looked up once for an export, however many have it, and none of these is read', async () => {
    const many = Array.from({ length: 30 }, (_, n) => one('Practitioner', `unknown-${n}`, 'unknown'));
    await load(server, [...many, one('Practitioner', 'known', 'known')]);
    const { store } = server.context;
    const [matches, search] = [vi.spyOn(store, 'matches'), vi.spyOn(store, 'search')];
    try {
      const shared = new SharedIdentifiers(server.context);
      const types = ['Practitioner', 'PractitionerRole'];
      const keys = ['unknown', 'known', 'nothing'].map(key);
      const tree = exactObject();
      Object.assign(tree, one('Practitioner', 'known', 'known'));
      const known = new Map([['Practitioner/known', { type: 'Practitioner', id: 'known', versionId: 1, tree }]]);
      await shared.lookUp(types, keys, known);
      expect(keys.map((each) => shared.names(types, each))).toEqual([false, true, true]);
      expect(Math.max(...matches.mock.calls.map(([, , limit]) => limit))).toBeLessThanOrEqual(4);
      matches.mockClear();
      await shared.lookUp(types, keys.slice(0, 1), known);
      expect(matches).not.toHaveBeenCalled();
      await shared.lookUp(types, keys.slice(1), known);
      expect(matches).toHaveBeenCalledTimes(2);
      expect(keys.map((each) => shared.names(types, each))).toEqual([false, true, true]);
      expect(search).not.toHaveBeenCalled();
    } finally {
      matches.mockRestore();
      search.mockRestore();
    }
  });
});
