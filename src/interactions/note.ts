/** Leaves the AuditEvents of interactions that no commit carries. https://hl7.org/fhir/R4/auditevent.html */
import type { Answer, Call, Context } from './context.ts';

/** Notes what an interaction came to; `answer` is absent where it failed. */
export function note(context: Context, call: Call, status: number, answer?: Answer): void {
  if (call.interaction === 'capabilities') return;
  const type = answer?.about?.type ?? call.type ?? '';
  const id = answer?.about?.id ?? call.id ?? '';
  const patient = answer?.about?.patient ?? (type === 'Patient' ? id : '');
  const record = context.audit.record({ call, status, type, id, patient });
  if (record !== undefined) context.audit.append(record);
}
