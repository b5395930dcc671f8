/** Reads one version of a resource. https://hl7.org/fhir/R4/http.html#vread */
import { failure } from '../fhir/outcome.ts';
import { readAuditEvent } from './audit-event.ts';
import type { Answer, Call, Context } from './context.ts';
import { gone } from './read.ts';
import { readAnswer } from './reading.ts';

/** 200 or 304; 404 for an unknown version, 410 for the version that is a deletion. */
export async function vread(context: Context, call: Call): Promise<Answer> {
  const { type = '', id = '', versionId = '' } = call;
  const number = /^[1-9][0-9]{0,15}$/.test(versionId) ? Number(versionId) : undefined;
  let version = number === undefined ? undefined : await context.store.vread(type, id, number);
  if (version === undefined && type === 'AuditEvent' && number === 1) version = await readAuditEvent(context, id);
  if (version === undefined) throw failure(404, 'not-found', `There is no version ${versionId} of ${type}/${id}.`);
  if (version.body === undefined) throw gone(version);
  return readAnswer(context, call, version, version.body);
}
