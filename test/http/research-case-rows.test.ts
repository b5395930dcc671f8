/** Each research case and each plain template as CSV: template, import, search, export. https://hl7.org/fhir/R4/operations.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { csvFlags, exported, file, importCsv, importedOf, type Row, rowsIn } from './csv-files.ts';
import { type DescribedColumn, describedColumn, fullRow, isSpecial, sparseRow } from './generated-rows.ts';
import { indexed, type Json, type TestServer, testServer } from './server.ts';

const cases = [
  'hip-arthroplasty',
  'hip-arthroscopy',
  'knee-arthroplasty',
  'knee-arthroscopy',
  'rotator-cuff-repair',
  'shoulder-arthroplasty',
  'shoulder-arthroscopy',
  'other-surgical-case',
];
const plain = ['Patient', 'Encounter', 'Condition', 'Procedure', 'Observation'];

/** Each code of every list is in one of them at least: none has more. */
const full = 16;
const sparse = 6;

/** Search parameters of cases, by their codes, with their files. */
const parameters: ReadonlyMap<string, { readonly file: string; readonly parameter: Json }> = new Map(
  readProfiles('profiles/research-case')
    .map((filed): { readonly file: string; readonly parameter: Json } => ({
      file: filed.file,
      parameter: filed.resource,
    }))
    .filter(({ parameter: { resourceType, base } }) => resourceType === 'SearchParameter' && base.includes('Procedure'))
    .map((each) => [each.parameter.code, each]),
);

async function columnsOf(server: TestServer, profile: string): Promise<readonly DescribedColumn[]> {
  const reply = await server.get(`/$csv-template?profile=${profile}&describe=true`);
  expect(reply.status, reply.text).toBe(200);
  return rowsIn(reply.text).map(describedColumn);
}

/** By the row's key, which the tests make of its number. */
const byKey = (rows: readonly Row[], columns: readonly DescribedColumn[]) => {
  const key = columns.filter((column) => column.key === 'yes').map(({ column }) => column);
  return new Map(rows.map((row) => [key.map((name) => row[name]).join(' '), row]));
};

/** The search for a cell's first value, and whether another cell has it too. */
function searchFor(
  { type, unit }: DescribedColumn,
  kind: string,
  cell: string,
): readonly [string, (cell: string) => boolean] {
  const [first = ''] = cell.split(';');
  const has = (other: string) => other.split(';').includes(first);
  if (kind === 'quantity') return [`=${first}|http://unitsofmeasure.org|${unit}`, has];
  if (kind === 'string')
    return [`:exact=${encodeURIComponent(first.replace(/^'/, '').replaceAll(/[\\,|$]/g, '\\$&'))}`, has];
  expect(['token', 'number', 'date'], `a test of ${kind} ${type}`).toContain(kind);
  return [`=${encodeURIComponent(first)}`, has];
}

describe.each([...cases, ...plain])('%s', (profile) => {
  let server: TestServer;
  let columns: readonly DescribedColumn[];
  let rows: readonly Row[];
  let text: string;
  beforeAll(async () => {
    server = await testServer(csvFlags);
    await indexed(server);
    columns = await columnsOf(server, profile);
    rows = [
      ...Array.from({ length: full }, (_, n) => fullRow(columns, n)),
      ...Array.from({ length: sparse }, (_, n) => sparseRow(columns, full + n)),
    ];
    text = file(...rows);
  });
  afterAll(() => server.close());

  const post = async (query: string, body: string) =>
    importedOf(await importCsv(server, `profile=${profile}${query}`, body));
  /** The newest version of anything. */
  const newest = async () => (await server.get('/_history?_count=1')).body.entry ?? [];

  test('its header and its description name the same columns', async () => {
    const { text: header } = await server.get(`/$csv-template?profile=${profile}`);
    expect(header.trim().split(',')).toEqual(columns.map(({ column }) => column));
  });

  test('validateOnly finds nothing wrong and stores nothing', async () => {
    expect(await post('&validateOnly=true', text)).toEqual({
      counts: { rows: rows.length, created: rows.length },
      faults: [],
    });
    expect(await newest()).toEqual([]);
  });

  test('rows with each allowed value come in, and back equal', async () => {
    const { counts, faults } = await post('', text);
    expect(faults).toEqual([]);
    expect(counts).toMatchObject({ rows: rows.length, created: rows.length });
    const back = byKey(await exported(server, `profile=${profile}`), columns);
    expect(back.size).toBe(rows.length);
    for (const [key, row] of byKey(rows, columns)) expect(back.get(key)).toEqual(row);
  });

  test('every column has each of its codes in a row', () => {
    for (const { column, allowed_values: allowed } of columns) {
      const codes = allowed.startsWith('codes of ') || isSpecial(column) ? [] : allowed.split('; ');
      const used = new Set(rows.flatMap((row) => row[column]?.split(';') ?? []));
      expect([column, codes.slice(0, full).filter((code) => code !== '' && !used.has(code))]).toEqual([column, []]);
    }
  });

  test('the same file again, and what was exported, change nothing', async () => {
    const before = await newest();
    expect(before).toHaveLength(1);
    const unchanged = { counts: { rows: rows.length, unchanged: rows.length }, faults: [] };
    expect(await post('', text)).toEqual(unchanged);
    const { text: back } = await server.get(`/$csv-export?profile=${profile}`);
    expect(await post('', back)).toEqual(unchanged);
    expect(await newest()).toEqual(before);
  });

  if (plain.includes(profile)) return;

  test('each field of its own is searched, and finds the rows with its value', async () => {
    const searched = columns.flatMap((column) => {
      const found = column.time === '' ? parameters.get(column.column.replaceAll('_', '-')) : undefined;
      return found === undefined ? [] : [{ column, parameter: found.parameter }];
    });
    const own = [...parameters].flatMap(([code, { file: name }]) => (name.startsWith(`${profile}/`) ? [code] : []));
    expect(own).not.toHaveLength(0);
    expect(searched.map(({ parameter }) => parameter.code)).toEqual(expect.arrayContaining(own));
    for (const { column, parameter } of searched) {
      const cell = rows[3]?.[column.column] ?? '';
      const [query, has] = searchFor(column, parameter.type, cell);
      const found = await exported(server, `profile=${profile}&${parameter.code}${query}`);
      const wanted = rows.filter((row) => has(row[column.column] ?? ''));
      const ids = (of: readonly Row[]) => of.map((row) => row.case_id).sort();
      expect([parameter.code, query, ids(found)]).toEqual([parameter.code, query, ids(wanted)]);
      const { body } = await server.get(`/Procedure?${parameter.code}${query}&_summary=count`);
      expect(body.total, parameter.code).toBe(wanted.length);
    }
  });

  test('its outcomes are found by their times and by the case', async () => {
    const times = [...new Set(columns.map(({ time }) => time))].filter((time) => time !== '');
    expect(times).toEqual(expect.arrayContaining(['preop', '6w', '1y', '10y']));
    for (const time of times) {
      const parts = new Set(columns.filter((column) => column.time === time).map(({ part }) => part));
      const query = `follow-up-time=${time}&part-of:Procedure.identifier=case_id-3&_summary=count`;
      expect((await server.get(`/Observation?${query}`)).body.total, time).toBe(parts.size);
    }
  });
});

test('a case has of a shared field the codes that make sense for it, in rows and by REST', async () => {
  const server = await testServer(csvFlags);
  const columns = await columnsOf(server, 'knee-arthroplasty');
  const row = { ...fullRow(columns, 0), approach: 'deltopectoral' };
  const { faults } = importedOf(await importCsv(server, 'profile=knee-arthroplasty', file(row)));
  expect(faults).toEqual([
    {
      line: 2,
      column: 'approach',
      reason: 'must be one of medial-parapatellar, midvastus, subvastus, lateral-parapatellar, other',
    },
  ]);
  const example: Json = readProfiles('profiles/research-case/knee-arthroplasty')
    .map(({ resource }): Json => resource)
    .find(({ id }) => id === 'example-knee-arthroplasty');
  const [{ url, valueCodeableConcept }, ...others] = example.extension;
  expect(url).toBe('http://osteon.example/StructureDefinition/approach');
  const refused = (code: string) => {
    const coding = [{ ...valueCodeableConcept.coding[0], code, display: undefined }];
    const extension = [{ url, valueCodeableConcept: { coding } }, ...others];
    return server.send('POST', '/Procedure/$validate', { ...example, extension });
  };
  const errorsOf = (body: Json) => body.issue.filter(({ severity }: Json) => severity === 'error');
  expect(errorsOf((await refused('midvastus')).body)).toEqual([]);
  expect(errorsOf((await refused('deltopectoral')).body)).toMatchObject([
    { expression: [expect.stringContaining('Procedure.extension[0].value')] },
  ]);
  await server.close();
});
