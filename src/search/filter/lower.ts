/** A `_filter` as a criterion. https://hl7.org/fhir/R4/search_filter.html */
import type { Criterion } from '../criteria.ts';
import { type LowerContext, refuse } from '../lower/context.ts';
import { nearest } from '../nearest.ts';
import type { ParameterRegistry, SearchParameter } from '../registry.ts';
import { lowerComparison } from './compare.ts';
import { parseFilter } from './parse.ts';
import { lowerRepetition } from './repetition.ts';
import type { Filter, FilterTest } from './tree.ts';

interface Scope {
  readonly registry: ParameterRegistry;
  readonly context: LowerContext;
}

/**
 * The criterion on resources of a type that a filter means. Throws 400 for a malformed filter, for names that the type
 * doesn't have, and for operators and values that don't fit the parameter.
 */
export function lowerFilter(text: string, type: string, registry: ParameterRegistry, context: LowerContext): Criterion {
  return lower(parseFilter(text), type, { registry, context });
}

function lower(filter: Filter, type: string, scope: Scope): Criterion {
  switch (filter.kind) {
    case 'and':
      return { kind: 'and', of: filter.of.map((part) => lower(part, type, scope)) };
    case 'or':
      return anyOf(filter.of.map((part) => lower(part, type, scope)));
    case 'not':
      return { kind: 'not', of: lower(filter.of, type, scope) };
    case 'test':
      return lowerTest(filter, type, scope);
  }
}

function lowerTest(test: FilterTest, type: string, scope: Scope): Criterion {
  const [first, ...rest] = test.path;
  const context = { ...scope.context, name: `_filter: ${written(test)}` };
  const repetition = lowerRepetition(test, type, scope.registry, context);
  if (repetition !== undefined) return repetition;
  const parameter = parameterOf(first?.name ?? '', type, scope.registry, context);
  if (first?.within !== undefined || rest.length > 0) return lowerChain(test, parameter, { ...scope, context });
  return lowerComparison(test, parameter, context);
}

/**
 * MERGE: a chain. `parameter` is that of the path's first name. For each type that it leads to and that has all names: the
 * chain criterion of (`lower(first.within)`, if there is one, AND `lowerTest` of the path's rest) on that type.
 */
function lowerChain(_test: FilterTest, parameter: SearchParameter, { context }: Scope): Criterion {
  if (parameter.kind !== 'reference')
    throw refuse('invalid', `${context.name}: ${parameter.code} is no reference; nothing can follow it.`);
  throw refuse('not-supported', `${context.name}: chained parameters are not supported yet.`);
}

function parameterOf(name: string, type: string, registry: ParameterRegistry, context: LowerContext): SearchParameter {
  const parameter = registry.get(type, name);
  if (parameter !== undefined) return parameter;
  const codes = registry.of(type).map(({ code }) => code);
  const names = nearest(name, codes).join(', ');
  throw refuse(
    'invalid',
    `${context.name}: ${type} has no search parameter "${name.slice(0, 80)}"; nearest: ${names}.`,
  );
}

/** Any of the criteria; those on the values of one parameter become one, which stores find together. */
function anyOf(criteria: readonly Criterion[]): Criterion {
  const of: Criterion[] = [];
  for (const each of criteria) {
    const place = of.findIndex(
      (other) => other.kind === 'value' && each.kind === 'value' && other.parameter === each.parameter,
    );
    const other = of[place];
    if (other?.kind === 'value' && each.kind === 'value') {
      of[place] = { ...other, anyOf: [...other.anyOf, ...each.anyOf] };
    } else of.push(each);
  }
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/** A comparison without its value and what stands in brackets, for messages. */
function written({ path, operator }: FilterTest): string {
  const names = path.map(({ name, within }) => (within === undefined ? name : `${name}[…]`)).join('.');
  return `${names.slice(0, 80)} ${operator}`;
}
