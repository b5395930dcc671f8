/** What the clinic treats, with its codes (https://hl7.org/fhir/R4/valueset-condition-code.html, https://hl7.org/fhir/R4/valueset-procedure-code.html). */
import type { Coding } from '@medplum/fhirtypes';
import { coding, icd10, loinc, rxnorm, snomed } from './elements.ts';

export type Side = 'right' | 'left';

/** A complaint, how it is coded, how it is measured and what is done about it. */
export interface Complaint {
  /** How often it comes, relative to the others. */
  readonly weight: number;
  readonly name: string;
  readonly joint: 'knee' | 'hip' | 'shoulder';
  readonly condition: Coding;
  readonly diagnosis: Readonly<Record<Side, Coding>>;
  readonly operation: {
    readonly code: Coding;
    readonly text: string;
    readonly minutes: number;
    readonly nights: number;
  };
  /** How often it comes to the operation. */
  readonly operated: number;
  /** Age at the first visit. */
  readonly ages: readonly [low: number, high: number];
  readonly imaging: { readonly code: Coding; readonly findings: readonly string[] };
}

export const joints = {
  knee: {
    site: coding(snomed, '72696002', 'Knee region structure'),
    movement: 'Flexion of the knee',
    best: 135,
    worst: 85,
  },
  hip: {
    site: coding(snomed, '29836001', 'Hip region structure'),
    movement: 'Flexion of the hip',
    best: 115,
    worst: 70,
  },
  shoulder: {
    site: coding(snomed, '16982005', 'Shoulder region structure'),
    movement: 'Abduction of the shoulder',
    best: 170,
    worst: 60,
  },
} as const;

const imaging = coding(loinc, '18748-4', 'Diagnostic imaging study');
const arthritis = [
  'Joint space narrowed with osteophytes, Kellgren-Lawrence grade 3.',
  'Joint space lost, subchondral sclerosis, Kellgren-Lawrence grade 4.',
];

export const complaints: readonly Complaint[] = [
  {
    weight: 12,
    name: 'Osteoarthritis of the knee',
    joint: 'knee',
    condition: coding(snomed, '239873007', 'Osteoarthritis of knee'),
    diagnosis: {
      right: coding(icd10, 'M17.11', 'Unilateral primary osteoarthritis, right knee'),
      left: coding(icd10, 'M17.12', 'Unilateral primary osteoarthritis, left knee'),
    },
    operation: {
      code: coding(snomed, '609588000', 'Total knee replacement'),
      text: 'Total knee arthroplasty',
      minutes: 95,
      nights: 3,
    },
    operated: 0.75,
    ages: [55, 82],
    imaging: { code: imaging, findings: arthritis },
  },
  {
    weight: 10,
    name: 'Osteoarthritis of the hip',
    joint: 'hip',
    condition: coding(snomed, '239872002', 'Osteoarthritis of hip'),
    diagnosis: {
      right: coding(icd10, 'M16.11', 'Unilateral primary osteoarthritis, right hip'),
      left: coding(icd10, 'M16.12', 'Unilateral primary osteoarthritis, left hip'),
    },
    operation: {
      code: coding(snomed, '52734007', 'Total replacement of hip'),
      text: 'Total hip arthroplasty',
      minutes: 85,
      nights: 3,
    },
    operated: 0.75,
    ages: [52, 84],
    imaging: { code: imaging, findings: arthritis },
  },
  {
    weight: 6,
    name: 'Rotator cuff tear',
    joint: 'shoulder',
    condition: coding(snomed, '307731004', 'Injury of tendon of the rotator cuff of shoulder'),
    diagnosis: {
      right: coding(
        icd10,
        'M75.121',
        'Complete rotator cuff tear or rupture of right shoulder, not specified as traumatic',
      ),
      left: coding(
        icd10,
        'M75.122',
        'Complete rotator cuff tear or rupture of left shoulder, not specified as traumatic',
      ),
    },
    operation: {
      code: coding(snomed, '61774002', 'Repair of rotator cuff by suture'),
      text: 'Arthroscopic rotator cuff repair',
      minutes: 75,
      nights: 1,
    },
    operated: 0.65,
    ages: [45, 72],
    imaging: {
      code: imaging,
      findings: [
        'Full-thickness tear of supraspinatus, 18 mm, little retraction.',
        'Full-thickness tear of supraspinatus and infraspinatus.',
      ],
    },
  },
  {
    weight: 5,
    name: 'Rupture of the anterior cruciate ligament',
    joint: 'knee',
    condition: coding(snomed, '444470001', 'Injury of anterior cruciate ligament'),
    diagnosis: {
      right: coding(icd10, 'S83.511A', 'Sprain of anterior cruciate ligament of right knee, initial encounter'),
      left: coding(icd10, 'S83.512A', 'Sprain of anterior cruciate ligament of left knee, initial encounter'),
    },
    operation: {
      code: coding(snomed, '239426007', 'Repair of anterior cruciate ligament of knee joint'),
      text: 'Anterior cruciate ligament reconstruction with hamstring graft',
      minutes: 80,
      nights: 1,
    },
    operated: 0.8,
    ages: [17, 42],
    imaging: {
      code: imaging,
      findings: ['Complete rupture of the anterior cruciate ligament, bone bruise of the lateral condyle.'],
    },
  },
  {
    weight: 5,
    name: 'Tear of the meniscus',
    joint: 'knee',
    condition: coding(snomed, '239720000', 'Tear of meniscus of knee'),
    diagnosis: {
      right: coding(icd10, 'S83.241A', 'Other tear of medial meniscus, current injury, right knee, initial encounter'),
      left: coding(icd10, 'S83.242A', 'Other tear of medial meniscus, current injury, left knee, initial encounter'),
    },
    operation: {
      code: coding(snomed, '309431009', 'Arthroscopy of knee joint'),
      text: 'Knee arthroscopy with partial meniscectomy',
      minutes: 40,
      nights: 0,
    },
    operated: 0.7,
    ages: [24, 58],
    imaging: {
      code: imaging,
      findings: ['Tear of the posterior horn of the medial meniscus.', 'Bucket-handle tear of the medial meniscus.'],
    },
  },
  {
    weight: 2,
    name: 'Painful, stiff knee after arthroplasty',
    joint: 'knee',
    condition: coding(snomed, '57676002', 'Joint pain'),
    diagnosis: {
      right: coding(icd10, 'M25.661', 'Stiffness of right knee, not elsewhere classified'),
      left: coding(icd10, 'M25.662', 'Stiffness of left knee, not elsewhere classified'),
    },
    operation: {
      code: coding(snomed, '699253003', 'Surgical manipulation of joint of knee'),
      text: 'Manipulation of the knee under anaesthesia',
      minutes: 20,
      nights: 0,
    },
    operated: 0.9,
    ages: [58, 80],
    imaging: { code: imaging, findings: ['Components well fixed, no loosening, no fracture.'] },
  },
];

/** Other problems that patients bring along. */
export const otherProblems: readonly { readonly condition: Coding; readonly diagnosis: Coding }[] = [
  {
    condition: coding(snomed, '59621000', 'Essential hypertension'),
    diagnosis: coding(icd10, 'I10', 'Essential (primary) hypertension'),
  },
  {
    condition: coding(snomed, '44054006', 'Diabetes mellitus type 2'),
    diagnosis: coding(icd10, 'E11.9', 'Type 2 diabetes mellitus without complications'),
  },
  {
    condition: coding(snomed, '64859006', 'Osteoporosis'),
    diagnosis: coding(icd10, 'M81.0', 'Age-related osteoporosis without current pathological fracture'),
  },
  {
    condition: coding(snomed, '195967001', 'Asthma'),
    diagnosis: coding(icd10, 'J45.909', 'Unspecified asthma, uncomplicated'),
  },
];

export const allergies: readonly {
  readonly substance: Coding;
  readonly category: 'medication' | 'food' | 'environment';
  readonly reaction: Coding;
}[] = [
  {
    substance: coding(snomed, '91936005', 'Allergy to penicillin'),
    category: 'medication',
    reaction: coding(snomed, '271807003', 'Eruption of skin'),
  },
  {
    substance: coding(snomed, '300916003', 'Latex allergy'),
    category: 'environment',
    reaction: coding(snomed, '126485001', 'Urticaria'),
  },
  {
    substance: coding(snomed, '91935009', 'Allergy to peanuts'),
    category: 'food',
    reaction: coding(snomed, '126485001', 'Urticaria'),
  },
];

/** Medications of the clinic's formulary; `id` ends the Medication's id. */
export const medications: readonly {
  readonly id: string;
  readonly code: Coding;
  readonly use: 'mild' | 'strong' | 'clots';
  readonly dosage: string;
  readonly every: readonly [frequency: number, days: number];
}[] = [
  {
    id: 'acetaminophen',
    code: coding(rxnorm, '313782', 'Acetaminophen 325 MG Oral Tablet'),
    use: 'mild',
    dosage: 'Two tablets three times a day',
    every: [3, 1],
  },
  {
    id: 'ibuprofen',
    code: coding(rxnorm, '310965', 'Ibuprofen 200 MG Oral Tablet'),
    use: 'mild',
    dosage: 'Two tablets three times a day with food',
    every: [3, 1],
  },
  {
    id: 'naproxen',
    code: coding(rxnorm, '849574', 'Naproxen sodium 220 MG Oral Tablet'),
    use: 'mild',
    dosage: 'One tablet twice a day with food',
    every: [2, 1],
  },
  {
    id: 'oxycodone',
    code: coding(rxnorm, '1049221', 'Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet'),
    use: 'strong',
    dosage: 'One tablet up to four times a day for at most a week',
    every: [4, 1],
  },
  {
    id: 'tramadol',
    code: coding(rxnorm, '835603', 'tramadol hydrochloride 50 MG Oral Tablet'),
    use: 'strong',
    dosage: 'One tablet up to three times a day for at most a week',
    every: [3, 1],
  },
  {
    id: 'enoxaparin',
    code: coding(rxnorm, '854235', '0.4 ML Enoxaparin sodium 100 MG/ML Prefilled Syringe'),
    use: 'clots',
    dosage: 'One syringe under the skin once a day for 28 days',
    every: [1, 1],
  },
];
