/** Names of parameters followed to what they mean: plain ones, chains and reverse chains. https://hl7.org/fhir/R4/search.html#chaining */
import { canonicalTarget } from '../canonical-target.ts';
import type { Criterion } from '../criteria.ts';
import { nearest } from '../nearest.ts';
import type { NameStep } from '../parse/name.ts';
import type { QueryParameter } from '../parse/parameter.ts';
import type { ParameterRegistry, SearchParameter } from '../registry.ts';
import { type LowerContext, refuse } from './context.ts';
import { lowerParameter } from './criterion.ts';
import { lowerList } from './list.ts';
import { checkModifier } from './modifier.ts';
import type { Uses } from './once.ts';
import { mayBeUri, possibleTypes, targetsOf } from './reference.ts';
import { lowerWords, wordsScopes } from './words.ts';

/** Chooses by what Lists refer to; no parameter of any type. */
const listParameter = '_list';
const reverse = '_has';

/** Looks at types for one name: a step without a type may lead to all of them, and each of them to all again. */
const mostLooks = 5000;

/** A part of a name that a type doesn't have. */
export interface UnknownName {
  readonly type: string;
  readonly code: string;
}

/** What names are followed with. */
export interface Path {
  readonly registry: ParameterRegistry;
  readonly context: LowerContext;
  /** The types that the name is asked of: what only some of them are referred to by finds nothing of the others. */
  readonly among?: readonly string[];
}

/**
 * The first step of a name that isn't known on a type, or on any type that the steps before lead to; undefined where all
 * are. Throws 400 for what isn't a chain: a step that is no reference, a reverse chain without its parts.
 */
export function unknownStep(steps: readonly NameStep[], type: string, path: Path): UnknownName | undefined {
  return unknownIn(steps, type, path, spending(path));
}

/** Counts looks at types for one name, and for the query. It throws 400 when they are too many. */
export function spending(path: Path): () => void {
  let looks = 0;
  return () => {
    path.context.allowance.look();
    looks += 1;
    if (looks > mostLooks)
      throw refuse('too-costly', `${shown(path)} leads to too many types; name them (subject:Patient.name).`);
  };
}

function unknownIn(steps: readonly NameStep[], type: string, path: Path, spend: () => void): UnknownName | undefined {
  spend();
  const [step, ...rest] = steps;
  if (step === undefined) return undefined;
  if (step.code === reverse) {
    const { source, code } = reverseOf(step, rest, path);
    return path.registry.get(source, code) === undefined
      ? { type: source, code }
      : unknownIn(rest, source, path, spend);
  }
  if ((step.code === listParameter || wordsScopes.has(step.code)) && rest.length === 0) {
    if (step.modifier !== undefined)
      throw refuse('invalid', `${step.code} takes no modifier :${step.modifier.slice(0, 80)}.`);
    return undefined;
  }
  const parameter = path.registry.get(type, step.code);
  if (parameter === undefined) return { type, code: step.code };
  if (rest.length === 0) return undefined;
  let unknown: UnknownName | undefined;
  for (const target of targetTypes(step, parameter, path)) {
    const found = unknownIn(rest, target, path, spend);
    if (found === undefined) return undefined;
    unknown ??= found;
  }
  return unknown;
}

/** What the steps of a name are followed with. */
interface Following extends Path {
  readonly values: readonly string[];
  /** Counts a look at a type. */
  readonly spend: () => void;
  /** Those at the type that is looked at. */
  readonly uses: Uses;
  /** The types that the steps from here on are asked of, whichever of the searched types leads to them. */
  readonly asked: () => readonly string[];
  /** What the parameter asks of other resources, by the way that leads to them. */
  readonly behind: Map<string, Criterion>;
}

/**
 * The criterion on resources of a type that a query's parameter means; its name is known (`unknownStep`) and it has
 * values. Throws 400 for a modifier or a value that doesn't fit, and for a parameter that `uses` of the query may not have
 * once more.
 * `behind`: what it asked of other resources on the searched types before. Of each it asks the same, by the same criterion, so
 * that a store can look that up once.
 */
export function lowerNamed(
  { name, values }: QueryParameter,
  type: string,
  path: Path,
  uses: Uses,
  behind: Map<string, Criterion>,
): Criterion {
  const asked = (): readonly string[] => path.among ?? [type];
  return lowerSteps(name.steps, type, { ...path, values, spend: spending(path), uses, asked, behind });
}

/** What the steps behind one ask of a type that it leads to. */
function lowerBehind(rest: readonly NameStep[], type: string, step: string, following: Following): Criterion {
  const uses = following.uses.behind(step);
  const known = following.behind.get(uses.way);
  if (known !== undefined) return known;
  const criterion = lowerSteps(rest, type, { ...following, uses });
  following.behind.set(uses.way, criterion);
  return criterion;
}

function lowerSteps(steps: readonly NameStep[], type: string, following: Following): Criterion {
  const { registry, context, values, spend, uses } = following;
  spend();
  const [step, ...rest] = steps;
  if (step?.code === reverse) return lowerReverse(step, rest, type, following);
  if (step?.code === listParameter) return lowerList(values, registry, context);
  const scope = step && wordsScopes.get(step.code);
  if (scope !== undefined) return lowerWords(values, scope, context);
  const parameter = step && registry.get(type, step.code);
  if (step === undefined || parameter === undefined) throw refuse('invalid', `${shown(following)} is unknown.`);
  uses.add(parameter);
  if (rest.length === 0) return lowerParameter(step.modifier, values, parameter, context);
  const targets = targetTypes(step, parameter, following);
  const asked = (): readonly string[] => following.asked().flatMap((each) => ledTo(step, each, following));
  const known = targets.filter((each) => unknownIn(rest, each, following, spend) === undefined);
  const of = known.map((target): Criterion => {
    const canonical = mayBeUri(parameter) ? canonicalTarget(target, registry) : undefined;
    const inner = lowerBehind(rest, target, `${step.code}:${target}`, { ...following, asked });
    return { kind: 'chain', parameter: parameter.parameter, target, canonical, of: inner };
  });
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/** The types that a step leads to from a type; none where it has no such parameter. */
function ledTo({ code, modifier }: NameStep, type: string, { registry, context }: Path): readonly string[] {
  const parameter = registry.get(type, code);
  if (parameter?.kind !== 'reference') return [];
  return modifier === undefined ? possibleTypes(parameter, context) : [modifier];
}

function lowerReverse(step: NameStep, rest: readonly NameStep[], type: string, following: Following): Criterion {
  const { registry, context } = following;
  const { source, code } = reverseOf(step, rest, following);
  const parameter = registry.get(source, code);
  const leads = (each: SearchParameter, to = type): boolean =>
    each.kind === 'reference' && targetsOf(each, context).includes(to);
  if (parameter === undefined || !leads(parameter)) {
    if (parameter !== undefined && following.asked().some((other) => leads(parameter, other)))
      return { kind: 'or', of: [] };
    const fault =
      parameter?.kind === 'reference'
        ? `${code} of ${source} never leads to ${type}`
        : `${source} has no reference parameter "${code.slice(0, 80)}"`;
    const others = registry.of(source).filter((each) => leads(each));
    const names = nearest(
      code,
      others.map((each) => each.code),
    ).join(', ');
    throw refuse('invalid', `${shown(following)}: ${fault}${names === '' ? '' : `; nearest: ${names}`}.`);
  }
  const canonical = mayBeUri(parameter) ? canonicalTarget(type, registry) : undefined;
  const of = lowerBehind(rest, source, `${reverse}:${source}:${code}`, { ...following, asked: () => [source] });
  return { kind: 'has', parameter: parameter.parameter, canonical, of };
}

/** The type that refers and its parameter's code in `_has:Type:code:…`. */
function reverseOf(
  { modifier = '' }: NameStep,
  rest: readonly NameStep[],
  path: Path,
): { readonly source: string; readonly code: string } {
  const [source = '', code = ''] = modifier.split(':');
  const types = path.context.definitions.resourceTypes;
  if (source !== '' && !types.has(source)) {
    const names = nearest(source, [...types]).join(', ');
    throw refuse('invalid', `${shown(path)}: ${source.slice(0, 80)} is no resource type; nearest: ${names}.`);
  }
  if (code === '' || rest.length === 0 || rest[0]?.code === '')
    throw refuse('invalid', `${shown(path)}: write _has:Type:reference:parameter, e.g. _has:Observation:patient:code.`);
  return { source, code };
}

/** The types that a step leads to. Throws 400 for a parameter that can't be followed. */
export function targetTypes({ modifier }: NameStep, parameter: SearchParameter, { context }: Path): readonly string[] {
  const { resourceTypes } = context.definitions;
  if (parameter.kind !== 'reference')
    throw refuse('invalid', `${context.name.slice(0, 200)}: ${parameter.code} is no reference; nothing can follow it.`);
  if (modifier === undefined) return possibleTypes(parameter, context);
  checkModifier(modifier, parameter, context.name, resourceTypes);
  if (resourceTypes.has(modifier)) return [modifier];
  throw refuse(
    'invalid',
    `${context.name.slice(0, 200)}: only a resource type goes between references, not :${modifier}.`,
  );
}

function shown({ context }: Path): string {
  return context.name.slice(0, 200);
}
