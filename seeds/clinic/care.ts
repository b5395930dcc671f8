/** What is done for a patient: https://hl7.org/fhir/R4/clinicalsummary-module.html */
import type {
  Appointment,
  CarePlan,
  Condition,
  DiagnosticReport,
  Encounter,
  MedicationRequest,
  Procedure,
} from '@medplum/fhirtypes';
import { type Complaint, joints, medications, type Side } from './complaints.ts';
import { addDays, at, coding, concept, hl7, snomed, to } from './elements.ts';
import type { SeedPatient } from './patient.ts';
import { displayName, type Practice } from './practice.ts';
import type { Random } from './random.ts';

type Kept<T> = T & { readonly id: string };

/** A patient with a complaint, and who looks after them. */
export interface Case {
  readonly random: Random;
  readonly practice: Practice;
  readonly patient: SeedPatient;
  readonly complaint: Complaint;
  readonly side: Side;
  readonly condition: Kept<Condition>;
  readonly surgeon: Practice['anaesthetist'];
}

/** The operation, during a stay that begins on that day. */
export function operate(
  { random, practice, patient, complaint, side, condition, surgeon }: Case,
  stay: Kept<Encounter>,
  day: string,
): Kept<Procedure> {
  const start = random.integer(16, 26) * 30;
  return {
    resourceType: 'Procedure',
    id: `${patient.id}-operation`,
    status: 'completed',
    category: concept([coding(snomed, '387713003', 'Surgical procedure')]),
    code: concept([complaint.operation.code], `${complaint.operation.text}, ${side}`),
    subject: to(patient, displayName(patient)),
    encounter: to(stay),
    performedPeriod: {
      start: at(day, start),
      end: at(day, start + complaint.operation.minutes + random.integer(-5, 20)),
    },
    performer: [
      { function: { text: 'Surgeon' }, actor: to(surgeon, displayName(surgeon)) },
      { function: { text: 'Anaesthetist' }, actor: to(practice.anaesthetist, displayName(practice.anaesthetist)) },
    ],
    location: to(practice.rooms.theatre),
    reasonReference: [to(condition)],
    bodySite: [concept([joints[complaint.joint].site], `${side} ${complaint.joint}`)],
    outcome: { text: random.chance(0.9) ? 'Uneventful' : 'Wound healing delayed, treated with dressings' },
  };
}

/** The report of the pictures taken at the first visit. */
export function reportImaging(
  { random, practice, patient, complaint }: Case,
  first: Kept<Encounter>,
): Kept<DiagnosticReport> {
  return {
    resourceType: 'DiagnosticReport',
    id: `${patient.id}-imaging`,
    status: 'final',
    category: [hl7('v2-0074', 'RAD', 'Radiology')],
    code: concept([complaint.imaging.code]),
    subject: to(patient, displayName(patient)),
    encounter: to(first),
    ...(first.period?.start === undefined ? {} : { effectiveDateTime: first.period.start, issued: first.period.start }),
    performer: [to(practice.radiologist, displayName(practice.radiologist))],
    conclusion: random.pick(complaint.imaging.findings),
  };
}

/** A medication of that use. `ordinal` ends the id; the first one is still taken. */
export function prescribe(
  { random, practice, patient, surgeon }: Case,
  encounter: Kept<Encounter>,
  use: 'mild' | 'strong' | 'clots',
  ordinal: number,
): Kept<MedicationRequest> {
  const medication = random.pick(medications.filter((each) => each.use === use));
  const [frequency, days] = medication.every;
  const stock = practice.medications.find(({ id }) => id === medication.id);
  return {
    resourceType: 'MedicationRequest',
    id: `${patient.id}-prescription-${ordinal}`,
    status: ordinal === 1 ? 'active' : 'completed',
    intent: 'order',
    // Strong ones are written as a code, the others refer to the formulary: both forms occur.
    ...(use === 'strong' || stock === undefined
      ? { medicationCodeableConcept: concept([medication.code]) }
      : { medicationReference: to(stock, medication.code.display) }),
    subject: to(patient, displayName(patient)),
    encounter: to(encounter),
    ...(encounter.period?.start === undefined ? {} : { authoredOn: encounter.period.start }),
    requester: to(surgeon),
    dosageInstruction: [
      {
        text: medication.dosage,
        asNeededBoolean: use !== 'clots',
        timing: { repeat: { frequency, period: days, periodUnit: 'd' } },
      },
    ],
  };
}

/** The plan made at the first visit. */
export function planCare(
  { random, practice, patient, condition }: Case,
  first: Kept<Encounter>,
  day: string,
  operated: boolean,
): Kept<CarePlan> {
  return {
    resourceType: 'CarePlan',
    id: `${patient.id}-plan`,
    status: operated ? 'completed' : 'active',
    intent: 'plan',
    title: operated ? 'Rehabilitation before and after the operation' : 'Treatment without an operation',
    subject: to(patient, displayName(patient)),
    encounter: to(first),
    period: { start: day, ...(operated ? { end: addDays(day, 365) } : {}) },
    addresses: [to(condition)],
    activity: [
      {
        detail: {
          kind: 'ServiceRequest',
          code: concept([coding(snomed, '91251008', 'Physical therapy procedure')]),
          status: operated ? 'completed' : 'in-progress',
          description: `${random.integer(6, 18)} sessions of strength and mobility training`,
          performer: [to(random.pick(practice.physiotherapists))],
        },
      },
    ],
  };
}

/** An appointment for half an hour from `start` (dateTime). `ordinal` ends the id. */
export function book(
  { practice, patient, condition, surgeon }: Case,
  start: string,
  what: string,
  status: 'booked' | 'fulfilled',
  ordinal: number,
): Kept<Appointment> {
  return {
    resourceType: 'Appointment',
    id: `${patient.id}-appointment-${ordinal}`,
    status,
    appointmentType: hl7('v2-0276', 'FOLLOWUP', 'A follow up visit from a previous appointment'),
    reasonReference: [to(condition)],
    description: what,
    start,
    end: at(start.slice(0, 10), minutesOf(start) + 30),
    minutesDuration: 30,
    participant: [
      { actor: to(patient, displayName(patient)), status: 'accepted' },
      { actor: to(surgeon, displayName(surgeon)), status: 'accepted' },
      { actor: to(practice.rooms.outpatients), status: 'accepted' },
    ],
  };
}

function minutesOf(dateTime: string): number {
  return Number(dateTime.slice(11, 13)) * 60 + Number(dateTime.slice(14, 16));
}
