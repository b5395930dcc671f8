/** Resources that refer to one owner, found by profile and time. https://hl7.org/fhir/R4/profiling.html */
import type { ExactObject } from '../../fhir/exact-json.ts';
import { profilesOf, timeOf } from '../../tabular/row.ts';

export type ByProfile<T> = ReadonlyMap<string, readonly T[]>;

export const profileKey = (profile: string, time: string | undefined) => `${profile} ${time ?? ''}`;

/** Resources by the keys of their profiles and their time; without those that are deleted. */
export function byProfile<T extends { readonly tree: ExactObject | undefined }>(resources: readonly T[]): ByProfile<T> {
  const found = new Map<string, T[]>();
  for (const each of resources) {
    if (each.tree === undefined) continue;
    const time = timeOf(each.tree);
    for (const profile of profilesOf(each.tree)) {
      const key = profileKey(String(profile), time);
      const same = found.get(key);
      if (same === undefined) found.set(key, [each]);
      else same.push(each);
    }
  }
  return found;
}
