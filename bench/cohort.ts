/** A cohort as CSV: patients, and hip arthroplasties of some of them. https://hl7.org/fhir/R4/procedure.html */
import { stringify } from 'csv-stringify/sync';

/** Rows of the two templates, without columns that no row fills. */
export interface Cohort {
  readonly patients: (from: number, to: number) => string;
  readonly cases: (from: number, to: number) => string;
}

const mrnSystem = 'urn:oid:1.2.826.0.1.3680043.2.1';

const pick = <T>(of: readonly [T, ...T[]], n: number): T => of[n % of.length] ?? of[0];
const genders = ['female', 'male', 'female', 'male', 'other'] as const;
const approaches = ['posterior', 'anterior', 'lateral', 'anterolateral'] as const;
const bearings = ['ceramic-on-polyethylene', 'ceramic', 'metal-on-polyethylene'] as const;
const makers = ['zimmer-biomet', 'depuy-synthes', 'stryker', 'smith-nephew'] as const;

/** The same rows each time: what a row has follows from its number. */
function mixed(n: number, salt: number): number {
  return (Math.imul(n + 1, 2_654_435_761) ^ Math.imul(salt + 1, 40_503)) >>> 8;
}

const two = (n: number): string => String(n).padStart(2, '0');
const day = (n: number, salt: number): string =>
  `${two(1 + (mixed(n, salt) % 12))}-${two(1 + (mixed(n, salt + 1) % 28))}`;

function patient(n: number): Readonly<Record<string, string>> {
  return {
    mrn_system: mrnSystem,
    mrn: `P${n}`,
    active: 'true',
    family: `Family${mixed(n, 1) % 5000}`,
    given: `Given${mixed(n, 2) % 500}`,
    gender: pick(genders, mixed(n, 3)),
    birth_date: `${1930 + (mixed(n, 4) % 60)}-${day(n, 5)}`,
    city: `City${mixed(n, 7) % 300}`,
    country: 'DE',
  };
}

function hipArthroplasty(n: number): Readonly<Record<string, string>> {
  const date = `${2015 + (mixed(n, 8) % 10)}-${day(n, 9)}`;
  return {
    mrn_system: mrnSystem,
    mrn: `P${n * 2}`,
    encounter_status: 'finished',
    encounter_class: 'IMP',
    admission_date: date,
    surgeon_id: `S${mixed(n, 11) % 40}`,
    surgeon_family: `Surgeon${mixed(n, 11) % 40}`,
    case_id: `HIP-${n}`,
    procedure_status: 'completed',
    procedure_code: 'http://snomed.info/sct|52734007',
    procedure_date: date,
    body_site: pick(['287579007', '287679003'], mixed(n, 12)),
    approach: pick(approaches, mixed(n, 13)),
    implant_type: 'total',
    implant_manufacturer: pick(makers, mixed(n, 14)),
    bearing_surface: pick(bearings, mixed(n, 15)),
    cup_size: String(44 + 2 * (mixed(n, 16) % 10)),
    pain_vas_preop: String(4 + (mixed(n, 17) % 7)),
    pain_vas_1y: String(mixed(n, 18) % 5),
    oxford_hip_preop: String(8 + (mixed(n, 19) % 20)),
    oxford_hip_1y: String(28 + (mixed(n, 20) % 21)),
  };
}

function rows(make: (n: number) => Readonly<Record<string, string>>, from: number, to: number): string {
  const records = Array.from({ length: to - from }, (_, n) => make(from + n));
  return stringify(records, { header: true });
}

/** Patients from number `from` up to `to`; case n is of patient 2 n. */
export const cohort: Cohort = {
  patients: (from, to) => rows(patient, from, to),
  cases: (from, to) => rows(hipArthroplasty, from, to),
};
