/** One patient's way through the clinic, from the first visit to the last check: https://hl7.org/fhir/R4/clinicalsummary-module.html */
import type { Condition, Encounter } from '@medplum/fhirtypes';
import { book, type Case, operate, planCare, prescribe, reportImaging } from './care.ts';
import { complaints, joints } from './complaints.ts';
import { addDays, at, coding, concept, hl7, hl7Coding, own, type SeedResource, snomed, to } from './elements.ts';
import { type Measured, measureBlood, measureJoint, measureVitals, type Physique } from './findings.ts';
import { createAllergies, createCoverage, createOtherProblems, createPatient } from './patient.ts';
import { displayName, type Practice } from './practice.ts';
import type { Random } from './random.ts';

type SeedEncounter = Encounter & { readonly id: string };

const bag = complaints.flatMap((complaint) => Array.from({ length: complaint.weight }, () => complaint));

/** What lies after this day is still to come. */
const lastDay = '2025-06-30';

/** Checks after an operation, and without one: days, what for, and how well the joint is by then. */
const afterOperation = [
  [42, 'Check after six weeks', 0.5],
  [182, 'Check after six months', 0.8],
  [365, 'Check after a year', 0.95],
] as const;
const withoutOperation = [
  [56, 'Check after eight weeks', 0.35],
  [168, 'Check after half a year', 0.55],
] as const;

/** All resources of one patient, in an order in which references point backwards. First visits lie in 2023 and 2024. */
export function createCourse(random: Random, id: string, number: number, practice: Practice): readonly SeedResource[] {
  const complaint = random.pick(bag);
  const age = random.integer(...complaint.ages);
  const firstDay = weekday(addDays('2023-01-09', random.integer(0, 640)));
  const patient = createPatient(random, id, number, age, firstDay, practice);
  const side = random.pick(['right', 'left'] as const);
  const [knee, hip, shoulder] = practice.surgeons;
  const surgeon = { knee, hip, shoulder }[complaint.joint] ?? random.pick(practice.surgeons);
  const condition: Condition & { readonly id: string } = {
    resourceType: 'Condition',
    id: `${id}-condition-1`,
    clinicalStatus: hl7('condition-clinical', 'active', 'Active'),
    verificationStatus: hl7('condition-ver-status', 'confirmed', 'Confirmed'),
    category: [hl7('condition-category', 'encounter-diagnosis', 'Encounter Diagnosis')],
    severity: concept([
      random.chance(0.5) ? coding(snomed, '6736007', 'Moderate') : coding(snomed, '24484000', 'Severe'),
    ]),
    code: concept([complaint.condition, complaint.diagnosis[side]], `${complaint.name}, ${side}`),
    bodySite: [concept([joints[complaint.joint].site], `${side} ${complaint.joint}`)],
    subject: to(patient, displayName(patient)),
    onsetDateTime: addDays(firstDay, -random.integer(20, 900)).slice(0, 7),
    recordedDate: firstDay,
    recorder: to(surgeon),
  };
  const of: Case = { random, practice, patient, complaint, side, condition, surgeon };
  const physique = createPhysique(random);
  const first = visit(of, number, 1, firstDay, 'First consultation');
  const resources: SeedResource[] = [
    patient,
    createCoverage(patient, number, firstDay, practice),
    ...createAllergies(random, patient, firstDay),
    condition,
    ...createOtherProblems(random, patient, age, firstDay),
    first,
    ...measureVitals(random, measured(of, first), physique),
    ...measureJoint(random, measured(of, first), complaint, side, random.decimal(0, 0.2, 2)),
    reportImaging(of, first),
    prescribe(of, first, 'mild', 1),
  ];

  const operated = random.chance(complaint.operated);
  resources.push(planCare(of, first, firstDay, operated));
  let from = firstDay;
  if (operated) {
    from = weekday(addDays(firstDay, random.integer(28, 90)));
    const stay = visit(of, number, 2, from, complaint.operation.text, complaint.operation.nights);
    resources.push(
      stay,
      ...measureBlood(random, measured(of, stay)),
      operate(of, stay, from),
      prescribe(of, stay, 'strong', 2),
    );
    if (complaint.operation.nights > 1) resources.push(prescribe(of, stay, 'clots', 3));
  }
  let ordinal = operated ? 3 : 2;
  for (const [days, what, recovered] of operated ? afterOperation : withoutOperation) {
    const day = weekday(addDays(from, days));
    const check = visit(of, number, ordinal, day, what);
    const start = check.period?.start ?? day;
    if (day > lastDay) {
      resources.push(book(of, start, what, 'booked', ordinal));
      break;
    }
    const better = Math.max(0, Math.min(1, recovered + random.decimal(-0.15, 0.1, 2)));
    const appointment = book(of, start, what, 'fulfilled', ordinal);
    resources.push(appointment, { ...check, appointment: [to(appointment)] });
    resources.push(...measureJoint(random, measured(of, check), complaint, side, better));
    ordinal += 1;
  }
  return resources;
}

/** A visit on that day: half an hour with the surgeon, or a stay of some nights on the ward. */
function visit(
  { random, practice, patient, condition, surgeon }: Case,
  number: number,
  ordinal: number,
  day: string,
  what: string,
  nights?: number,
): SeedEncounter {
  const start = random.integer(16, 30) * 30;
  const outpatient = nights === undefined;
  return {
    resourceType: 'Encounter',
    id: `${patient.id}-visit-${ordinal}`,
    identifier: [{ system: `${own}/visit`, value: `${700_000 + number}-${ordinal}` }],
    status: 'finished',
    class: outpatient
      ? hl7Coding('v3-ActCode', 'AMB', 'ambulatory')
      : hl7Coding('v3-ActCode', 'IMP', 'inpatient encounter'),
    type: [{ text: what }],
    subject: to(patient, displayName(patient)),
    participant: [{ individual: to(surgeon, displayName(surgeon)) }],
    period: { start: at(day, start), end: outpatient ? at(day, start + 30) : at(addDays(day, nights), 18 * 60) },
    reasonReference: [to(condition)],
    location: [{ location: to(outpatient ? practice.rooms.outpatients : practice.rooms.ward) }],
    serviceProvider: to(practice.clinic),
  };
}

function measured({ patient, practice }: Case, encounter: SeedEncounter): Measured {
  return {
    patient,
    encounter,
    when: encounter.period?.start ?? lastDay,
    practice,
  };
}

function createPhysique(random: Random): Physique {
  const height = random.integer(155, 190);
  return {
    height,
    weight: Number(((height / 100) ** 2 * random.decimal(21, 34, 1)).toFixed(1)),
    systolic: random.integer(112, 148),
    diastolic: random.integer(68, 90),
  };
}

/** The day itself, or the Monday after it at a weekend. */
function weekday(day: string): string {
  const of = new Date(`${day}T00:00:00Z`).getUTCDay();
  return of === 6 ? addDays(day, 2) : of === 0 ? addDays(day, 1) : day;
}
