/** Searches of every family with values that exist, sampled from the server itself. https://hl7.org/fhir/R4/search.html */
import { once } from './server.ts';

/** Searches of one kind. */
export interface Family {
  readonly name: string;
  /** Paths below the server's root, without `_count`. */
  readonly queries: readonly string[];
  /** Whether few resources match (at most 1,000): such searches are held to p50 ≤ 5 ms and p99 ≤ 50 ms. */
  readonly selective: boolean;
  /** Whether it is one of those that the mix consists of, in equal parts. */
  readonly mixed: boolean;
}

type Json = Readonly<Record<string, unknown>>;

interface Coded {
  readonly system: string;
  readonly code: string;
}

/** What was sampled. */
interface Sample {
  readonly patients: readonly Json[];
  readonly observations: readonly Json[];
  readonly conditions: readonly Json[];
  readonly encounters: readonly Json[];
}

const sampled = 60;

/** Reads resources of random patients and makes searches of them. Throws Error where the server refuses to be read. */
export async function sampleFamilies(port: number): Promise<readonly Family[]> {
  const find = async (query: string): Promise<readonly Json[]> => {
    const reply = await once(port, `/fhir/${query}`);
    if (reply.status !== 200) throw new Error(`${query}: ${reply.status}`);
    const bundle: { readonly entry?: readonly { readonly resource: Json }[] } = JSON.parse(
      reply.body?.toString() ?? '{}',
    );
    return (bundle.entry ?? []).map(({ resource }) => resource);
  };
  const patients = shuffled(await find('Patient?_count=1000')).slice(0, sampled);
  const observations: Json[] = [];
  const conditions: Json[] = [];
  const encounters: Json[] = [];
  for (const { id } of patients) {
    observations.push(...(await find(`Observation?subject=Patient/${id}&_count=100`)));
    conditions.push(...(await find(`Condition?subject=Patient/${id}&_count=50`)));
    encounters.push(...(await find(`Encounter?subject=Patient/${id}&_count=50`)));
  }
  return familiesOf({ patients, observations, conditions, encounters });
}

function familiesOf({ patients, observations, conditions, encounters }: Sample): readonly Family[] {
  const ids = patients.map(({ id }) => String(id));
  const codes = distinct([...observations, ...conditions].flatMap(codingsOf));
  const observed = distinct(observations.flatMap(codingsOf));
  const days = observations.flatMap(({ effectiveDateTime }) => text(effectiveDateTime)?.slice(0, 10) ?? []);
  const families = patients.flatMap(({ name }) => items(name).flatMap(({ family }) => text(family) ?? []));
  const births = patients.flatMap(({ birthDate }) => text(birthDate) ?? []);
  const numbers = observations.flatMap(({ valueQuantity }) => {
    const { value, code } = (valueQuantity ?? {}) as Json;
    return typeof value === 'number' && typeof code === 'string' ? [{ value, code }] : [];
  });
  const some = <T>(values: readonly T[], make: (value: T, n: number) => string, most = 200): readonly string[] =>
    shuffled(values).slice(0, most).map(make);
  const ofPatient = ids.map((id) => `Patient/${id}`);
  const coded = ({ system, code }: Coded): string => encodeURIComponent(`${system}|${code}`);
  const code = (n: number): string => encodeURIComponent(observed[n % observed.length]?.code ?? '');
  const day = (n: number): string => days[n % days.length] ?? '2014-01-01';
  const family = (name: string, queries: readonly string[], { selective = false, mixed = false } = {}): Family => ({
    name,
    queries: queries.map((query) => `/fhir/${query}`),
    selective,
    mixed,
  });
  const mixed = { mixed: true };
  const selective = { selective: true, mixed: true };
  return [
    family(
      'token with system',
      some(observed, (each) => `Observation?code=${coded(each)}`),
      mixed,
    ),
    family(
      'token without system',
      some(codes, (each) => `Observation?code=${encodeURIComponent(each.code)}`),
      mixed,
    ),
    family(
      'string',
      some(families, (each) => `Patient?family=${encodeURIComponent(each)}`),
      selective,
    ),
    family(
      'date range',
      some(days, (each) => `Observation?date=ge${each}&date=lt${nextMonth(each)}`),
      mixed,
    ),
    family(
      'quantity',
      some(numbers, ({ value, code: unit }) => `Observation?value-quantity=${value}|http://unitsofmeasure.org|${unit}`),
      mixed,
    ),
    family(
      'reference',
      some(ofPatient, (each) => `Observation?subject=${each}`),
      selective,
    ),
    family(
      'rare and common',
      some(ofPatient, (each, n) => `Observation?subject=${each}&code=${code(n)}`),
      selective,
    ),
    family(
      'sort by date',
      some(ofPatient, (each) => `Observation?subject=${each}&_sort=-date`),
      selective,
    ),
    family(
      'include',
      some(ofPatient, (each) => `Observation?subject=${each}&_include=Observation:encounter`),
      selective,
    ),
    family(
      'revinclude',
      some(encounters, ({ id }) => `Encounter?_id=${id}&_revinclude=Observation:encounter`),
      selective,
    ),
    family(
      'chain',
      some(families, (each) => `Observation?subject:Patient.family=${encodeURIComponent(each)}`),
      selective,
    ),
    family(
      '_has',
      some(
        observed,
        (each, n) => `Patient?_has:Observation:subject:code=${coded(each)}&birthdate=${births[n % births.length]}`,
      ),
      selective,
    ),
    family(
      'compartment',
      some(ids, (each) => `Patient/${each}/Condition`),
      selective,
    ),
    family(
      '_id',
      some(ids, (each) => `Patient?_id=${each}`),
      selective,
    ),
    family(
      'any of 10',
      some(ids, (_, n) => `Observation?subject=${around(ofPatient, n, 10).join()}`),
      mixed,
    ),
    family(
      ':missing',
      some(days, (each) => `Observation?encounter:missing=true&date=${each}`),
      selective,
    ),
    family(
      'any of 1,000',
      ids.map((_, n) => `Patient?_id=${around(ids, n, 1000).join()}`),
      { selective: true },
    ),
    family(
      ':not',
      some(codes, (each) => `Condition?code:not=${coded(each)}`),
    ),
    family(
      ':contains',
      some(families, (each) => `Patient?family:contains=${encodeURIComponent(each.slice(1, 5))}`),
    ),
    family(
      '_include:iterate',
      some(ofPatient, (each) => {
        return `Observation?subject=${each}&_include=Observation:encounter&_include:iterate=Encounter:participant`;
      }),
    ),
    family(
      'compartment, all types',
      some(ids, (each) => `Patient/${each}/*`),
    ),
    family('sort all by date', ['Observation?_sort=date', 'Observation?_sort=-date']),
    family('sort all by token', ['Condition?_sort=code', 'Condition?_sort=-code']),
    family('sort all by string', ['Patient?_sort=family', 'Patient?_sort=-family']),
    family('sort all by quantity', ['Observation?_sort=value-quantity', 'Observation?_sort=-value-quantity']),
    family(
      'sort a code by date',
      some(observed, (each) => `Observation?code=${coded(each)}&_sort=-date`),
    ),
    family(
      'chain over many',
      ['male', 'female'].map((each) => `Observation?subject:Patient.gender=${each}&date=${day(7)}`),
    ),
    family(
      '_has over many',
      some(observed, (each) => `Patient?_has:Observation:subject:code=${coded(each)}`),
    ),
    family(
      'count of many',
      some(observed, (each) => `Observation?code=${coded(each)}&_summary=count`),
    ),
    family(
      '_total=accurate',
      some(days, (each) => `Observation?date=ge${each}&_total=accurate`),
    ),
  ].filter(({ queries }) => queries.length > 0);
}

function codingsOf({ code }: Json): readonly Coded[] {
  return items((code as Json | undefined)?.coding).flatMap(({ system, code: value }) => {
    const [of, is] = [text(system), text(value)];
    return of === undefined || is === undefined ? [] : [{ system: of, code: is }];
  });
}

function items(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function distinct(values: readonly Coded[]): readonly Coded[] {
  return [...new Map(values.map((each) => [JSON.stringify(each), each])).values()];
}

/** So many items from a place on, from the beginning again where the list ends. */
function around<T>(list: readonly T[], start: number, length: number): readonly T[] {
  return Array.from({ length: Math.min(length, list.length) }, (_, n) => list[(start + n) % list.length]).flatMap(
    (each) => each ?? [],
  );
}

/** The same day of the next month, or its first. */
function nextMonth(day: string): string {
  const [year = 2000, month = 1] = day.split('-').map(Number);
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, '0')}-01`;
}

function shuffled<T>(list: readonly T[]): readonly T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
