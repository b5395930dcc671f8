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

/** A context for the criteria of a search. */
export function contextOf(searched: Searched, depth = 0): Context {
  const { type, typeNumber, lookUp, rows, at, most } = searched;
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
      return number === undefined ? undefined : contextOf({ ...searched, type: other, typeNumber: number }, depth + 1);
    },
    compile: (part) => compileKind(part.kind, part, context),
  };
  return context;
}
