/** Stores a terminology resource by its url and version, as a conditional update does. https://hl7.org/fhir/R4/http.html#cond-update */
import { isExactObject, parseExact, writeExact } from '../../fhir/exact-json.ts';
import type { Call, Context } from '../../interactions/context.ts';
import { perform } from '../../interactions/perform.ts';
import type { Definition } from './definitions.ts';
import { UnusableRelease } from './release.ts';

/**
 * Makes the resource what is stored of its url and version. Where there is none yet it keeps its id, unless another resource has that.
 * @throws OutcomeError where it is refused, UnusableRelease where it has no url.
 */
export async function storeDefinition(context: Context, { path, resource, bytes }: Definition): Promise<void> {
  const { resourceType: type, url, version, id } = resource;
  if (typeof url !== 'string') throw new UnusableRelease(`${path} has no url.`);
  const criteria = new URLSearchParams({ url: escaped(url) });
  if (typeof version === 'string') criteria.set('version', escaped(version));
  else criteria.set('version:missing', 'true');
  const free = id !== undefined && (await context.store.read(type, id)) === undefined;
  const call: Call = {
    interaction: 'update',
    method: 'PUT',
    type,
    parameters: [...criteria],
    query: criteria.toString(),
    body: { bytes: free ? bytes : withoutId(bytes), contentType: 'application/fhir+json' },
    prefer: { return: 'minimal', handling: undefined },
    origin: { agent: 'command line', address: '', requestId: 'terminology' },
  };
  await perform(context, call);
}

function withoutId(bytes: Uint8Array): Uint8Array {
  const resource = parseExact(bytes);
  if (isExactObject(resource)) delete resource.id;
  return writeExact(resource);
}

/** A text as a search value. https://hl7.org/fhir/R4/search.html#escaping */
function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&');
}
