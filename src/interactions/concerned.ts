/** Which patient an interaction concerns, for its AuditEvent. https://hl7.org/fhir/R4/auditevent.html */
import { patientIn } from '../fhir/definitions/patient.ts';
import type { Criterion } from '../search/criteria.ts';
import type { SearchPart } from '../search/query.ts';
import type { Context } from './context.ts';

/**
 * The patient that a stored version of a resource concerns; '' for none, and for AuditEvents: to look at the trail is no
 * use of the patient's data.
 */
export function patientConcerned(type: string, id: string, body: Uint8Array | undefined): string {
  if (type === 'Patient') return id;
  return body === undefined || type === 'AuditEvent' ? '' : patientIn(type, body);
}

/** The same of the current version of a resource. */
export async function patientOfStored({ store }: Context, type: string, id: string): Promise<string> {
  if (type === 'Patient') return id;
  const version = await store.read(type, id);
  return patientConcerned(type, id, version?.body);
}

/** The one patient whose data a search asks for; '' where it names none or several, and for AuditEvents. */
export function patientSought(parts: readonly SearchPart[]): string {
  const patients = new Set(parts.map(({ type, criterion }) => (type === 'AuditEvent' ? '' : named(criterion, type))));
  const [patient = ''] = patients;
  return patients.size === 1 ? patient : '';
}

function named(criterion: Criterion, type: string): string {
  switch (criterion.kind) {
    case 'and':
      return criterion.of.map((part) => named(part, type)).find((patient) => patient !== '') ?? '';
    case 'id':
      return type === 'Patient' && criterion.ids.length === 1 ? (criterion.ids[0] ?? '') : '';
    case 'value': {
      const [test, another] = criterion.anyOf;
      return another === undefined && test?.kind === 'reference' && test.type === 'Patient' ? test.id : '';
    }
    default:
      return '';
  }
}
