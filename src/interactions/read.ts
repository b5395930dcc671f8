/** Reads the current version of a resource. https://hl7.org/fhir/R4/http.html#read */
import { etag } from '../fhir/etag.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { Version } from '../store/port.ts';
import { readAuditEvent } from './audit-event.ts';
import type { Answer, Call, Context } from './context.ts';
import { readAnswer } from './reading.ts';

/** 200 or 304; 404 for an unknown id, 410 with the deletion's ETag for a deleted one. */
export async function read(context: Context, call: Call): Promise<Answer> {
  const { type = '', id = '' } = call;
  const { version, body } = await currentOf(context, type, id);
  return readAnswer(context, call, version, body);
}

/** The current version of a resource, or of an AuditEvent of the server's own. Throws 404 and 410. */
export async function currentOf(
  context: Context,
  type: string,
  id: string,
): Promise<{ readonly version: Version; readonly body: Uint8Array }> {
  let version = await context.store.read(type, id);
  if (version === undefined && type === 'AuditEvent') version = await readAuditEvent(context, id);
  if (version === undefined) throw failure(404, 'not-found', `There is no ${type} with the id ${id}.`);
  const { body } = version;
  if (body === undefined) throw gone(version);
  return { version, body };
}

/** 410 for a deletion. */
export function gone(version: Version): OutcomeError {
  const { type, id, versionId } = version;
  const text = `${type}/${id} was deleted with version ${versionId}; earlier versions can still be read.`;
  return new OutcomeError(410, [{ severity: 'error', code: 'deleted', diagnostics: text }], { ETag: etag(versionId) });
}
