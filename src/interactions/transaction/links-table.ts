/** Where the links of a transaction lead. https://hl7.org/fhir/R4/bundle.html#references */
import { parseReference } from '../../fhir/reference.ts';
import type { Context } from '../context.ts';
import type { Resolved } from './resolve.ts';

/** Where links of a bundle lead. */
export interface LinkTable {
  /** `Type/id` of what an entry writes or found, by its fullUrl. */
  readonly byFullUrl: ReadonlyMap<string, string>;
  /** The same by the old `Type/id` of a fullUrl, where the entry's URL names no id: the resource may have another one here. */
  readonly byOldReference: ReadonlyMap<string, string>;
}

/** The links to each entry that writes. Those that only read or delete are no targets. */
export function linkTable(context: Context, resolved: readonly Resolved[]): LinkTable {
  const byFullUrl = new Map<string, string>();
  const byOldReference = new Map<string, string>();
  for (const { entry, action } of resolved) {
    const target = targetOf(action);
    if (target === undefined || entry.fullUrl === undefined) continue;
    byFullUrl.set(entry.fullUrl, target);
    const old = entry.call.id === undefined ? oldReference(context, entry.fullUrl) : undefined;
    if (old !== undefined && !byOldReference.has(old)) byOldReference.set(old, target);
  }
  return { byFullUrl, byOldReference };
}

/**
 * What a link becomes; undefined: it stays. A relative reference means the server that the fullUrl of its own entry names
 * (https://hl7.org/fhir/R4/bundle.html#references); where the bundle has nothing of that server under it, any other's.
 */
export function linkTarget({ byFullUrl, byOldReference }: LinkTable, text: string, from?: string): string | undefined {
  const direct = byFullUrl.get(text);
  if (direct !== undefined || byOldReference.size === 0) return direct;
  const server = from === undefined ? null : restful.exec(from);
  const relative = server === null ? undefined : byFullUrl.get(`${server[1]}${text}`);
  return relative ?? byOldReference.get(text);
}

/** The base of a URL that ends in `Type/id`. */
const restful = /^(https?:\/\/.*\/)[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

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
  if (fullUrl.startsWith('urn:')) return undefined;
  const parsed = parseReference(fullUrl, context.settings.baseUrl);
  if (parsed.kind === 'local') return `${parsed.type}/${parsed.id}`;
  const [id, type] = fullUrl.split('/').reverse();
  return type !== undefined && context.definitions.resourceTypes.has(type) ? `${type}/${id}` : undefined;
}
