/** Applies a history Bundle to this server, oldest version first. https://hl7.org/fhir/R4/http.html#other-bundles */
import { type BundleOutline, type EntryOutline, resourceTypeOf } from '../fhir/json.ts';
import { peekString } from '../fhir/json-scan.ts';
import { failure } from '../fhir/outcome.ts';
import { isObject } from '../fhir/resource.ts';
import { answerEntries } from './batch.ts';
import type { Answer, Call, Context } from './context.ts';
import { respond } from './transaction/respond.ts';
import type { Perform } from './transaction/transaction.ts';

/**
 * A history lists the newest version first, and a resource may come several times. So each version becomes an update of
 * its resource, or a deletion, in the order in which they happened, each by itself: what can't be applied answers with its
 * outcome. The answer has an entry for each one of the request, in its order.
 */
export async function replay(context: Context, call: Call, outline: BundleOutline, perform: Perform): Promise<Answer> {
  const oldestFirst = [...outline.entries.entries()].toReversed();
  const answers = await answerEntries(context, call, oldestFirst, perform, asUpdate);
  return respond(context, 'batch-response', answers);
}

/**
 * A POST is the first version of a resource whose id is known, a PATCH one that is there whole: both become updates. The
 * versions are this server's own, so preconditions on those of the other one are left out. Throws 400 for a resource
 * without id: nobody could tell whose version it is.
 */
function asUpdate(entry: EntryOutline, index: number): EntryOutline {
  const { request, ...members } = entry.members;
  if (!isObject(request)) return entry;
  const { method, url } = request;
  if (method === 'DELETE' || entry.resource === undefined) {
    return { ...entry, members: { ...members, request: { method, url } } };
  }
  const type = resourceTypeOf(entry.resource);
  const id = peekString(entry.resource, 'id');
  if (type !== undefined && id !== undefined) {
    return { ...entry, members: { ...members, request: { method: 'PUT', url: `${type}/${encodeURIComponent(id)}` } } };
  }
  throw failure(
    400,
    'required',
    'A version in a history needs resourceType and id.',
    `Bundle.entry[${index}].resource`,
  );
}
