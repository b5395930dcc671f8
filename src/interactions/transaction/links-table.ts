/** Where the links of a transaction lead. https://hl7.org/fhir/R4/bundle.html#references */
import { parseReference } from '../../fhir/reference.ts';
import type { Context } from '../context.ts';
import type { Resolved } from './resolve.ts';

/** `Type/id` of what an entry writes or found, by everything that a link to it may look like. */
export type LinkTable = ReadonlyMap<string, string>;

/**
 * The fullUrl of each entry that writes, and, where a POST gives a resource a new id, the relative and the absolute
 * reference to its old one.
 */
export function linkTable(context: Context, resolved: readonly Resolved[]): LinkTable {
  const links = new Map<string, string>();
  for (const { entry, action } of resolved) {
    const target = targetOf(action);
    if (target === undefined || entry.fullUrl === undefined) continue;
    links.set(entry.fullUrl, target);
    if (entry.call.method !== 'POST' || entry.fullUrl.startsWith('urn:')) continue;
    const old = oldReference(context, entry.fullUrl);
    if (old !== undefined && !links.has(old)) links.set(old, target);
  }
  return links;
}

function targetOf(action: Resolved['action']): string | undefined {
  switch (action.kind) {
    case 'put':
    case 'same':
      return `${action.type}/${action.id}`;
    case 'found':
      return `${action.version.type}/${action.version.id}`;
    default:
      return undefined;
  }
}

/** `Patient/123` of `http://server/fhir/Patient/123`. */
function oldReference(context: Context, fullUrl: string): string | undefined {
  const parsed = parseReference(fullUrl, context.settings.baseUrl);
  if (parsed.kind === 'local') return `${parsed.type}/${parsed.id}`;
  const [id, type] = fullUrl.split('/').reverse();
  return type !== undefined && context.definitions.resourceTypes.has(type) ? `${type}/${id}` : undefined;
}
