/** What the tests of CSV share: a server with the definitions of research cases, and files. */
import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { load } from './searching.ts';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';

const definitions: readonly Json[] = readProfiles('test/fixtures/profiles').map(({ resource }) => resource);

/** How a server is to be that knows the templates. A busy machine may need long to read them. */
export const csvFlags = { PROFILES: 'profiles', VALIDATION: 'profiles' } as const;

/** A server that knows the templates: those of files, and one more in its store. */
export async function csvServer(flags: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  const server = await testServer({ ...csvFlags, ...flags });
  await load(server, definitions);
  return server;
}

export type Row = Readonly<Record<string, string>>;

/** A file with the columns that any of the rows has. */
export function file(...rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly string[]) =>
    cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? ''))].map(line).join('\r\n');
}

/** The rows of a file. */
export function rowsIn(text: string): readonly Row[] {
  return parse(text, { columns: true, bom: true });
}

/** A row without its empty cells. */
export function filled(row: Row | undefined): Row {
  return Object.fromEntries(Object.entries(row ?? {}).filter(([, cell]) => cell !== ''));
}

export function importCsv(
  server: TestServer,
  query: string,
  text: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return server.send('POST', `/$csv-import?${query}`, text, { 'Content-Type': 'text/csv', ...headers });
}

export interface Imported {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly { readonly line: number; readonly column?: string; readonly reason: string }[];
}

/** What an answer tells: the counts that are not 0, and the faults. */
export function importedOf(reply: Reply): Imported {
  expect(reply.status, reply.text).toBe(200);
  expect(reply.body.resourceType).toBe('Parameters');
  const parameters: readonly Json[] = reply.body.parameter;
  const counts = parameters.filter(({ valueInteger }) => valueInteger !== undefined && valueInteger !== 0);
  const faults = parameters.filter(({ name }) => name === 'fault');
  return {
    counts: Object.fromEntries(counts.map(({ name, valueInteger }) => [name, valueInteger])),
    faults: faults.map(({ part }) => {
      const told = Object.fromEntries(part.map((each: Json) => [each.name, each.valueInteger ?? each.valueString]));
      return { line: told.line, ...(told.column === undefined ? {} : { column: told.column }), reason: told.reason };
    }),
  };
}

/** The rows of an export. */
export async function exported(server: TestServer, query: string): Promise<readonly Row[]> {
  const reply = await server.get(`/$csv-export?${query}`);
  expect(reply.status, reply.text).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  return rowsIn(reply.text);
}

export const patientRow = (n: number, more: Row = {}): Row => ({
  mrn_system: 'http://hospital.example/mrn',
  mrn: `M-${n}`,
  family: `Holm${n}`,
  given: 'Ada',
  gender: 'female',
  birth_date: '1950-03-01',
  ...more,
});

export const hipRow = (n: number, more: Row = {}): Row => ({
  ...patientRow(n),
  encounter_status: 'finished',
  encounter_class: 'IMP',
  admission_date: '2024-05-01',
  surgeon_id: 'S-1',
  surgeon_family: 'Berg',
  case_id: `C-${n}`,
  procedure_status: 'completed',
  procedure_code: 'http://www.ama-assn.org/go/cpt|27130',
  procedure_date: '2024-05-02',
  approach: 'posterior',
  ...more,
});
