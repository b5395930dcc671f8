/** `$csv-import`: rows of CSV as resources. https://hl7.org/fhir/R4/operations.html */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csvServer, exported, file, filled, hipRow, importCsv, importedOf, patientRow, rowsIn } from './csv-files.ts';
import { idsOf, load, refused } from './searching.ts';
import type { Json, TestServer } from './server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await csvServer();
});
afterAll(() => server.close());

const post = async (query: string, text: string) => importedOf(await importCsv(server, query, text));

async function only(path: string): Promise<Json> {
  const { body } = await server.get(path);
  expect(body.entry, path).toHaveLength(1);
  return body.entry[0].resource;
}

/** A patient's parts are found by it, so that tests don't meet each other. */
const mrn = (n: number) => `http://hospital.example/mrn|M-${n}`;

describe('a row of patients', () => {
  test('becomes a Patient with what belongs to it in resources of its own', async () => {
    const row = patientRow(1, {
      given: 'Ada;Eva',
      phone: '+46 8 123',
      contact_phone: '123',
      address_line: 'c/o Berg;Storgatan 1',
      insurance: 'Folksam',
      blood_type: '',
      height: '172.50',
      weight: '60',
    });
    expect(await post('profile=Patient', file(row))).toEqual({
      counts: { rows: 1, created: 1, resources: 5 },
      faults: [],
    });
    const patient = await only(`/Patient?identifier=${mrn(1)}`);
    expect(patient).toMatchObject({
      meta: { profile: ['http://osteon.example/StructureDefinition/research-patient'] },
      identifier: [{ type: { coding: [{ code: 'MR' }] }, system: 'http://hospital.example/mrn', value: 'M-1' }],
      name: [{ family: 'Holm1', given: ['Ada', 'Eva'] }],
      telecom: [{ system: 'phone', value: '+46 8 123' }],
      contact: [{ telecom: [{ system: 'phone', value: '123' }] }],
      address: [{ line: ['c/o Berg', 'Storgatan 1'] }],
      birthDate: '1950-03-01',
    });
    const coverage = await only(`/Coverage?beneficiary=Patient/${patient.id}`);
    expect(coverage).toMatchObject({ status: 'active', payor: [{ display: 'Folksam' }] });
    const height = await server.get(`/Observation?subject=Patient/${patient.id}&code=8302-2`);
    expect(height.text).toContain('"valueQuantity":{"value":172.50,"unit":"cm"');
  });

  test('gets a body mass index of height and weight, rounded to a tenth, where it has none', async () => {
    const rows = [
      patientRow(2, { height: '172.5', weight: '60' }),
      patientRow(3, { height: '170', weight: '80', bmi: '30' }),
    ];
    expect((await post('profile=Patient', file(...rows))).faults).toEqual([]);
    const found = async (n: number) =>
      (await only(`/Observation?code=39156-5&subject:Patient.identifier=${mrn(n)}`)).valueQuantity;
    expect(await found(2)).toEqual({ value: 20.2, unit: 'kg/m2', system: 'http://unitsofmeasure.org', code: 'kg/m2' });
    expect((await found(3)).value).toBe(30);
  });

  test('the same file twice changes nothing', async () => {
    const text = file(patientRow(4, { height: '180', weight: '80', phone: '1' }), patientRow(5));
    expect((await post('profile=Patient', text)).counts.created).toBe(2);
    const before = await server.get('/_history?_count=1');
    expect((await post('profile=Patient', text)).counts).toEqual({ rows: 2, unchanged: 2 });
    expect((await server.get('/_history?_count=1')).body.entry).toEqual(before.body.entry);
  });

  test('other content updates, and elements that are no columns stay', async () => {
    const id = 'p6';
    const identifier = [
      {
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
        system: 'http://hospital.example/mrn',
        value: 'M-6',
      },
    ];
    await load(server, [
      {
        resourceType: 'Patient',
        id,
        identifier,
        maritalStatus: { text: 'x' },
        gender: 'male',
        name: [{ text: 'A', family: 'Old' }],
      },
    ]);
    const { family, mrn: value, mrn_system } = patientRow(6);
    expect(
      (await post('profile=Patient', file({ mrn_system: mrn_system ?? '', mrn: value ?? '', family: family ?? '' })))
        .counts,
    ).toEqual({ rows: 1, updated: 1, resources: 1 });
    const patient = await only(`/Patient?identifier=${mrn(6)}`);
    expect(patient).toMatchObject({
      id,
      identifier,
      maritalStatus: { text: 'x' },
      gender: 'male',
      name: [{ text: 'A', family: 'Holm6' }],
    });
    expect((await post('profile=Patient', file(patientRow(6, { gender: '' })))).counts.updated).toBe(1);
    expect((await only(`/Patient?identifier=${mrn(6)}`)).gender).toBeUndefined();
  });

  test('skipDuplicates reports rows whose key is there with other content, and leaves them', async () => {
    await post('profile=Patient', file(patientRow(7), patientRow(8)));
    const text = file(patientRow(7, { family: 'Other' }), patientRow(8), patientRow(9));
    expect(await post('profile=Patient&skipDuplicates=true', text)).toEqual({
      counts: { rows: 3, created: 1, unchanged: 1, skipped: 1, resources: 1 },
      faults: [{ line: 2, column: 'mrn', reason: expect.stringContaining('there already') }],
    });
    expect((await only(`/Patient?identifier=${mrn(7)}`)).name[0].family).toBe('Holm7');
  });

  test('validateOnly tells what would come of the rows and writes nothing', async () => {
    const text = file(patientRow(10), patientRow(11, { gender: 'f' }));
    expect(await post('profile=Patient&validateOnly=true', text)).toEqual({
      counts: { rows: 2, created: 1, faulty: 1 },
      faults: [{ line: 3, column: 'gender', reason: 'must be one of male, female, other, unknown' }],
    });
    expect(idsOf(await server.get(`/Patient?identifier=${mrn(10)}`))).toEqual([]);
  });

  test('the second row with a key of a file is an error', async () => {
    const result = await post('profile=Patient', file(patientRow(12), patientRow(12, { family: 'Other' })));
    expect(result.counts).toMatchObject({ created: 1, faulty: 1 });
    expect(result.faults).toEqual([{ line: 3, column: 'mrn', reason: expect.stringContaining('line 2') }]);
  });

  test('each faulty cell is told with line, column and reason, and good rows are stored', async () => {
    const rows = [
      patientRow(13, { birth_date: '1950-02-30', family: 'with\nbreak' }),
      patientRow(14),
      patientRow(15, { mrn: '' }),
      patientRow(16, { active: 'maybe', height: '1,80' }),
    ];
    const { counts, faults } = await post('profile=Patient', file(...rows));
    expect(counts).toMatchObject({ rows: 4, created: 1, faulty: 3 });
    expect(faults).toEqual([
      { line: 2, column: 'birth_date', reason: expect.stringContaining('must be a date of the calendar') },
      { line: 5, column: 'mrn', reason: 'must have a value' },
      { line: 6, column: 'active', reason: 'must be true or false' },
      { line: 6, column: 'height', reason: expect.stringContaining('number') },
    ]);
    expect(faults.some(({ reason }) => reason.includes('1950'))).toBe(false);
    expect(idsOf(await server.get(`/Patient?identifier=${mrn(14)}`))).toHaveLength(1);
  });

  test('faults come as CSV for Accept or _format', async () => {
    const text = file(patientRow(17, { gender: '-x' }));
    const first = await importCsv(server, 'profile=Patient', text, { Accept: 'text/csv' });
    expect(first.headers.get('content-type')).toContain('text/csv');
    expect(rowsIn(first.text)).toEqual([{ line: '2', column: 'gender', reason: expect.stringContaining('must be') }]);
    const second = await importCsv(server, 'profile=Patient&_format=text/csv', text);
    expect(second.text).toBe(first.text);
    for (const [accept, csv] of [
      ['text/csv, */*', true],
      ['*/*, text/csv', true],
      ['text/csv;q=0.5, */*;q=0.1', true],
      ['application/fhir+json;q=0.5, text/csv', true],
      ['text/*', true],
      ['*/*', false],
      ['text/csv;q=0, */*', false],
      ['text/csv;q=0.5, application/fhir+json', false],
      ['application/json, text/csv', false],
      ['text/csv;q=0.2, */*;q=0.9', false],
    ] as const) {
      const { headers } = await importCsv(server, 'profile=Patient', text, { Accept: accept });
      expect([accept, headers.get('content-type')?.includes('text/csv')]).toEqual([accept, csv]);
    }
    expect((await importCsv(server, 'profile=Patient', text, { Accept: 'text/csv;q=0, text/html' })).status).toBe(406);
  });

  test('what a profile forbids is told with the column', async () => {
    const { faults } = await post('profile=Patient', file(patientRow(18, { height: '-5' })));
    expect(faults).toEqual([{ line: 2, column: 'height', reason: expect.any(String) }]);
  });

  test('every write has its AuditEvent, and the request its own', async () => {
    await post('profile=Patient', file(patientRow(19, { weight: '50' })));
    const { id } = await only(`/Patient?identifier=${mrn(19)}`);
    const events = await server.get(`/AuditEvent?patient=Patient/${id}&action=C`);
    expect(events.body.entry).toHaveLength(2);
    await server.context.audit.settle();
    const request = await server.get('/AuditEvent?_count=20&_sort=-_lastUpdated');
    expect(request.text).toContain('operation');
  });
});

describe('a row of cases', () => {
  test('becomes a Procedure with patient, encounter, surgeon and outcomes at their times', async () => {
    const row = hipRow(20, {
      oxford_hip_preop: '20',
      oxford_hip_1y: '44',
      pain_vas_preop: '7',
      bearing_surface: 'ceramic',
      diagnosis_code: 'http://snomed.info/sct|1;http://snomed.info/sct|2',
    });
    expect(await post('profile=TestHip', file(row))).toEqual({
      counts: { rows: 1, created: 1, resources: 7 },
      faults: [],
    });
    const procedure = await only('/Procedure?identifier=C-20');
    expect(procedure).toMatchObject({
      status: 'completed',
      identifier: [{ system: 'http://osteon.example/identifier/case', value: 'C-20' }],
      code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '27130' }] },
      reasonCode: [{ coding: [{ code: '1' }] }, { coding: [{ code: '2' }] }],
      performedDateTime: '2024-05-02',
    });
    const extensions = procedure.extension.map(({ url }: Json) => url.split('/').at(-1));
    expect(extensions).toEqual(['approach', 'bearing-surface']);
    const patient = await only(`/Patient?identifier=${mrn(20)}`);
    const encounter = await only(`/Encounter?subject=Patient/${patient.id}`);
    const surgeon = await only('/Practitioner?identifier=S-1');
    expect(procedure.subject.reference).toBe(`Patient/${patient.id}`);
    expect(procedure.encounter.reference).toBe(`Encounter/${encounter.id}`);
    expect(procedure.performer[0].actor.reference).toBe(`Practitioner/${surgeon.id}`);
    const outcomes = (await server.get(`/Observation?part-of=Procedure/${procedure.id}`)).body.entry;
    const told = outcomes.map(
      ({ resource }: Json) =>
        `${resource.code.coding[0].code} ${resource.extension[0].valueCode} ${resource.valueQuantity.value}`,
    );
    expect(told.sort()).toEqual(['38214-3 preop 7', 'oxford-hip 1y 44', 'oxford-hip preop 20']);
    expect(outcomes[0].resource).toMatchObject({ status: 'final', subject: { reference: `Patient/${patient.id}` } });
  });

  test('twice changes nothing; an outcome that is gone from the row is deleted, a new one is made', async () => {
    const before = hipRow(21, { oxford_hip_preop: '20', oxford_hip_1y: '', pain_vas_preop: '' });
    const after = hipRow(21, { oxford_hip_preop: '', oxford_hip_1y: '40', pain_vas_preop: '3' });
    await post('profile=TestHip', file(before));
    expect((await post('profile=TestHip', file(before))).counts).toEqual({ rows: 1, unchanged: 1 });
    expect((await post('profile=TestHip', file(after))).counts).toEqual({ rows: 1, updated: 1, resources: 3 });
    const found = await server.get('/Observation?part-of:Procedure.identifier=C-21');
    expect(found.body.entry.map(({ resource }: Json) => resource.extension[0].valueCode).sort()).toEqual([
      '1y',
      'preop',
    ]);
    expect((await post('profile=TestHip', file(after))).counts).toEqual({ rows: 1, unchanged: 1 });
    // Once more: the deleted one comes back under its id.
    expect((await post('profile=TestHip', file(before))).counts).toMatchObject({ updated: 1 });
    expect(filled((await exported(server, 'profile=TestHip&identifier=C-21'))[0])).toMatchObject({
      oxford_hip_preop: '20',
    });
  });

  test('the same case identifier of another patient is another case', async () => {
    await post('profile=TestHip', file(hipRow(22, { case_id: 'C-x' }), hipRow(23, { case_id: 'C-x' })));
    expect(idsOf(await server.get('/Procedure?identifier=C-x'))).toHaveLength(2);
  });

  test('two rows share a patient; where they say different things of it the second is faulty', async () => {
    const one = hipRow(24, { case_id: 'C-24a' });
    const two = hipRow(24, { case_id: 'C-24b', family: 'Other' });
    const three = hipRow(24, { case_id: 'C-24c' });
    const { counts, faults } = await post('profile=TestHip', file(one, two, three));
    expect(counts).toMatchObject({ created: 2, faulty: 1 });
    expect(faults).toEqual([{ line: 3, column: 'mrn', reason: expect.stringContaining('patient than line 2') }]);
    expect(idsOf(await server.get(`/Procedure?subject:Patient.identifier=${mrn(24)}`))).toHaveLength(2);
  });

  test('codes are checked, and references lead to what an identifier names', async () => {
    await load(server, [{ resourceType: 'Location', id: 'or-1', identifier: [{ system: 'urn:x', value: 'OR|1' }] }]);
    const rows = [
      hipRow(25, { approach: 'sideways' }),
      hipRow(26, { procedure_code: '27130' }),
      hipRow(27, { location: 'urn:x|OR 2' }),
      hipRow(28, { location: 'urn:x|1' }),
    ];
    const { faults } = await post('profile=TestHip', file(...rows));
    expect(faults.map(({ line, column }) => [line, column])).toEqual([
      [2, 'approach'],
      [3, 'procedure_code'],
      [4, 'location'],
      [5, 'location'],
    ]);
    await load(server, [{ resourceType: 'Location', id: 'or-2', identifier: [{ system: 'urn:x', value: '2' }] }]);
    expect((await post('profile=TestHip', file(hipRow(28, { location: 'urn:x|2' })))).counts.created).toBe(1);
    expect((await only('/Procedure?identifier=C-28')).location).toEqual({ reference: 'Location/or-2' });
    expect((await exported(server, 'profile=TestHip&identifier=C-28'))[0]?.location).toBe('urn:x|2');
  });

  test('two imports at once make no doubles', async () => {
    const rows = Array.from({ length: 60 }, (_, n) => hipRow(100 + n, { oxford_hip_6w: '10' }));
    const both = await Promise.all([post('profile=TestHip', file(...rows)), post('profile=TestHip', file(...rows))]);
    expect(both.flatMap(({ faults }) => faults)).toEqual([]);
    const found = await server.get(`/Procedure?_summary=count&identifier=${rows.map((row) => row.case_id).join(',')}`);
    expect(found.body.total).toBe(60);
    expect((await server.get('/Observation?_summary=count&follow-up-time=6w')).body.total).toBe(60);
    const patients = await server.get(`/Patient?_summary=count&identifier=${rows.map((row) => row.mrn).join(',')}`);
    expect(patients.body.total).toBe(60);
  });
});

test.each(['Encounter', 'Condition', 'Procedure', 'Observation'])(
  '%s has a template, whose rows come back',
  async (type) => {
    const cells: Record<string, Record<string, string>> = {
      Encounter: { status: 'finished', class: 'AMB' },
      Condition: { code: 'http://snomed.info/sct|1' },
      Procedure: { status: 'completed', code: 'http://snomed.info/sct|1' },
      Observation: { status: 'final', code: 'http://loinc.org|8867-4', value: '60', unit: '/min' },
    };
    const { text } = await server.get(`/$csv-template?profile=${type}`);
    const header = text.trim().split(',');
    const row = { mrn_system: 'http://hospital.example/mrn', mrn: 'M-30', id_value: `${type}-1`, ...cells[type] };
    expect(header).toEqual(expect.arrayContaining(Object.keys(row)));
    expect(await post(`profile=${type}`, file(row))).toMatchObject({ counts: { created: 1 }, faults: [] });
    expect((await post(`profile=${type}`, file(row))).counts).toEqual({ rows: 1, unchanged: 1 });
    const rows = await exported(server, `profile=${type}&identifier=${type}-1`);
    expect(rows.map(filled)).toEqual([row]);
  },
);

describe('a file', () => {
  test('may have a byte order mark, be packed, or come in a form', async () => {
    const bom = await importCsv(server, 'profile=Patient', `\ufeff${file(patientRow(40))}`);
    expect(importedOf(bom).counts.created).toBe(1);
    const packed = gzipSync(file(patientRow(41)));
    const gzip = await importCsv(server, 'profile=Patient', packed, { 'Content-Encoding': 'gzip' });
    expect(importedOf(gzip).counts.created).toBe(1);
    const form = `--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n${file(patientRow(42))}\r\n--x--\r\n`;
    const type = { 'Content-Type': 'multipart/form-data; boundary=x' };
    expect(importedOf(await importCsv(server, 'profile=Patient', form, type)).counts.created).toBe(1);
    const empty = await importCsv(
      server,
      'profile=Patient',
      '--x\r\nContent-Disposition: form-data; name="n"\r\n\r\nh\r\n--x--\r\n',
      type,
    );
    expect(empty.body.issue[0].diagnostics).toContain('no part with a file');
    expect((await importCsv(server, 'profile=Patient', form.slice(0, 200), type)).status).toBe(400);
    expect((await importCsv(server, 'profile=Patient', 'x', { 'Content-Encoding': 'gzip' })).status).toBe(400);
  });

  describe('in a form', () => {
    const type = { 'Content-Type': 'multipart/form-data; boundary=x' };
    const field = (name: string, text: string) =>
      `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
    const part = (name: string, text: string) =>
      `--x\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/csv\r\n\r\n${text}\r\n`;
    const one = part('a.csv', file(patientRow(4300)));

    test.each([
      ['with another file', `${one}${part('b.csv', file(patientRow(4301)))}`, 'several files'],
      ['with an empty file after it', `${one}${part('b.csv', '')}`, 'several files'],
      ['with a parameter before it', `${field('validateOnly', 'true')}${one}`, 'validateOnly stands in the form'],
      ['with a parameter after it', `${one}${field('skipDuplicates', 'true')}`, 'skipDuplicates stands in the form'],
    ])('%s is refused, and nothing is stored', async (_, parts, reason) => {
      const reply = await importCsv(server, 'profile=Patient', `${parts}--x--\r\n`, type);
      expect(reply.status, reply.text).toBe(400);
      expect(reply.body.issue[0].diagnostics).toContain(reason);
      expect(idsOf(await server.get(`/Patient?identifier=${mrn(4300)}`))).toEqual([]);
    });

    // More rows than are read before some are stored, and few enough bytes for the form to go on meanwhile.
    const rows = Array.from({ length: 250 }, (_, n) => patientRow(4400 + n, { mrn_system: 'urn:x', family: 'H' }));
    const cut = `--x\r\nContent-Disposition: form-data; name="file"; filename="b.csv"\r\n\r\nmrn`;

    test.each([
      ['in its second file', `${part('a.csv', file(...rows))}${cut}`, 'several files'],
      ['in its file behind a parameter', `${field('validateOnly', 'true')}${cut}`, 'validateOnly stands in the form'],
      ['in its only file', cut, 'ends too early'],
    ])('that breaks off %s is told, and the server goes on', async (_, parts, reason) => {
      const reply = await importCsv(server, 'profile=Patient', parts, type);
      expect(reply.text).toContain(reason);
      expect((await server.get('/Patient?_summary=count')).status).toBe(200);
    });
  });

  test.each([
    ['an unknown column', 'mrn_system,mrn,famly\n', 'no column "famly"; nearest: family'],
    ['a column twice', 'mrn_system,mrn,mrn\n', 'mrn is there twice'],
    ['without a key column', 'mrn_system,family\n', 'mrn is lacking'],
    ['semicolons', 'mrn_system;mrn\n', 'separated by commas'],
    ['nothing', '', 'The file is empty'],
    ['an open quote', 'mrn_system,mrn\nx,"y\n', 'quote'],
  ])('with %s is refused', async (_, text, reason) => {
    const reply = await importCsv(server, 'profile=Patient', text);
    expect(reply.status, reply.text).toBe(400);
    expect(reply.body.issue[0].diagnostics).toContain(reason);
  });

  test('tells the line of a row that can’t be read, and takes the rows before it, also those that came with it', async () => {
    const unread = await importCsv(server, 'profile=Patient', `${file(patientRow(45), patientRow(46))}\r\nx,a"b\r\n`);
    expect(unread.status).toBe(400);
    expect(unread.body.issue[0].diagnostics).toContain('Line 4: a quote stands');
    const rows = Array.from({ length: 450 }, (_, n) => patientRow(2000 + n));
    const { counts, faults } = await post('profile=Patient', `${file(...rows)}\r\nx,a"b\r\n`);
    expect(counts).toMatchObject({ rows: 450, created: 450 });
    expect(faults).toEqual([{ line: 452, reason: expect.stringContaining('were not read') }]);
  });

  test('that is not UTF-8 is refused', async () => {
    const latin = Buffer.from(file(patientRow(43, { family: 'Müller' })), 'latin1');
    const reply = await importCsv(server, 'profile=Patient', latin);
    expect(reply.status).toBe(400);
    expect(reply.body.issue[0].diagnostics).toContain('not UTF-8');
  });

  test('whose row has too few cells tells the line', async () => {
    const { counts, faults } = await post('profile=Patient', `${file(patientRow(44))}\r\n1,2\r\n`);
    expect(counts).toMatchObject({ created: 1, faulty: 1 });
    expect(faults).toEqual([{ line: 3, reason: 'has 2 cells, and the header 6' }]);
  });

  test('that breaks off after rows were stored tells where', async () => {
    const rows = Array.from({ length: 450 }, (_, n) => patientRow(1000 + n));
    const { counts, faults } = await post('profile=Patient', `${file(...rows)}\r\n"x`);
    expect(counts.created).toBeGreaterThan(0);
    expect(faults.at(-1)?.reason).toContain('were not read');
  });

  test('of another media type, or in a bundle, is refused', async () => {
    expect((await importCsv(server, 'profile=Patient', '{}', { 'Content-Type': 'application/json' })).status).toBe(415);
    const entry = [{ request: { method: 'GET', url: '$csv-template?profile=Patient' } }];
    const { body } = await server.send('POST', '', { resourceType: 'Bundle', type: 'batch', entry });
    expect(body.entry[0].response.status).toContain('400');
  });
});

test('a profile must be named, and be here', async () => {
  expect(await refused(server, '/$csv-template')).toContain('Name a profile');
  const unknown = await server.get('/$csv-template?profile=nothing');
  expect(unknown.status).toBe(404);
  expect(unknown.body.issue[0].diagnostics).toBe(
    'There is no profile "nothing" here. Name one by its canonical, its id or its name.',
  );
  expect((await server.get('/$csv-template?profile=http://osteon.example/StructureDefinition/oxford-hip')).status).toBe(
    422,
  );
});

test.each([
  ['$csv-import', 'validateonly=true', 'validateOnly'],
  ['$csv-import', 'skipDuplicate=true', 'skipDuplicates'],
  ['$csv-template', 'described=true', 'describe'],
])('%s refuses %s, which it would ignore', async (operation, misspelt, nearest) => {
  const query = `${operation}?profile=Patient&${misspelt}`;
  const reply =
    operation === '$csv-import'
      ? await importCsv(server, `profile=Patient&${misspelt}`, file(patientRow(47)))
      : await server.get(`/${query}`);
  expect(reply.status, reply.text).toBe(400);
  expect(reply.body.issue[0].diagnostics).toContain(`Nearest: ${nearest}`);
  expect((await server.get(`/Patient?identifier=${mrn(47)}&_summary=count`)).body.total).toBe(0);
});

test('formulas are neutralised on the way out and come back as they were', async () => {
  const row = patientRow(50, { family: '=1+1', given: "'=x;@y", phone: '+46', city: "'plain", height: '180' });
  expect((await post('profile=Patient', file(row))).counts.created).toBe(1);
  const [back] = await exported(server, `profile=Patient&identifier=${mrn(50)}`);
  expect(back).toMatchObject({ family: "'=1+1", given: "'=x;@y", phone: "'+46", city: "'plain", height: '180' });
  expect((await only(`/Patient?identifier=${mrn(50)}`)).name[0]).toEqual({ family: '=1+1', given: ['=x', '@y'] });
  expect((await post('profile=Patient', file(back ?? {}))).counts).toEqual({ rows: 1, unchanged: 1 });
});

test('faults as CSV come in the order of the lines, those of lines that can not be read too', async () => {
  const text = file(patientRow(8001, { birth_date: 'soon' }), patientRow(8002), patientRow(8003, { gender: '?' }));
  const [head, first, second, third] = text.split('\r\n');
  const reply = await importCsv(server, 'profile=Patient', [head, first, `${second},more`, third].join('\n'), {
    Accept: 'text/csv',
  });
  expect(rowsIn(reply.text).map(({ line, column }) => [line, column])).toEqual([
    ['2', 'birth_date'],
    ['3', ''],
    ['4', 'gender'],
  ]);
});
