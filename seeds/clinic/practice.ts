/** The clinic itself: https://hl7.org/fhir/R4/administration-module.html */
import type { Location, Medication, Organization, Practitioner, PractitionerRole } from '@medplum/fhirtypes';
import { medications } from './complaints.ts';
import { coding, concept, hl7, own, type SeedResource, snomed, to } from './elements.ts';
import { familyNames, femaleNames, maleNames } from './people.ts';
import type { Random } from './random.ts';

type Kept<T> = T & { readonly id: string };

export interface Practice {
  readonly clinic: Kept<Organization>;
  readonly insurer: Kept<Organization>;
  readonly rooms: {
    readonly outpatients: Kept<Location>;
    readonly theatre: Kept<Location>;
    readonly ward: Kept<Location>;
  };
  readonly surgeons: readonly Kept<Practitioner>[];
  readonly anaesthetist: Kept<Practitioner>;
  readonly physiotherapists: readonly Kept<Practitioner>[];
  readonly radiologist: Kept<Practitioner>;
  readonly medications: readonly Kept<Medication>[];
  /** All of it, in an order in which references point backwards. */
  readonly resources: readonly SeedResource[];
}

const professions = [
  {
    post: 'surgeon-1',
    title: 'Dr.',
    code: ['394801008', 'Trauma and orthopedics'],
    role: ['doctor', 'Doctor'],
    what: 'Orthopaedic surgeon, knee',
  },
  {
    post: 'surgeon-2',
    title: 'Dr.',
    code: ['394801008', 'Trauma and orthopedics'],
    role: ['doctor', 'Doctor'],
    what: 'Orthopaedic surgeon, hip',
  },
  {
    post: 'surgeon-3',
    title: 'Dr.',
    code: ['394801008', 'Trauma and orthopedics'],
    role: ['doctor', 'Doctor'],
    what: 'Orthopaedic surgeon, shoulder',
  },
  {
    post: 'anaesthetist-1',
    title: 'Dr.',
    code: ['394577000', 'Anesthetics'],
    role: ['doctor', 'Doctor'],
    what: 'Anaesthetist',
  },
  {
    post: 'physiotherapist-1',
    title: undefined,
    code: ['722138006', 'Physiotherapy'],
    role: undefined,
    what: 'Physiotherapist',
  },
  {
    post: 'physiotherapist-2',
    title: undefined,
    code: ['722138006', 'Physiotherapy'],
    role: undefined,
    what: 'Physiotherapist',
  },
  {
    post: 'radiologist-1',
    title: 'Dr.',
    code: ['394914008', 'Radiology'],
    role: ['doctor', 'Doctor'],
    what: 'Radiologist',
  },
  { post: 'nurse-1', title: undefined, code: undefined, role: ['nurse', 'Nurse'], what: 'Orthopaedic nurse' },
] as const;

/** The clinic, its rooms, staff and formulary. */
export function createPractice(random: Random): Practice {
  const clinic: Kept<Organization> = {
    resourceType: 'Organization',
    id: 'alder-bay-orthopaedics',
    identifier: [{ system: `${own}/organization`, value: 'ABO' }],
    active: true,
    type: [hl7('organization-type', 'prov', 'Healthcare Provider')],
    name: 'Alder Bay Orthopaedic Clinic',
    telecom: [{ system: 'phone', value: '+1-207-555-0100', use: 'work' }],
    address: [{ line: ['1 Lighthouse Row'], city: 'Alder Bay', state: 'ME', postalCode: '04990', country: 'US' }],
  };
  const insurer: Kept<Organization> = {
    resourceType: 'Organization',
    id: 'harbour-mutual',
    identifier: [{ system: `${own}/organization`, value: 'HM' }],
    active: true,
    type: [hl7('organization-type', 'pay', 'Payer')],
    name: 'Harbour Mutual Health Plan',
  };
  const room = (
    id: string,
    name: string,
    form: readonly [string, string],
    type: readonly [string, string],
  ): Kept<Location> => ({
    resourceType: 'Location',
    id,
    status: 'active',
    name,
    mode: 'instance',
    type: [hl7('v3-RoleCode', type[0], type[1])],
    physicalType: hl7('location-physical-type', form[0], form[1]),
    managingOrganization: to(clinic),
  });
  const rooms = {
    outpatients: room('outpatients', 'Outpatient clinic', ['wi', 'Wing'], ['ORTHO', 'Orthopedics clinic']),
    theatre: room('theatre-1', 'Operating theatre 1', ['ro', 'Room'], ['SU', 'Surgery clinic']),
    ward: room('ward-a', 'Ward A', ['wa', 'Ward'], ['HU', 'Hospital unit']),
  };
  const staff: Kept<Practitioner>[] = [];
  const roles: Kept<PractitionerRole>[] = [];
  for (const [index, { post, title, code, role, what }] of professions.entries()) {
    const female = index % 2 === 0;
    const given = random.pick(female ? femaleNames : maleNames);
    const family = familyNames[(index * 5 + 3) % familyNames.length] ?? 'Abernethy';
    const practitioner: Kept<Practitioner> = {
      resourceType: 'Practitioner',
      id: post,
      identifier: [{ system: `${own}/staff`, value: `S${1001 + index}` }],
      active: true,
      name: [{ use: 'official', family, given: [given], ...(title === undefined ? {} : { prefix: [title] }) }],
      telecom: [{ system: 'phone', value: `+1-207-555-01${String(index + 1).padStart(2, '0')}`, use: 'work' }],
      gender: female ? 'female' : 'male',
    };
    staff.push(practitioner);
    roles.push({
      resourceType: 'PractitionerRole',
      id: `${post}-role`,
      active: true,
      practitioner: to(practitioner, displayName(practitioner)),
      organization: to(clinic),
      code: [role === undefined ? { text: what } : { ...hl7('practitioner-role', role[0], role[1]), text: what }],
      ...(code === undefined ? {} : { specialty: [concept([coding(snomed, code[0], code[1])])] }),
      location: [to(rooms.outpatients)],
    });
  }
  const formulary = medications.map(
    (medication): Kept<Medication> => ({
      resourceType: 'Medication',
      id: medication.id,
      code: concept([medication.code]),
      status: 'active',
    }),
  );
  const [knee, hip, shoulder, anaesthetist, physiotherapist, secondPhysiotherapist, radiologist] = staff;
  if (!knee || !hip || !shoulder || !anaesthetist || !physiotherapist || !secondPhysiotherapist || !radiologist)
    throw new RangeError('the clinic is short of staff');
  return {
    clinic,
    insurer,
    rooms,
    surgeons: [knee, hip, shoulder],
    anaesthetist,
    physiotherapists: [physiotherapist, secondPhysiotherapist],
    radiologist,
    medications: formulary,
    resources: [clinic, insurer, rooms.outpatients, rooms.theatre, rooms.ward, ...staff, ...roles, ...formulary],
  };
}

/** A person's name as a reference displays it. */
export function displayName(person: Pick<Practitioner, 'name'>): string {
  const name = person.name?.[0];
  return [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family ?? ''].join(' ').trim();
}
