/** Values that exist, read from the server itself: what the read and search workloads ask for. https://hl7.org/fhir/R4/search.html */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from './server.ts';

/** Files of request paths (JSON strings, one a line), all of which answer with 200; of the searches with full pages. */
export interface Paths {
  readonly read: string;
  readonly token: string;
  readonly reference: string;
  readonly date: string;
  readonly dateSince: string;
  /** Bodies to create: Observations and Patients, with `@@` where a text of its own goes. */
  readonly observations: string;
  readonly patients: string;
  /** One path of a read. */
  readonly oneRead: string;
}

interface Found {
  readonly resourceType: string;
  readonly id: string;
  readonly code?: { readonly coding?: readonly { readonly system?: string; readonly code?: string }[] };
  readonly effectiveDateTime?: string;
  readonly participant?: readonly { readonly individual?: { readonly reference?: string } }[];
}

const pageSize = 20;
const sampledPatients = 80;

/** Samples a server's resources and writes the files into the folder, with the name in front. */
export async function sampleValues(port: number, folder: string, name: string): Promise<Paths> {
  const search = async (query: string): Promise<readonly Found[]> => {
    const reply = await once(port, `/fhir/${query}`);
    if (reply.status !== 200)
      throw new Error(`${query.split('?')[0]}: ${reply.status} ${reply.body?.toString().slice(0, 300)}`);
    const bundle: { readonly entry?: readonly { readonly resource: Found }[] } = JSON.parse(
      reply.body?.toString() ?? '{}',
    );
    return (bundle.entry ?? []).map(({ resource }) => resource);
  };
  const patients = shuffled((await search('Patient?_count=1000')).map(({ id }) => id));
  const found: Found[] = [];
  const perPatient = ['Observation', 'Condition', 'Encounter', 'Procedure', 'MedicationRequest'];
  for (const id of patients.slice(0, sampledPatients))
    for (const type of perPatient) found.push(...(await search(`${type}?subject=Patient/${id}&_count=100`)));
  const observations = found.filter(({ resourceType }) => resourceType === 'Observation');
  const tokens = distinct(
    found.flatMap(({ resourceType, code }) =>
      (code?.coding ?? []).map(
        (coding) => `${resourceType}?code=${encodeURIComponent(`${coding.system}|${coding.code}`)}`,
      ),
    ),
  );
  // Patients first: a page of one patient's Observations is what people ask for most.
  const references = [
    ...shuffled(patients).map((id) => `Observation?subject=Patient/${id}`),
    ...distinct(
      found.flatMap(({ participant = [] }) => participant.flatMap(({ individual }) => individual?.reference ?? [])),
    ).map((reference) => `Encounter?participant=${encodeURIComponent(reference)}`),
  ];
  const days = distinct(observations.flatMap(({ effectiveDateTime }) => effectiveDateTime?.slice(0, 10) ?? []));
  const months = distinct(days.map((day) => day.slice(0, 7)));
  const full = async (queries: readonly string[], most: number): Promise<readonly string[]> => {
    const kept: string[] = [];
    for (const query of queries) {
      const paged = `${query}&_count=${pageSize}`;
      if ((await search(paged)).length === pageSize) kept.push(`/fhir/${paged}`);
      if (kept.length >= most) break;
    }
    if (kept.length === 0) throw new Error(`no search like ${queries[0]?.split('=')[0]} has a full page`);
    return kept;
  };
  const write = (kind: string, lines: readonly string[]): string => {
    const path = join(folder, `${name}-${kind}.ndjson`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const quoted = (lines: readonly string[]): readonly string[] => lines.map((line) => JSON.stringify(line));
  const reads = shuffled([...found, ...patients.map((id) => ({ resourceType: 'Patient', id }))]).map(
    ({ resourceType, id }) => `/fhir/${resourceType}/${id}`,
  );
  return {
    read: write('read', quoted(reads)),
    token: write('token', quoted(await full(shuffled(tokens), 200))),
    reference: write('reference', quoted(await full(references, 500))),
    date: write(
      'date',
      quoted(
        await full(
          months.map((month) => `Observation?date=${month}`),
          200,
        ),
      ),
    ),
    dateSince: write(
      'date-since',
      quoted(
        await full(
          days.map((day) => `Observation?date=ge${day}`),
          500,
        ),
      ),
    ),
    observations: write(
      'observations',
      observations.slice(0, 2000).map((observation) => JSON.stringify(renewed(observation))),
    ),
    patients: write('patients', patientTemplates),
    oneRead: reads[0] ?? '/fhir/metadata',
  };
}

/** An Observation to create like one that exists: without id and meta, with an identifier of its own. */
function renewed(observation: Found): object {
  const { id: _, ...rest } = observation;
  return { ...rest, meta: undefined, identifier: [{ system: 'urn:bench', value: '@@' }] };
}

const patientTemplates: readonly string[] = Array.from({ length: 50 }, (_, number) =>
  JSON.stringify({
    resourceType: 'Patient',
    identifier: [
      { system: 'urn:bench', value: '@@' },
      { use: 'usual', system: 'http://clinic.osteon.example/mrn', value: 'M@@' },
    ],
    active: true,
    name: [{ use: 'official', family: `Bench-${number}`, given: ['Ada', 'Corin'] }],
    telecom: [{ system: 'phone', value: `+1-207-555-01${String(number).padStart(2, '0')}`, use: 'mobile' }],
    gender: number % 2 === 0 ? 'female' : 'male',
    birthDate: `${1940 + number}-06-15`,
    address: [
      {
        use: 'home',
        line: [`${number} Ferry Lane`],
        city: 'Alder Bay',
        state: 'ME',
        postalCode: '04990',
        country: 'US',
      },
    ],
  }),
);

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
