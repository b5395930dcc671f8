/** Applies a history Bundle to this server, oldest version first. https://hl7.org/fhir/R4/http.html#transaction */
import type { BundleOutline, EntryOutline } from '../fhir/json.ts';
import { resourceTypeOf } from '../fhir/json.ts';
import { isObject } from '../fhir/resource.ts';
import { batch } from './batch.ts';
import type { Answer, Call, Context } from './context.ts';
import type { Perform } from './transaction/transaction.ts';

/**
 * A history lists the newest version first; here each version becomes an update of its resource, or a deletion, in the
 * order in which they happened. The answer's entries are in that order too.
 */
export function replay(context: Context, call: Call, outline: BundleOutline, perform: Perform): Promise<Answer> {
  const entries = outline.entries.toReversed().map((entry) => asUpdate(entry));
  return batch(context, call, { members: outline.members, entries }, perform);
}

/** A POST of a history is the first version of a resource whose id is known: an update-as-create. */
function asUpdate(entry: EntryOutline): EntryOutline {
  const { request, fullUrl } = entry.members;
  if (!isObject(request) || entry.resource === undefined) return entry;
  const type = resourceTypeOf(entry.resource);
  const id = typeof fullUrl === 'string' ? fullUrl.split('/').at(-1) : undefined;
  if (request.method === 'DELETE' || type === undefined || id === undefined) return entry;
  return { ...entry, members: { ...entry.members, request: { method: 'PUT', url: `${type}/${id}` } } };
}
