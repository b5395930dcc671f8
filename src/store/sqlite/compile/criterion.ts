/** Compiles criteria: one function for each kind, so that a new kind fails the type check. https://hl7.org/fhir/R4/search.html */
import type { Criterion } from '../../../search/criteria.ts';
import { and } from './and.ts';
import type { Condition, Context } from './condition.ts';
import { hierarchy } from './hierarchy.ts';
import { id } from './id.ts';
import { lastUpdated } from './last-updated.ts';
import { missing } from './missing.ts';
import { not } from './not.ts';
import { or } from './or.ts';
import { referenced } from './referenced.ts';
import { value } from './value.ts';

type Of<K extends Criterion['kind']> = Extract<Criterion, { kind: K }>;

const compilers: { readonly [K in Criterion['kind']]: (criterion: Of<K>, context: Context) => Condition } = {
  and,
  or,
  not,
  value,
  missing,
  id,
  lastUpdated,
  referenced,
  hierarchy,
};

function compileKind<K extends Criterion['kind']>(kind: K, criterion: Of<K>, context: Context): Condition {
  return compilers[kind](criterion, context);
}

/** A criterion on resources of the context's type as a condition. */
export function compile(criterion: Criterion, context: Omit<Context, 'compile'>): Condition {
  const { type, typeNumber, lookUp, numbers, at } = context;
  const whole: Context = {
    type,
    typeNumber,
    lookUp,
    numbers,
    at,
    compile: (part) => compileKind(part.kind, part, whole),
  };
  return whole.compile(criterion);
}
