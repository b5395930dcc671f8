/** What read and vread share: not modified, parts of a resource, raw content. https://hl7.org/fhir/R4/http.html#cread */
import { parseETags } from '../fhir/etag.ts';
import { failure } from '../fhir/outcome.ts';
import { generalParameters } from '../search/result-parameters.ts';
import type { Version } from '../store/port.ts';
import { binaryAnswer } from './binary.ts';
import { patientConcerned } from './concerned.ts';
import type { Answer, Call, Context } from './context.ts';
import { type Cut, cut, cutOf } from './cut.ts';

const cutParameters: ReadonlySet<string> = new Set(['_summary', '_elements']);

/**
 * The part of a resource that a read's parameters ask for; undefined: the whole.
 * Throws 400 for parameters that it would ignore, unless handling is lenient, and what `cutOf` throws.
 */
export function readCut(context: Context, call: Call): Cut | undefined {
  const { parameters, prefer, type = '' } = call;
  if (parameters.length === 0) return undefined;
  for (const [name] of parameters) {
    if (cutParameters.has(name) || generalParameters.has(name) || prefer.handling === 'lenient') continue;
    if (context.settings.ignoredParameters.includes(name)) continue;
    const text = `A ${call.interaction} takes no parameter "${name.slice(0, 80)}"; criteria go where the URL has no id.`;
    throw failure(400, 'not-supported', text);
  }
  return cutOf(context, parameters, [type]);
}

/** The answer that gives a version, or a part of it; 304 where the client has it already. */
export function readAnswer(context: Context, call: Call, version: Version, body: Uint8Array): Answer {
  const { type, id, versionId, lastUpdated } = version;
  const about = { type, id, patient: patientConcerned(type, id, body) };
  const wanted = readCut(context, call);
  // A part has no tag that a client could name, so it is never "not modified".
  if (wanted !== undefined) return { status: 200, body: cut(context, body, wanted), about };
  if (notModified(call, versionId, lastUpdated)) return { status: 304, version: { versionId, lastUpdated }, about };
  if (call.raw === true && type === 'Binary') return binaryAnswer(call, version, body);
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
