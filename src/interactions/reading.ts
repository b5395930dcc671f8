/** What read and vread share: not modified, parts of a resource, raw content. https://hl7.org/fhir/R4/http.html#cread */
import { parseETags } from '../fhir/etag.ts';
import { failure } from '../fhir/outcome.ts';
import type { Version } from '../store/port.ts';
import { binaryAnswer } from './binary.ts';
import type { Answer, Call, Context } from './context.ts';
import { cut, cutOf } from './cut.ts';

/** The answer that gives a version; 304 where the client has it already. */
export function readAnswer(context: Context, call: Call, version: Version, body: Uint8Array): Answer {
  const { type, id, versionId, lastUpdated } = version;
  const about = { type, id };
  if (notModified(call, versionId, lastUpdated)) return { status: 304, version: { versionId, lastUpdated }, about };
  if (call.raw === true && type === 'Binary') return binaryAnswer(call, version, body);
  if (call.parameters.length > 0) {
    const wanted = cutOf(call.parameters);
    if (wanted !== undefined) return { status: 200, body: cut(context, body, wanted), about };
  }
  return { status: 200, version: { versionId, lastUpdated }, body, about };
}

/**
 * Whether `If-None-Match` names the version, or, without that header, `If-Modified-Since` is not before it. The header
 * has whole seconds, so the version's instant is cut to seconds before it is compared.
 */
export function notModified(call: Call, versionId: number, lastUpdated: number): boolean {
  if (call.ifNoneMatch !== undefined) {
    const versions = parseETags(call.ifNoneMatch);
    if (versions === undefined)
      throw failure(400, 'value', 'If-None-Match must be an ETag such as W/"3", a list, or *.');
    return versions === '*' || versions.includes(String(versionId));
  }
  if (call.ifModifiedSince === undefined) return false;
  const since = Date.parse(call.ifModifiedSince);
  return !Number.isNaN(since) && Math.floor(lastUpdated / 1000) * 1000 <= since;
}
