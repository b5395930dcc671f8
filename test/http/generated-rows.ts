/** Rows that fill the columns of a template with values that it allows, the same ones each time. */
import type { Row } from './csv-files.ts';

/** A column as `$csv-template?describe=true` tells it. */
export interface DescribedColumn {
  readonly column: string;
  readonly part: string;
  readonly time: string;
  readonly type: string;
  /** `yes`, `with its part` or `no`. */
  readonly required: string;
  readonly key: string;
  readonly several: string;
  /** Its codes, or the systems of its codes. */
  readonly allowed_values: string;
  readonly unit: string;
  readonly element: string;
}

/** A code of each system whose codes the server can't list. */
const codeOf: Readonly<Record<string, string>> = {
  'http://www.ama-assn.org/go/cpt': '27130',
  'http://www.cms.gov/Medicare/Coding/ICD10': '0SR90JA',
  'http://snomed.info/sct': '387713003',
  'http://hl7.org/fhir/sid/icd-10-cm': 'M16.11',
  'http://loinc.org': '8867-4',
};

/** A row of the description as a column. */
export function describedColumn(row: Row): DescribedColumn {
  const { column = '', part = '', time = '', type = '', required = '', key = '', several = '' } = row;
  const { allowed_values = '', unit = '', element = '' } = row;
  return { column, part, time, type, required, key, several, allowed_values, unit, element };
}

/** Cells where one column's value depends on another one's, or on what R4's invariants say of both. */
const special: Readonly<Record<string, (n: number) => string>> = {
  mrn_system: () => 'http://hospital.example/mrn',
  // con-4 and con-5: what is abated is inactive, and what was entered in error has no clinical status.
  clinical_status: (n) => ['inactive', 'remission', 'resolved'][n % 3] ?? '',
  verification_status: (n) => ['unconfirmed', 'provisional', 'differential', 'confirmed', 'refuted'][n % 5] ?? '',
  // per-1: a period doesn't end before it begins.
  discharge_date: (n) => day(2025, n),
  end_date: (n) => day(2025, n),
  unit: (n) => ['mg/dL', 'mmol/L', '/min'][n % 3] ?? '',
};

/** Whether not all values that a column allows are generated. */
export const isSpecial = (column: string) => special[column] !== undefined;

const day = (year: number, n: number) => `${year}-${pair(1 + (n % 12))}-${pair(1 + (n % 28))}`;
const pair = (number: number) => String(number).padStart(2, '0');

/** A row with each column filled. `n`: another one gives another row. */
export function fullRow(columns: readonly DescribedColumn[], n: number): Row {
  return Object.fromEntries(columns.map((column, place) => [column.column, cellOf(column, n, n + place)]));
}

/** A full row without every other part that may be absent, and of the others without what isn't required. */
export function sparseRow(columns: readonly DescribedColumn[], n: number): Row {
  const row = fullRow(columns, n);
  const parts = [...new Set(columns.map(partOf))];
  const needed = new Set(columns.filter(({ required }) => required === 'yes').map(partOf));
  const kept = new Set(parts.filter((part, place) => needed.has(part) || place % 2 === n % 2));
  return Object.fromEntries(
    columns.map((column, place) => {
      const needs = column.required !== 'no' || isSpecial(column.column);
      const stays = kept.has(partOf(column)) && (needs || place % 3 === n % 3);
      return [column.column, stays ? (row[column.column] ?? '') : ''];
    }),
  );
}

const partOf = ({ part, time }: DescribedColumn) => `${part} ${time}`;

function cellOf(column: DescribedColumn, n: number, seed: number): string {
  const own = special[column.column];
  if (own !== undefined) return own(n);
  if (column.key === 'yes' || /_id$/.test(column.column)) return `${column.column}-${n}`;
  if (column.several === 'no') return oneValue(column, seed);
  return [...new Set([oneValue(column, seed), oneValue(column, seed + 1)])].join(';');
}

function oneValue({ column, type, allowed_values: allowed }: DescribedColumn, seed: number): string {
  if (allowed.startsWith('codes of ')) {
    const systems = allowed.slice('codes of '.length).split(' or ');
    const system = systems[seed % systems.length] ?? '';
    return systems.length === 1 ? codeIn(system) : `${system}|${codeIn(system)}`;
  }
  if (allowed !== '') {
    const codes = allowed.replace(/; … .*$/, '').split('; ');
    return codes[seed % codes.length] ?? '';
  }
  switch (type) {
    case 'date':
    case 'dateTime':
      return day(2024, seed);
    case 'boolean':
      return String(seed % 2 === 0);
    case 'integer':
    case 'positiveInt':
      return String(1 + (seed % 9));
    // Within the bounds of all scores, and with a digit that a number would lose.
    case 'decimal':
    case 'Quantity':
      return `${1 + (seed % 9)}.50`;
    case 'CodeableConcept':
    case 'Coding':
      return `http://loinc.org|${codeIn('http://loinc.org')}`;
    case 'string':
    case 'markdown':
      return texts(column, seed)[seed % 5] ?? '';
    default:
      throw new Error(`${column} is of the type ${type}, of which nothing is generated`);
  }
}

/** What CSV has to quote or to keep from being a formula. */
const texts = (column: string, seed: number): readonly string[] => [
  `${column} ${seed}`,
  `a "quoted", ${column}`,
  `Ærø ${seed}, 日本`,
  `'=1+${seed}`,
  `two\r\nlines ${seed}`,
];

function codeIn(system: string): string {
  const code = codeOf[system];
  if (code === undefined) throw new Error(`no code of ${system} is known`);
  return code;
}
