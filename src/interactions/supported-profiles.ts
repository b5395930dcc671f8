/** The profiles that resources can be checked against, for the capability statement. https://hl7.org/fhir/R4/profiling.html#profile-uses */
import type { JsonObject } from '../fhir/resource.ts';
import { contentOf } from './canonical.ts';
import type { Context } from './context.ts';
import { storedOf } from './in-use.ts';

/** The resource type that a StructureDefinition constrains, and its url; undefined for one that is no profile of a resource. */
export function profiled(definition: JsonObject): { readonly type: string; readonly url: string } | undefined {
  const { derivation, kind, status, type, url } = definition;
  if (derivation !== 'constraint' || kind !== 'resource' || status === 'retired') return undefined;
  return typeof type === 'string' && typeof url === 'string' ? { type, url } : undefined;
}

/** URLs of the profiles that are stored or lie in files, by resource type, sorted. */
export async function supportedProfiles(context: Context): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = [...(context.filed?.profiles?.() ?? [])];
  for await (const stored of storedOf(context, 'StructureDefinition')) {
    const profile = profiled(contentOf(stored));
    if (profile !== undefined) found.push(profile);
  }
  const byType = new Map<string, Set<string>>();
  for (const { type, url } of found) byType.set(type, (byType.get(type) ?? new Set()).add(url));
  return new Map([...byType].map(([type, urls]) => [type, [...urls].sort()]));
}
