/** A person who comes to the clinic: https://hl7.org/fhir/R4/patient.html */
import type { AllergyIntolerance, Condition, Coverage, Patient } from '@medplum/fhirtypes';
import { allergies, otherProblems } from './complaints.ts';
import { addDays, concept, hl7, own, to } from './elements.ts';
import { familyNames, femaleNames, maleNames, streets, towns } from './people.ts';
import { displayName, type Practice } from './practice.ts';
import type { Random } from './random.ts';

export type SeedPatient = Patient & { readonly id: string };

/** A patient of that age on that day. `number` counts from 1 and gives the id and the MRN. */
export function createPatient(
  random: Random,
  id: string,
  number: number,
  age: number,
  day: string,
  practice: Practice,
): SeedPatient {
  const female = random.chance(0.55);
  const given = random.pick(female ? femaleNames : maleNames);
  const family = random.pick(familyNames);
  const town = random.pick(towns);
  const year = Number(day.slice(0, 4)) - age - 1;
  const middle = random.chance(0.3) ? [random.pick(female ? femaleNames : maleNames)] : [];
  return {
    resourceType: 'Patient',
    id,
    identifier: [
      {
        use: 'usual',
        type: hl7('v2-0203', 'MR', 'Medical record number'),
        system: `${own}/mrn`,
        value: String(700_000 + number),
        assigner: to(practice.clinic),
      },
    ],
    active: true,
    name: [{ use: 'official', family, given: [given, ...middle.filter((name) => name !== given)] }],
    telecom: [
      { system: 'phone', value: `+1-207-555-01${String(number % 100).padStart(2, '0')}`, use: 'mobile' },
      { system: 'email', value: `patient${number}@mail.example` },
    ],
    gender: female ? 'female' : 'male',
    birthDate: addDays(`${year}-01-01`, random.integer(0, 364)),
    address: [
      {
        use: 'home',
        line: [`${random.integer(1, 180)} ${random.pick(streets)}`],
        city: town.city,
        state: 'ME',
        postalCode: town.postalCode,
        country: 'US',
      },
    ],
    maritalStatus: random.chance(0.6)
      ? hl7('v3-MaritalStatus', 'M', 'Married')
      : hl7('v3-MaritalStatus', 'S', 'Never Married'),
    managingOrganization: to(practice.clinic),
  };
}

/** The patient's insurance. */
export function createCoverage(
  patient: SeedPatient,
  number: number,
  day: string,
  practice: Practice,
): Coverage & { id: string } {
  return {
    resourceType: 'Coverage',
    id: `${patient.id}-coverage`,
    status: 'active',
    type: hl7('v3-ActCode', 'EHCPOL', 'extended healthcare'),
    subscriberId: `HM${100_000 + number}`,
    beneficiary: to(patient),
    relationship: hl7('subscriber-relationship', 'self', 'Self'),
    period: { start: `${day.slice(0, 4)}-01-01` },
    payor: [to(practice.insurer, 'Harbour Mutual Health Plan')],
  };
}

/** Allergies of the patient: mostly none or one. */
export function createAllergies(
  random: Random,
  patient: SeedPatient,
  day: string,
): readonly (AllergyIntolerance & { id: string })[] {
  if (!random.chance(0.4)) return [];
  const { substance, category, reaction } = random.pick(allergies);
  return [
    {
      resourceType: 'AllergyIntolerance',
      id: `${patient.id}-allergy-1`,
      clinicalStatus: hl7('allergyintolerance-clinical', 'active', 'Active'),
      verificationStatus: hl7('allergyintolerance-verification', 'confirmed', 'Confirmed'),
      type: 'allergy',
      category: [category],
      criticality: random.chance(0.3) ? 'high' : 'low',
      code: concept([substance]),
      patient: to(patient, displayName(patient)),
      recordedDate: day,
      reaction: [{ manifestation: [concept([reaction])], severity: random.pick(['mild', 'moderate']) }],
    },
  ];
}

/** Problems besides the joint. */
export function createOtherProblems(
  random: Random,
  patient: SeedPatient,
  age: number,
  day: string,
): readonly (Condition & { id: string })[] {
  if (!random.chance(age / 110)) return [];
  const { condition, diagnosis } = random.pick(otherProblems);
  return [
    {
      resourceType: 'Condition',
      id: `${patient.id}-condition-2`,
      clinicalStatus: hl7('condition-clinical', 'active', 'Active'),
      verificationStatus: hl7('condition-ver-status', 'confirmed', 'Confirmed'),
      category: [hl7('condition-category', 'problem-list-item', 'Problem List Item')],
      code: concept([condition, diagnosis]),
      subject: to(patient, displayName(patient)),
      onsetDateTime: String(Number(day.slice(0, 4)) - random.integer(2, 15)),
      recordedDate: day,
    },
  ];
}
