/** Compiles criteria: one function for each kind, so that a new kind fails the type check. https://hl7.org/fhir/R4/search.html */
import type { Criterion } from '../../../search/criteria.ts';
import { and } from './and.ts';
import { chain } from './chain.ts';
import type { Condition, Context } from './condition.ts';
import { contains } from './contains.ts';
import { has } from './has.ts';
import { hierarchy } from './hierarchy.ts';
import { id } from './id.ts';
import { lastUpdated } from './last-updated.ts';
import { missing } from './missing.ts';
import { not } from './not.ts';
import { or } from './or.ts';
import { referenced } from './referenced.ts';
import { differs, value } from './value.ts';
import { words } from './words.ts';

type Of<K extends Criterion['kind']> = Extract<Criterion, { kind: K }>;

const compilers: {
  readonly [K in Criterion['kind']]: (criterion: Of<K>, context: Context) => Condition | Promise<Condition>;
} = {
  and,
  or,
  not,
  value,
  differs,
  missing,
  id,
  lastUpdated,
  referenced,
  chain,
  has,
  words,
  hierarchy,
  contains,
};

/** A criterion on resources of the context's type. Throws TooCostly where too many others would have to be looked at. */
export async function compile<K extends Criterion['kind']>(
  kind: K,
  criterion: Of<K>,
  context: Context,
): Promise<Condition> {
  return compilers[kind](criterion, context);
}
