/** What is measured at a visit: https://hl7.org/fhir/R4/observation.html */
import type { Encounter, Observation } from '@medplum/fhirtypes';
import { type Complaint, joints, type Side } from './complaints.ts';
import { coding, concept, hl7, loinc, own, quantity, snomed, to } from './elements.ts';
import type { SeedPatient } from './patient.ts';
import type { Practice } from './practice.ts';
import type { Random } from './random.ts';

export type SeedObservation = Observation & { readonly id: string };

/** The body of a patient, which stays much the same from visit to visit. */
export interface Physique {
  /** cm */
  readonly height: number;
  /** kg */
  readonly weight: number;
  readonly systolic: number;
  readonly diastolic: number;
}

/** Where and when something was measured. */
export interface Measured {
  readonly patient: SeedPatient;
  readonly encounter: Encounter & { readonly id: string };
  /** dateTime */
  readonly when: string;
  readonly practice: Practice;
}

const vitalSigns = hl7('observation-category', 'vital-signs', 'Vital Signs');
const survey = hl7('observation-category', 'survey', 'Survey');
const exam = hl7('observation-category', 'exam', 'Exam');

function observation(
  { patient, encounter, when }: Measured,
  name: string,
  category: Observation['category'],
  code: Observation['code'],
  rest: Partial<Observation>,
): SeedObservation {
  return {
    resourceType: 'Observation',
    id: `${encounter.id}-${name}`,
    status: 'final',
    ...(category === undefined ? {} : { category }),
    code,
    subject: to(patient),
    encounter: to(encounter),
    effectiveDateTime: when,
    ...rest,
  };
}

/** Height, weight, BMI and blood pressure. */
export function measureVitals(random: Random, measured: Measured, physique: Physique): readonly SeedObservation[] {
  const { height, weight } = physique;
  const vital = (name: string, code: string, display: string, rest: Partial<Observation>): SeedObservation =>
    observation(measured, name, [vitalSigns], concept([coding(loinc, code, display)]), rest);
  const pressure = (code: string, display: string, value: number): NonNullable<Observation['component']>[number] => ({
    code: concept([coding(loinc, code, display)]),
    valueQuantity: quantity(value, 'mmHg', 'mm[Hg]'),
  });
  return [
    vital('height', '8302-2', 'Body height', { valueQuantity: quantity(height, 'cm', 'cm') }),
    vital('weight', '29463-7', 'Body weight', { valueQuantity: quantity(weight, 'kg', 'kg') }),
    vital('bmi', '39156-5', 'Body mass index (BMI) [Ratio]', {
      valueQuantity: quantity(Number((weight / (height / 100) ** 2).toFixed(1)), 'kg/m2', 'kg/m2'),
    }),
    vital('blood-pressure', '85354-9', 'Blood pressure panel with all children optional', {
      component: [
        pressure('8480-6', 'Systolic blood pressure', physique.systolic + random.integer(-8, 8)),
        pressure('8462-4', 'Diastolic blood pressure', physique.diastolic + random.integer(-5, 5)),
      ],
    }),
  ];
}

/**
 * Pain, movement and (for knees and hips) the Oxford score. `recovered` is how well the joint is: 0 before treatment,
 * 1 at its best.
 */
export function measureJoint(
  random: Random,
  measured: Measured,
  complaint: Complaint,
  side: Side,
  recovered: number,
): readonly SeedObservation[] {
  const joint = joints[complaint.joint];
  const site = concept([joint.site], `${side} ${complaint.joint}`);
  const pain = Math.max(0, Math.min(100, Math.round(78 - 68 * recovered + random.integer(-9, 9))));
  const degrees = Math.round((joint.worst + (joint.best - joint.worst) * recovered + random.integer(-8, 8)) / 5) * 5;
  const performer = [to(random.pick(measured.practice.physiotherapists))];
  const found = [
    observation(
      measured,
      'pain',
      [survey],
      concept([coding(loinc, '38214-3', 'Pain severity [Score] Visual analog score')]),
      {
        valueQuantity: quantity(pain, 'mm', 'mm'),
        bodySite: site,
      },
    ),
    observation(
      measured,
      'movement',
      [exam],
      concept([coding(snomed, '364564000', 'Range of joint movement')], joint.movement),
      { performer, valueQuantity: quantity(degrees, 'degrees', 'deg'), bodySite: site },
    ),
  ];
  if (complaint.joint === 'shoulder') return found;
  const score = Math.max(4, Math.min(48, Math.round(16 + 26 * recovered + random.integer(-4, 4))));
  const name = complaint.joint === 'knee' ? 'Oxford Knee Score' : 'Oxford Hip Score';
  const code = coding(
    `${own}/CodeSystem/outcome-scores`,
    complaint.joint === 'knee' ? 'oxford-knee' : 'oxford-hip',
    name,
  );
  return [
    ...found,
    observation(measured, 'oxford-score', [survey], concept([code]), {
      valueQuantity: quantity(score, 'score', '{score}'),
      bodySite: site,
      referenceRange: [{ low: quantity(0, 'score', '{score}'), high: quantity(48, 'score', '{score}') }],
    }),
  ];
}

/** Haemoglobin and C-reactive protein before an operation. */
export function measureBlood(random: Random, measured: Measured): readonly SeedObservation[] {
  const laboratory = [hl7('observation-category', 'laboratory', 'Laboratory')];
  return [
    observation(
      measured,
      'haemoglobin',
      laboratory,
      concept([coding(loinc, '718-7', 'Hemoglobin [Mass/volume] in Blood')]),
      {
        valueQuantity: quantity(random.decimal(11.2, 16.4, 1), 'g/dL', 'g/dL'),
      },
    ),
    observation(
      measured,
      'crp',
      laboratory,
      concept([coding(loinc, '1988-5', 'C reactive protein [Mass/volume] in Serum or Plasma')]),
      {
        valueQuantity: quantity(random.decimal(0.6, 9, 1), 'mg/L', 'mg/L'),
      },
    ),
  ];
}
