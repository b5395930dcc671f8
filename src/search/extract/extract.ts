/** Finds the index entries of resources. https://hl7.org/fhir/R4/search.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import type { Scope } from '../../fhir/fhirpath/scope.ts';
import { ExpressionFault } from '../../fhir/fhirpath/syntax.ts';
import type { Resource } from '../../fhir/resource.ts';
import { Pieces } from '../../fhir/steps.ts';
import { companionsOf } from '../companion.ts';
import type { IndexEntry } from '../entry.ts';
import type { ComponentParameter, ParameterRegistry, SearchParameter } from '../registry.ts';
import { compileExpression } from './compile.ts';
import { type ComponentPlan, compositeConverter } from './composite.ts';
import { type Convertible, converterOf } from './convert.ts';
import type { ConvertContext, Converter } from './converter.ts';
import { distinct, distinctSteps } from './distinct.ts';
import { parseExpression } from './expression.ts';
import { compileFhirpath, type Evaluate, startScope } from './fhirpath.ts';
import { addEmitter, addRoute, emptyPlan, type PlanNode, type Slots, walk } from './plan.ts';
import type { Route } from './route.ts';
import { bindingSystem, isNamePart } from './values.ts';

/** Gives the entries of a resource; for numbers that a double can't hold, it takes their text in their place. */
export interface Extractor {
  (resource: Resource): readonly IndexEntry[];
  /** The same in steps, in which the entries of one parameter may come in another order. Absent: there is but one. */
  readonly steps?: (resource: Resource) => Generator<void, readonly IndexEntry[]>;
}

/** The entries of a resource in steps. */
export function* entrySteps(resource: Resource, extract: Extractor): Generator<void, readonly IndexEntry[]> {
  return extract.steps === undefined ? extract(resource) : yield* extract.steps(resource);
}

/** What extraction depends on besides the parameters. */
export type ExtractOptions = ConvertContext;

/** The codes whose values a store knows by itself. */
const known = new Set(['_id', '_lastUpdated']);

/** What entries are extracted of. */
export interface ExtractedParameters extends Pick<ParameterRegistry, 'of'> {
  /** What entries call a parameter, or one of its companions, that goes by a code; absent: that code. */
  readonly entryOf?: (parameter: SearchParameter, code: string) => string;
}

/** For how many milliseconds others were in work since a resource was begun. */
const notAway = (): number => 0;

interface TypePlan {
  readonly plan: PlanNode;
  /** The code of each slot. */
  readonly codes: readonly string[];
}

/**
 * An extractor for all resource types; a type's parameters are compiled when its first resource comes. A malformed value
 * gives no entry; nothing throws. Entries come without duplicates, those of a parameter together.
 */
export function createExtractor(
  registry: ExtractedParameters,
  definitions: Definitions,
  options: ExtractOptions,
): Extractor {
  const plans = new Map<string, TypePlan>();
  // Of the resource that is in work.
  let scope: Scope | undefined;
  let away = notAway;
  const scopeOf = (resource: Resource): Scope => {
    scope ??= startScope(resource, away);
    return scope;
  };
  const typePlanOf = (resourceType: string): TypePlan => {
    let typePlan = plans.get(resourceType);
    if (typePlan === undefined) {
      typePlan = planOf(registry, { type: resourceType, definitions, options, scopeOf });
      plans.set(resourceType, typePlan);
    }
    return typePlan;
  };
  const extract = (resource: Resource): readonly IndexEntry[] => {
    scope = undefined;
    away = notAway;
    const { plan, codes } = typePlanOf(resource.resourceType);
    const slots: Slots = new Array(codes.length);
    walk(plan, resource, resource, slots);
    const entries: IndexEntry[] = [];
    let slot = 0;
    for (const parameter of codes) {
      const values = slots[slot++];
      if (values === undefined) continue;
      for (const value of distinct(values)) entries.push({ parameter, value });
    }
    return entries;
  };
  function* steps(resource: Resource): Generator<void, readonly IndexEntry[]> {
    const { plan, codes } = typePlanOf(resource.resourceType);
    const slots: Slots = new Array(codes.length);
    const pieces = new Pieces();
    // Between two pieces other resources may have come, which have scopes of their own.
    let own: Scope | undefined;
    let others = 0;
    const walking = pieces.steps(() => walk(plan, resource, resource, slots, pieces));
    for (;;) {
      scope = own;
      away = () => others;
      const { done } = walking.next();
      own = scope;
      if (done === true) break;
      const left = performance.now();
      yield;
      others += performance.now() - left;
    }
    const entries: IndexEntry[] = [];
    let slot = 0;
    for (const parameter of codes) {
      const values = slots[slot++];
      if (values === undefined) continue;
      // Most have one, for which steps would cost more than they are.
      const each = values.length < 2 ? values : yield* distinctSteps(values);
      for (const value of each) entries.push({ parameter, value });
    }
    return entries;
  }
  return Object.assign(extract, { steps });
}

function planOf(registry: ExtractedParameters, compiler: Compiler): TypePlan {
  const { type } = compiler;
  const parameters = registry.of(type).filter(({ code }) => !known.has(code));
  const plan = emptyPlan();
  const codes: string[] = [];
  const slotOf = (parameter: SearchParameter, code: string): number =>
    codes.push(registry.entryOf?.(parameter, code) ?? code) - 1;
  for (const parameter of parameters) {
    const slot = slotOf(parameter, parameter.code);
    if (parameter.kind === 'composite') addComposite(plan, parameter, slot, compiler);
    else addExpression(plan, parameter.expression, parameter, type, slot, compiler);
    for (const { kind, code } of companionsOf(parameter)) {
      addExpression(plan, parameter.expression, { ...parameter, kind }, type, slotOf(parameter, code), compiler);
    }
  }
  return { plan, codes };
}

interface Compiler {
  readonly type: string;
  readonly definitions: Definitions;
  readonly options: ExtractOptions;
  /** What expressions are evaluated in on the resource that is extracted. */
  readonly scopeOf: (resource: Resource) => Scope;
}

/**
 * Adds what an expression finds to a plan whose root is a value of type `context`. Gives a second plan for what is found
 * from the whole resource (`%resource`), if the expression looks there.
 */
function addExpression(
  plan: PlanNode,
  expression: string,
  parameter: Convertible,
  context: string,
  slot: number,
  compiler: Compiler,
): PlanNode | undefined {
  const { type, definitions, options } = compiler;
  const convert = (dataType: string, route?: Route): Converter | undefined => {
    const system = route === undefined ? undefined : bindingSystem(route, definitions);
    const place = { system, namePart: route !== undefined && isNamePart(route) };
    return converterOf(parameter, dataType, place, options);
  };
  const tree = parseExpression(expression);
  const compiled =
    tree === undefined
      ? undefined
      : compileExpression(tree, context, { definitions, resourceType: type, baseUrl: options.baseUrl });
  if (compiled === undefined) {
    addEmitter(
      plan,
      `fhirpath ${expression} ${keyOf(parameter)}`,
      evaluated(expression, context, compiler, convert),
      slot,
    );
    return undefined;
  }
  if ('test' in compiled) {
    const { test } = compiled;
    const boolean = convert('boolean');
    if (boolean === undefined) return undefined;
    addEmitter(plan, `test ${expression}`, (value, out, root) => boolean(test(value, root), out, root), slot);
    return undefined;
  }
  let fromResource: PlanNode | undefined;
  for (const route of compiled.routes) {
    const converter = convert(route.type, route);
    if (converter === undefined) continue;
    let target = plan;
    if (route.start === 'resource' && context !== type) {
      fromResource ??= emptyPlan();
      target = fromResource;
    }
    addRoute(target, route, `${route.type} ${keyOf(parameter)}`, converter, slot);
  }
  return fromResource;
}

/** Equal for parameters that convert the same value alike. */
function keyOf({ kind, textual, targets, values }: Convertible): string {
  return `${kind} ${textual} ${values.folded} ${kind === 'reference' ? targets.join() : ''}`;
}

/** The converter for what the expressions find that have no routes. */
function evaluated(
  expression: string,
  context: string,
  { definitions, scopeOf }: Compiler,
  convert: (dataType: string) => Converter | undefined,
): Converter {
  let evaluate: Evaluate | undefined;
  return (value, out, resource) => {
    evaluate ??= compiledOrNothing(expression, context, definitions);
    for (const found of evaluate(value, scopeOf(resource))) convert(found.type)?.(found.value, out, resource);
  };
}

/** What isn't FHIRPath finds nothing here; whoever takes in a definition refuses it there. */
function compiledOrNothing(expression: string, context: string, definitions: Definitions): Evaluate {
  try {
    return compileFhirpath(expression, context, definitions);
  } catch (error) {
    if (error instanceof ExpressionFault) return () => [];
    throw error;
  }
}

function addComposite(plan: PlanNode, parameter: SearchParameter, slot: number, compiler: Compiler): void {
  const tree = parseExpression(parameter.expression);
  if (tree === undefined) return;
  const { type, definitions, options } = compiler;
  const compiled = compileExpression(tree, type, { definitions, resourceType: type, baseUrl: options.baseUrl });
  if (compiled === undefined || 'test' in compiled) return;
  for (const route of compiled.routes) {
    const components = parameter.parts.map((part) => componentPlan(part, route.type, compiler));
    addRoute(plan, route, `composite ${parameter.code}`, compositeConverter(components), slot);
  }
}

function componentPlan(part: ComponentParameter, context: string, compiler: Compiler): ComponentPlan {
  const plan = emptyPlan();
  const resource = addExpression(plan, part.expression, part, context, 0, compiler);
  return { part, context: plan, resource };
}
