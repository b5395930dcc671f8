/** Searches of every family with values that exist. https://hl7.org/fhir/R4/search.html */
import { type Family, got, type Judged, posted, type Query } from './family.ts';
import type { Coded, Sample } from './sample.ts';

/** Searches of a family at most. */
const most = 200;

/** The families that are asked for by name: alone, together with others, and those of the mix. */
export function familiesOf(sample: Sample): readonly Family[] {
  return [...mixedOf(sample), ...othersOf(sample), ...sortsOf(sample), ...countsOf(sample)].filter(
    ({ queries }) => queries.length > 0,
  );
}

function family(name: string, queries: readonly Query[], judged: Judged = 'pages', mixed = false): Family {
  return { name, queries, judged, mixed, byWords: queries.some(({ path }) => /[?&]_(?:text|content)=/.test(path)) };
}

/** The 16 families that the mix consists of. */
function mixedOf(sample: Sample): readonly Family[] {
  const { ids, encounters, observed, codes, days, families, births, quantities } = sample;
  const patients = ids.map((id) => `Patient/${id}`);
  const mixed = (name: string, queries: readonly string[]): Family => family(name, queries.map(got), 'pages', true);
  return [
    mixed(
      'token with system',
      some(observed, (each) => `Observation?code=${coded(each)}`),
    ),
    mixed(
      'token without system',
      some(codes, ({ code }) => `Observation?code=${encodeURIComponent(code)}`),
    ),
    mixed(
      'string',
      some(families, (each) => `Patient?family=${encodeURIComponent(each)}`),
    ),
    mixed(
      'date range',
      some(days, (each) => `Observation?date=ge${each}&date=lt${nextMonth(each)}`),
    ),
    mixed(
      'quantity',
      some(
        quantities,
        ({ value, code }) =>
          `Observation?value-quantity=${value}|http://unitsofmeasure.org|${encodeURIComponent(code)}`,
      ),
    ),
    mixed(
      'reference',
      some(patients, (each) => `Observation?subject=${each}`),
    ),
    mixed(
      'rare and common',
      some(patients, (each, n) => `Observation?subject=${each}&code=${coded(at(observed, n))}`),
    ),
    mixed(
      'sort by date',
      some(patients, (each) => `Observation?subject=${each}&_sort=-date`),
    ),
    mixed(
      'include',
      some(patients, (each) => `Observation?subject=${each}&_include=Observation:encounter`),
    ),
    mixed(
      'revinclude',
      some(encounters, (id) => `Encounter?_id=${id}&_revinclude=Observation:encounter`),
    ),
    mixed(
      'chain',
      some(families, (each) => `Observation?subject:Patient.family=${encodeURIComponent(each)}`),
    ),
    mixed(
      '_has',
      some(observed, (each, n) => `Patient?_has:Observation:subject:code=${coded(each)}&birthdate=${at(births, n)}`),
    ),
    mixed(
      'compartment',
      some(ids, (each) => `Patient/${each}/Condition`),
    ),
    mixed(
      '_id',
      some(ids, (each) => `Patient?_id=${each}`),
    ),
    mixed(
      'any of 10',
      some(ids, (_, n) => `Observation?subject=${around(patients, n, 10).join()}`),
    ),
    mixed(
      ':missing',
      some(days, (each) => `Observation?encounter:missing=true&date=${each}`),
    ),
  ];
}

/** Further ways to find. */
function othersOf(sample: Sample): readonly Family[] {
  const { everybody, ids, encounters, observed, codes, days, families, births, words } = sample;
  const patients = ids.map((id) => `Patient/${id}`);
  const references = everybody.map((id) => `Patient/${id}`);
  const pages = (name: string, queries: readonly string[]): Family => family(name, queries.map(got));
  return [
    pages(
      'a month of a code',
      some(observed, (each, n) => {
        const day = at(days, n);
        return `Observation?code=${coded(each)}&date=ge${day}&date=lt${nextMonth(day)}`;
      }),
    ),
    family(
      'any of 1,000 ids, by POST',
      some(ids, (_, n) => `Patient?_id=${around(everybody, 17 * n, 1000).join()}`).map(posted),
    ),
    family(
      'any of 1,000 references, by POST',
      some(ids, (_, n) => `Condition?subject=${around(references, 17 * n, 1000).join()}`).map(posted),
    ),
    family(
      'any of 1,000 references and a day, by POST',
      some(days, (each, n) => `Observation?date=${each}&subject=${around(references, 17 * n, 1000).join()}`, 60).map(
        posted,
      ),
    ),
    pages(
      ':not',
      some(codes, (each) => `Condition?code:not=${coded(each)}`),
    ),
    pages(
      ':not of a patient',
      some(patients, (each, n) => `Observation?subject=${each}&code:not=${coded(at(observed, n))}`),
    ),
    pages(
      '_include:iterate',
      some(patients, (each) => {
        return `Observation?subject=${each}&_include=Observation:encounter&_include:iterate=Encounter:participant`;
      }),
    ),
    pages(
      '_revinclude:iterate',
      some(encounters, (id) => {
        const results = '_revinclude:iterate=DiagnosticReport:result';
        return `Encounter?_id=${id}&_revinclude=Observation:encounter&${results}`;
      }),
    ),
    pages(
      'compartment, all types',
      some(ids, (each) => `Patient/${each}/*`),
    ),
    pages(
      '_filter',
      some(families, (each, n) => {
        const filter = `family eq "${each}" and (birthdate ge ${at(births, n)} or gender eq female)`;
        return `Patient?_filter=${encodeURIComponent(filter)}`;
      }),
    ),
    pages(
      '_filter of a patient',
      some(patients, (each, n) => {
        const filter = `subject eq "${each}" and (date ge ${at(days, n)} or status ne final)`;
        return `Observation?_filter=${encodeURIComponent(filter)}`;
      }),
    ),
    pages(
      '_text',
      some(words, (each) => `CarePlan?_text=${each}`),
    ),
    pages(
      '_content',
      some(families, (each) => `Patient?_content=${encodeURIComponent(each)}`),
    ),
    pages(
      'chain over many',
      ['male', 'female'].map((each) => `Observation?subject:Patient.gender=${each}&date=${at(days, 7)}`),
    ),
    pages(
      '_has over many',
      some(observed, (each) => `Patient?_has:Observation:subject:code=${coded(each)}`),
    ),
  ];
}

/** Sorts in both directions by each kind of value: of few matches, of many, and of everything. */
function sortsOf({ ids, cities, observed, days, quantities }: Sample): readonly Family[] {
  const patients = ids.map((id) => `Patient/${id}`);
  const sorts = (name: string, key: string, queries: readonly string[]): readonly Family[] =>
    [key, `-${key}`].map((sort) => {
      const direction = sort === key ? '+' : '−';
      return family(
        `sort ${name} ${direction}`,
        queries.map((query) => got(`${query}${query.includes('?') ? '&' : '?'}_sort=${sort}`)),
      );
    });
  const ofPatients = some(patients, (each) => `Observation?subject=${each}`);
  const ofCodes = some(observed, (each) => `Observation?code=${coded(each)}`);
  return [
    ...sorts('a patient’s by token', 'code', ofPatients),
    ...sorts('a patient’s by date', 'date', ofPatients),
    ...sorts('a patient’s by quantity', 'value-quantity', ofPatients),
    ...sorts('a patient’s by reference', 'encounter', ofPatients),
    ...sorts(
      'a city’s by string',
      'family',
      some(cities, (each) => `Patient?address-city=${encodeURIComponent(each)}`),
    ),
    ...sorts('a code by date', 'date', ofCodes),
    ...sorts('a code by quantity', 'value-quantity', ofCodes),
    ...sorts(
      'a date range by date',
      'date',
      some(days, (each) => `Observation?date=ge${each}`),
    ),
    ...sorts(
      'a quantity range by quantity',
      'value-quantity',
      some(quantities, ({ value }) => `Observation?value-quantity=gt${value}`),
    ),
    ...sorts('all by token', 'code', ['Condition', 'Observation']),
    ...sorts('all by date', 'date', ['Observation', 'Encounter']),
    ...sorts('all by string', 'family', ['Patient']),
    ...sorts('all by quantity', 'value-quantity', ['Observation']),
    ...sorts('all by reference', 'subject', ['Observation', 'Condition']),
  ];
}

/** What is counted to its end. */
function countsOf({ observed, days, families }: Sample): readonly Family[] {
  const many = [
    'Observation?status=final',
    'Observation?category=laboratory',
    'Observation?category=vital-signs',
    'Observation?value-quantity=gt50',
    'Encounter?status=finished',
    'Claim?status=active',
  ];
  const counted = (name: string, judged: Judged, queries: readonly string[]): Family =>
    family(name, queries.map(got), judged);
  return [
    counted(
      '_summary=count of one criterion',
      'count',
      [
        ...some(days, (each) => `Observation?date=ge${each}`, 40),
        ...some(observed, (each) => `Observation?code=${coded(each)}`),
        ...many,
      ].map((query) => `${query}&_summary=count`),
    ),
    counted(
      '_total=accurate',
      'count',
      some(days, (each) => `Observation?date=lt${each}&_total=accurate`, 60),
    ),
    counted(
      ':contains',
      'count',
      [
        ...some(families, (each) => `Patient?family:contains=${encodeURIComponent(each.slice(1, 5))}`, 60),
        ...some(
          families,
          (each) => `Observation?subject:Patient.family:contains=${encodeURIComponent(each.slice(1, 4))}`,
          20,
        ),
      ].map((query) => `${query}&_total=accurate`),
    ),
    counted(
      '_summary=count of two criteria',
      'count of two',
      [
        ...some(observed, (each, n) => `Observation?code=${coded(each)}&date=ge${at(days, n)}`),
        ...some(days, (each) => `Observation?status=final&date=ge${each}`, 20),
      ].map((query) => `${query}&_summary=count`),
    ),
  ];
}

/** Searches with some of the values. */
function some<T>(values: readonly T[], make: (value: T, n: number) => string, few = most): readonly string[] {
  return values.slice(0, few).map(make);
}

function coded({ system, code }: Coded): string {
  return encodeURIComponent(`${system}|${code}`);
}

/** An item of a list, from the beginning again where it ends. Throws RangeError for an empty list. */
function at<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length];
  if (found === undefined) throw new RangeError('no values to search by');
  return found;
}

/** So many items from a place on, from the beginning again where the list ends. */
function around<T>(list: readonly T[], start: number, length: number): readonly T[] {
  return Array.from({ length: Math.min(length, list.length) }, (_, n) => at(list, start + n));
}

/** The same day of the next month, or its first. */
function nextMonth(day: string): string {
  const [year = 2000, month = 1] = day.split('-').map(Number);
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, '0')}-01`;
}
