/** A `_filter` as a criterion. https://hl7.org/fhir/R4/search_filter.html */
import type { OutcomeError } from '../../fhir/outcome.ts';
import { canonicalTarget } from '../canonical-target.ts';
import { precisionCode } from '../companion.ts';
import type { Criterion } from '../criteria.ts';
import { type LowerContext, refuse } from '../lower/context.ts';
import { type Path, targetTypes, type UnknownName } from '../lower/name.ts';
import type { Uses } from '../lower/once.ts';
import { mayBeUri } from '../lower/reference.ts';
import { lowerWords, wordsScopes } from '../lower/words.ts';
import { nearest } from '../nearest.ts';
import type { ParameterRegistry, SearchParameter } from '../registry.ts';
import { lowerComparison } from './compare.ts';
import { checkWordsOperator } from './operators.ts';
import { parseFilter } from './parse.ts';
import { isRepetition, lowerRepetition } from './repetition.ts';
import type { Filter, FilterTest } from './tree.ts';

/** How often types are looked at for the names of chains: each step may lead to many types. */
const mostLooks = 5000;
/** References that follow each other, in brackets too, beyond which no server's data go. */
const mostFollowed = 11;

interface Scope extends Path {
  /** Counts a look at a type. Throws 400 when they are too many. */
  readonly spend: () => void;
  /** How many references lead to the type that is looked at. */
  readonly followed: number;
  /** Uses of parameters at it. */
  readonly uses: Uses;
}

/**
 * The criterion on resources of a type that a filter means. Throws 400 for a malformed filter, for names that the type
 * doesn't have, for operators and values that don't fit the parameter, and for a parameter that `uses` of the query may not have
 * once more.
 */
export function lowerFilter(text: string, type: string, path: Path, uses: Uses): Criterion {
  let looks = 0;
  const spend = (): void => {
    path.context.allowance.look();
    looks += 1;
    if (looks > mostLooks)
      throw refuse('too-costly', '_filter: its chains lead to too many types; follow fewer references.');
  };
  return lower(parseFilter(text), type, { ...path, spend, followed: 0, uses });
}

function lower(filter: Filter, type: string, scope: Scope): Criterion {
  scope.spend();
  switch (filter.kind) {
    case 'and':
      return { kind: 'and', of: filter.of.map((part) => lower(part, type, scope)) };
    case 'or':
      return anyOf(scope.uses.ofAlternatives(filter.of, (part, uses) => lower(part, type, { ...scope, uses })));
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
  const words = rest.length === 0 ? wordsScopes.get(first?.name ?? '') : undefined;
  if (words !== undefined) {
    checkWordsOperator(test.operator, context);
    return lowerWords([test.value], words, context);
  }
  const parameter = scope.registry.get(type, first?.name ?? '');
  if (parameter === undefined) throw unknown({ type, code: first?.name ?? '' }, scope.registry, context);
  scope.uses.add(parameter);
  // While what it compares with is still being indexed, the registry refuses to give it.
  if (rest.length === 0 && test.operator === 'co' && parameter.kind === 'number')
    scope.registry.get(type, precisionCode(parameter.code));
  if (rest.length === 0) return lowerComparison(test, parameter, context);
  return lowerChain(test, parameter, { ...scope, context });
}

/** A chain to each type that the path's first name leads to and that has all names behind it. */
function lowerChain(test: FilterTest, parameter: SearchParameter, scope: Scope): Criterion {
  if (scope.followed === mostFollowed)
    throw refuse('too-costly', `${scope.context.name}: at most ${mostFollowed} references follow each other.`);
  const thereOf = (target: string): Scope => {
    return { ...scope, followed: scope.followed + 1, uses: scope.uses.behind(`${parameter.code}:${target}`) };
  };
  const behind = behindFirst(test);
  const lacking: UnknownName[] = [];
  const of: Criterion[] = [];
  for (const target of targetTypes({ code: parameter.code, modifier: undefined }, parameter, scope)) {
    const unknownThere = unknownIn(behind, target, scope);
    if (unknownThere !== undefined) {
      lacking.push(unknownThere);
      continue;
    }
    const canonical = mayBeUri(parameter) ? canonicalTarget(target, scope.registry) : undefined;
    of.push({
      kind: 'chain',
      parameter: parameter.parameter,
      target,
      canonical,
      of: lower(behind, target, thereOf(target)),
    });
  }
  const [only] = of;
  const [first] = lacking;
  if (only === undefined && first !== undefined) throw unknown(first, scope.registry, scope.context);
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/** What holds where the path's first name leads to: the filter in its brackets, and the comparison behind it. */
function behindFirst({ path: [first, ...rest], ...test }: FilterTest): Filter {
  const behind: Filter = { ...test, path: rest };
  return first?.within === undefined ? behind : { kind: 'and', of: [first.within, behind] };
}

/** The first name that a type doesn't have, nor any type that the names before lead to; undefined where all are known. */
function unknownIn(filter: Filter, type: string, scope: Scope): UnknownName | undefined {
  scope.spend();
  if (filter.kind === 'not') return unknownIn(filter.of, type, scope);
  if (filter.kind !== 'test') {
    for (const part of filter.of) {
      const found = unknownIn(part, type, scope);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (isRepetition(filter, type)) return undefined;
  const code = filter.path[0]?.name ?? '';
  if (wordsScopes.has(code) && filter.path.length === 1) return undefined;
  const parameter = scope.registry.get(type, code);
  if (parameter === undefined) return { type, code };
  if (filter.path.length === 1) return undefined;
  let unknownThere: UnknownName | undefined;
  const behind = behindFirst(filter);
  for (const target of targetTypes({ code, modifier: undefined }, parameter, scope)) {
    const found = unknownIn(behind, target, scope);
    if (found === undefined) return undefined;
    unknownThere ??= found;
  }
  return unknownThere;
}

function unknown({ type, code }: UnknownName, registry: ParameterRegistry, context: LowerContext): OutcomeError {
  const codes = registry.of(type).map((each) => each.code);
  const names = nearest(code, codes).join(', ');
  return refuse(
    'invalid',
    `${context.name}: ${type} has no search parameter "${code.slice(0, 80)}"; nearest: ${names}.`,
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
