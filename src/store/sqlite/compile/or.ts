/** Any of several criteria. https://hl7.org/fhir/R4/search.html#combining */
import type { OrCriterion } from '../../../search/criteria.ts';
import { any } from '../sql.ts';
import { type Condition, type Context, impossible, isImpossible } from './condition.ts';
import { union } from './value.ts';

/** How many queries SQLite unites, with room for those of each. */
const mostDrives = 40;

export function or({ of }: OrCriterion, context: Context): Condition {
  return either(of.map((part) => context.compile(part)));
}

/** Passed by what passes any of the conditions. */
export function either(conditions: readonly Condition[]): Condition {
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  const possible = conditions.filter((condition) => !isImpossible(condition));
  if (possible.length === 0) return impossible;
  const test: Condition['test'] = (subject) => any(possible.map((condition) => condition.test(subject)));
  const usesResource = possible.some((condition) => condition.usesResource);
  const drives = possible.flatMap(({ drive }) => drive ?? []);
  if (drives.length < possible.length || drives.length > mostDrives) return { test, usesResource };
  return { test, usesResource, drive: union(drives) };
}
