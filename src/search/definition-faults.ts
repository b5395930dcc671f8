/** Why a definition of a search parameter can't be used. https://hl7.org/fhir/R4/searchparameter-definitions.html */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import type { IssueType } from '../fhir/outcome.ts';
import { searchedTypes } from './definition.ts';
import { type Compiled, compileExpression } from './extract/compile.ts';
import { converterOf } from './extract/convert.ts';
import { parseExpression } from './extract/expression.ts';
import { fhirpathFault } from './extract/fhirpath.ts';
import { filterParameter } from './parse/parameter.ts';
import { generalParameters, resultParameters, unsupportedParameters } from './result-parameters.ts';

export interface Fault {
  readonly code: IssueType;
  readonly text: string;
  /** Below the resource: `base[1]`. */
  readonly element: string;
}

/** An index keeps so many components of a composite. */
const mostComponents = 3;

/** Names that mean something else in a query. */
const reserved = new Set([
  ...resultParameters,
  ...generalParameters,
  ...unsupportedParameters.keys(),
  filterParameter,
  '_has',
  '_list',
  '_score',
  '_cursor',
]);

/**
 * What is wrong with a definition; empty: it can be searched by. `others`: the definitions that there are beside R4's,
 * without this one.
 */
export function faultsOf(
  definition: SearchParameterDefinition,
  definitions: Definitions,
  others: readonly SearchParameterDefinition[],
): readonly Fault[] {
  const { code, type, base } = definition;
  const faults: Fault[] = [];
  const say = (element: string, text: string, issue: IssueType = 'invalid') =>
    faults.push({ code: issue, text, element });
  if (definition.url === '') say('url', 'An active SearchParameter needs a url.', 'required');
  else if (others.some(({ url }) => url === definition.url)) {
    say('url', `There is another active SearchParameter with this url: ${shorten(definition.url)}.`, 'duplicate');
  } else if (definitions.searchParameters.some(({ url }) => url === definition.url)) {
    say(
      'url',
      'R4 defines this url, and otherwise than here: a definition of your own needs its own url.',
      'duplicate',
    );
  }
  if (!/^[A-Za-z_][\w-]{0,63}$/.test(code)) {
    say('code', 'A code is a letter, then letters, digits, - and _: it is written in queries.', 'value');
  } else if (reserved.has(code)) say('code', `${code} means something else in queries.`, 'duplicate');
  if (base.length === 0) say('base', 'An active SearchParameter needs a base.', 'required');
  base.forEach((each, place) => {
    if (each !== 'Parameters' && searchedTypes([each], definitions).length > 0) return;
    say(`base[${place}]`, `There is no resource type ${shorten(each)} that is stored.`, 'value');
  });
  if (type === 'special') say('type', 'Parameters of type special have no rule to index them by.', 'not-supported');
  if (faults.length > 0) return faults;

  const types = searchedTypes(base, definitions);
  const taken = takenBy(code, types, definitions, others);
  if (taken !== undefined) {
    const text = `${taken.type} has a search parameter ${code} already: ${shorten(taken.url)}. Choose another code.`;
    return [{ code: 'duplicate', text, element: 'code' }];
  }
  definition.target.forEach((each, place) => {
    if (definitions.resourceTypes.has(each)) return;
    say(`target[${place}]`, `There is no resource type ${shorten(each)}.`, 'value');
  });
  if (type === 'composite') faults.push(...compositeFaults(definition, types, definitions, others));
  else faults.push(...ownFaults(definition, types, definitions));
  return faults;
}

/** Compiling an expression for all of its types takes milliseconds, and a definition is looked at whenever another comes. */
const found = new WeakMap<SearchParameterDefinition, readonly Fault[]>();

/** What is wrong with a definition's expression, whatever other definitions there are. */
function ownFaults(
  definition: SearchParameterDefinition,
  types: readonly string[],
  definitions: Definitions,
): readonly Fault[] {
  const known = found.get(definition);
  if (known !== undefined) return known;
  const { expression = '' } = definition;
  const faults = expressionFaults(definition, expression, types, types, definitions, 'expression');
  found.set(definition, faults);
  return faults;
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** R4's codes by type, those without an expression too. */
const codesOfR4 = new WeakMap<Definitions, ReadonlyMap<string, SearchParameterDefinition[]>>();

function takenBy(
  code: string,
  types: readonly string[],
  definitions: Definitions,
  others: readonly SearchParameterDefinition[],
): { readonly type: string; readonly url: string } | undefined {
  let byCode = codesOfR4.get(definitions);
  if (byCode === undefined) {
    const collected = new Map<string, SearchParameterDefinition[]>();
    for (const each of definitions.searchParameters) {
      collected.set(each.code, [...(collected.get(each.code) ?? []), each]);
    }
    byCode = collected;
    codesOfR4.set(definitions, byCode);
  }
  for (const other of [...(byCode.get(code) ?? []), ...others.filter((each) => each.code === code)]) {
    const type = searchedTypes(other.base, definitions).find((each) => types.includes(each));
    if (type !== undefined) return { type, url: other.url };
  }
  return undefined;
}

/** What an expression comes to; a text says why it comes to nothing. undefined: it is evaluated as FHIRPath. */
function compiled(
  expression: string,
  context: string,
  type: string,
  definitions: Definitions,
): Compiled | undefined | string {
  const tree = parseExpression(expression);
  const found =
    tree === undefined ? undefined : compileExpression(tree, context, { definitions, resourceType: type, baseUrl: '' });
  return found ?? fhirpathFault(expression, context, definitions);
}

/** The faults of an expression on values of `contexts`; `types`: what `%resource` is for each of them. */
function expressionFaults(
  { type: kind, target, base }: Pick<SearchParameterDefinition, 'type' | 'target' | 'base'>,
  expression: string,
  contexts: readonly string[],
  types: readonly string[],
  definitions: Definitions,
  element: string,
): readonly Fault[] {
  if (expression === '') return [{ code: 'required', text: 'Without an expression nothing is indexed.', element }];
  const idle: string[] = [];
  const unfit = new Set<string>();
  for (const [place, context] of contexts.entries()) {
    const found = compiled(expression, context, types[place] ?? context, definitions);
    if (typeof found === 'string') return [{ code: 'value', text: `The expression can't be run: ${found}`, element }];
    if (found === undefined) continue;
    const ends = 'test' in found ? ['boolean'] : found.routes.map(({ type }) => type);
    const fitting = ends.filter((end) => fits(kind, end, target));
    if (ends.length === 0) idle.push(context);
    else if (fitting.length === 0) for (const end of ends) unfit.add(end);
  }
  if (unfit.size > 0) {
    const text = `A parameter of type ${kind} can't index ${[...unfit].join(', ')}, which the expression gives.`;
    return [{ code: 'value', text, element: element === 'expression' ? 'type' : element }];
  }
  // An expression for all resources may find something in some of them only.
  const missed = idle.length === contexts.length ? idle : idle.filter((each) => base.includes(each));
  if (missed.length === 0) return [];
  const text = `The expression finds nothing in ${missed.slice(0, 5).join(', ')}: there is no such element.`;
  return [{ code: 'value', text, element }];
}

function fits(kind: SearchParameterDefinition['type'], end: string, targets: readonly string[]): boolean {
  // Where the type is known only from the value, the value decides.
  if (end === 'Resource' || end === 'Element') return true;
  const convertible = { kind, textual: false, targets, values: { folded: false } };
  const place = { system: undefined, namePart: false };
  return converterOf(convertible, end, place, { baseUrl: '', timezone: 'UTC' }) !== undefined;
}

function compositeFaults(
  { expression = '', components }: SearchParameterDefinition,
  types: readonly string[],
  definitions: Definitions,
  others: readonly SearchParameterDefinition[],
): readonly Fault[] {
  if (components.length < 2 || components.length > mostComponents) {
    const text = `A composite has 2 to ${mostComponents} components.`;
    return [{ code: 'value', text, element: 'component' }];
  }
  const contexts: string[] = [];
  const resources: string[] = [];
  for (const type of types) {
    const found = compiled(expression, type, type, definitions);
    const routes = typeof found === 'object' && 'routes' in found ? found.routes : [];
    for (const context of new Set(routes.map((route) => route.type))) {
      contexts.push(context);
      resources.push(type);
    }
  }
  if (contexts.length === 0) {
    const text = 'The expression of a composite is a path to an element, or to the resource itself.';
    return [{ code: 'value', text, element: 'expression' }];
  }
  return components.flatMap(({ definition, expression: inner }, place): readonly Fault[] => {
    const of = [...definitions.searchParameters, ...others].find(({ url }) => url === definition);
    const element = `component[${place}]`;
    if (of === undefined || of.type === 'composite' || of.type === 'special') {
      const text = `There is no active search parameter ${shorten(definition)} that can be a component.`;
      return [{ code: 'not-found', text, element: `${element}.definition` }];
    }
    return expressionFaults({ ...of, base: [] }, inner, contexts, resources, definitions, `${element}.expression`);
  });
}
