/** Compiles criteria: one function for each kind, so that a new kind fails the type check. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../../search/contained.ts';
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

const compilers: { readonly [K in Criterion['kind']]: (criterion: Of<K>, context: Context) => Condition } = {
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

function compileKind<K extends Criterion['kind']>(kind: K, criterion: Of<K>, context: Context): Condition {
  return compilers[kind](criterion, context);
}

/** What a search on one type is compiled with. */
export type Searched = Pick<Context, 'type' | 'typeNumber' | 'lookUp' | 'rows' | 'at' | 'most'>;

/**
 * A context for the criteria of a search. What lies beside a chain is compiled for resources and for contained ones, each
 * of which may lead to both again: a context is made once for each step and type, and compiles a criterion once.
 */
export function contextOf(searched: Searched, depth = 0, contexts = new Map<string, Context>()): Context {
  const { type, typeNumber, lookUp, rows, at, most } = searched;
  const key = `${depth} ${type}`;
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const compiled = new Map<Criterion, Condition>();
  const context: Context = {
    type,
    typeNumber,
    lookUp,
    numberOf: (parameter) => {
      const number = lookUp.parameter(parameter);
      return number && isContained(type) ? -number : number;
    },
    rows,
    numbers: (query) => rows(query).map(([number]) => Number(number)),
    at,
    alias: depth === 0 ? 'r' : `t${depth}`,
    most,
    on: (other) => {
      const number = lookUp.type(other);
      if (number === undefined) return undefined;
      return contextOf({ ...searched, type: other, typeNumber: number }, depth + 1, contexts);
    },
    compile: (part) => {
      const condition = compiled.get(part) ?? compileKind(part.kind, part, context);
      compiled.set(part, condition);
      return condition;
    },
  };
  contexts.set(key, context);
  return context;
}
