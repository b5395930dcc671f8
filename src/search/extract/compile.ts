/** Expressions resolved against the definitions: routes and conditions without FHIRPath left. https://hl7.org/fhir/R4/fhirpath.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { isObject, type JsonValue, type Resource } from '../../fhir/resource.ts';
import type { Expression, Path, Step } from './expression.ts';
import { typeReferred } from './referred.ts';
import { type Equality, type Guard, isType, type Route, valuesAlong } from './route.ts';

/** What expressions are resolved in. */
export interface CompileContext {
  readonly definitions: Definitions;
  /** The type searched, for `%resource`. */
  readonly resourceType: string;
  /** Our own base, for `resolve()`. */
  readonly baseUrl: string;
}

/** What an expression comes to: values at the ends of routes, or true or false. */
export type Compiled = { readonly routes: readonly Route[] } | { readonly test: Guard };

type Nodes = (node: JsonValue, resource: Resource) => readonly JsonValue[];

/**
 * Compiles an expression that is evaluated on values of a type (`Patient`, or a composite's context such as
 * `Observation.component`); undefined if it needs the FHIRPath library. Parts of a union that begin with another
 * resource type give no route.
 */
export function compileExpression(expression: Expression, type: string, context: CompileContext): Compiled | undefined {
  if (expression.kind === 'union' || isPathToValues(expression)) {
    const routes = routesOf(expression, type, context);
    return routes === undefined ? undefined : { routes };
  }
  const test = compileCondition(expression, type, context);
  return test === undefined ? undefined : { test };
}

function isPathToValues(expression: Expression): expression is Path {
  return expression.kind === 'path' && expression.steps.at(-1)?.kind !== 'exists';
}

function routesOf(expression: Expression, type: string, context: CompileContext): readonly Route[] | undefined {
  if (expression.kind === 'union') {
    const parts = expression.of.map((part) => routesOf(part, type, context));
    return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
  }
  return isPathToValues(expression) ? pathRoutes(expression, type, context) : undefined;
}

function pathRoutes(path: Path, type: string, context: CompileContext): readonly Route[] | undefined {
  const from = path.start === 'resource' ? context.resourceType : type;
  let routes: readonly Route[] = [{ start: path.start, steps: [], type: from }];
  for (const [n, step] of path.steps.entries()) {
    if (n === 0 && step.kind === 'child' && namesResource(step.name, context.definitions)) {
      if (!isType(from, step.name, context.definitions)) return [];
      continue;
    }
    const next: Route[] = [];
    for (const route of routes) {
      const found = stepFrom(route, step, context);
      if (found === undefined) return undefined;
      next.push(...found);
    }
    routes = next;
  }
  return routes;
}

function namesResource(name: string, definitions: Definitions): boolean {
  return name === 'Resource' || name === 'DomainResource' || definitions.resourceTypes.has(name);
}

function stepFrom(route: Route, step: Step, context: CompileContext): readonly Route[] | undefined {
  switch (step.kind) {
    case 'child':
      return childrenOf(route, step.name, context.definitions);
    case 'type':
      return ofType(route, step.type, context.definitions);
    case 'index':
      return [{ ...route, steps: [...route.steps, { kind: 'index', index: step.index }] }];
    case 'where': {
      const guard = compileCondition(step.condition, route.type, context);
      if (guard === undefined) return undefined;
      const leadsTo = typeResolvedTo(step.condition);
      const equals = equalityOf(step.condition, route.type, context);
      const narrowed = { ...(leadsTo === undefined ? {} : { leadsTo }), ...(equals === undefined ? {} : { equals }) };
      return [{ ...route, steps: [...route.steps, { kind: 'guard', guard, ...narrowed }] }];
    }
    case 'exists':
    case 'resolve':
      return undefined;
  }
}

const ofPrimitives = new Set(['id', 'extension', 'value']);

function childrenOf(route: Route, name: string, definitions: Definitions): readonly Route[] | undefined {
  const type = definitions.type(route.type);
  // A nested resource has a type only when it is there.
  if (type === undefined || type.abstract) return undefined;
  // What a primitive has lies beside it in JSON.
  if (type.kind === 'primitive') return ofPrimitives.has(name) ? undefined : [];
  const element = type.elements.get(name);
  const found = element === undefined ? [...type.elements.values()].filter(({ choice }) => choice === name) : [element];
  return found.map((each) => ({
    ...route,
    steps: [...route.steps, { kind: 'property', element: each }],
    type: each.type,
  }));
}

function ofType(route: Route, name: string, definitions: Definitions): readonly Route[] {
  if (isType(route.type, name, definitions)) return [route];
  if (route.type !== 'Resource' || !definitions.resourceTypes.has(name)) return [];
  const guard: Guard = (node) => isObject(node) && node.resourceType === name;
  return [{ ...route, type: name, steps: [...route.steps, { kind: 'guard', guard }] }];
}

/** The type in `resolve() is Patient`, where that is the whole condition. */
function typeResolvedTo(condition: Expression): string | undefined {
  if (condition.kind !== 'is' || condition.of.kind !== 'path') return undefined;
  const { steps } = condition.of;
  return steps.length === 1 && steps[0]?.kind === 'resolve' ? condition.type : undefined;
}

/** `url = '…'`, where that is the whole condition and the property has one value in JSON. */
function equalityOf(condition: Expression, type: string, context: CompileContext): Equality | undefined {
  if (condition.kind !== '=' || condition.right.kind !== 'literal') return undefined;
  const { left, right } = condition;
  const [route, ...others] = routesOf(left, type, context) ?? [];
  const [step, ...more] = route?.steps ?? [];
  if (route?.start !== 'context' || others.length > 0 || more.length > 0) return undefined;
  if (step?.kind !== 'property' || step.element.array || typeof right.value !== 'string') return undefined;
  return { property: step.element.name, text: right.value };
}

/** A condition on values of a type: `system='phone'`, `resolve() is Patient`; undefined if it needs the library. */
function compileCondition(expression: Expression, type: string, context: CompileContext): Guard | undefined {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const left = compileCondition(expression.left, type, context);
      const right = compileCondition(expression.right, type, context);
      if (left === undefined || right === undefined) return undefined;
      if (expression.kind === 'and') return (node, resource) => left(node, resource) && right(node, resource);
      return (node, resource) => left(node, resource) || right(node, resource);
    }
    case '=':
    case '!=': {
      const left = nodesOf(expression.left, type, context);
      const right = nodesOf(expression.right, type, context);
      return left === undefined || right === undefined ? undefined : comparison(left, right, expression.kind === '=');
    }
    case 'is': {
      const { of } = expression;
      if (of.kind !== 'path' || of.steps.at(-1)?.kind !== 'resolve') return undefined;
      const references = nodesOf({ ...of, steps: of.steps.slice(0, -1) }, type, context);
      return references === undefined ? undefined : resolvesTo(references, expression.type, context);
    }
    case 'path': {
      if (expression.steps.at(-1)?.kind !== 'exists') return undefined;
      const nodes = nodesOf({ ...expression, steps: expression.steps.slice(0, -1) }, type, context);
      return nodes === undefined ? undefined : (node, resource) => nodes(node, resource).length > 0;
    }
    case 'union':
    case 'literal':
      return undefined;
  }
}

function nodesOf(expression: Expression, type: string, context: CompileContext): Nodes | undefined {
  if (expression.kind === 'literal') {
    const values = [expression.value];
    return () => values;
  }
  const routes = routesOf(expression, type, context);
  if (routes === undefined) return undefined;
  return (node, resource) => routes.flatMap((route) => valuesAlong(route, node, resource));
}

/** Equality of single primitive values; a comparison with nothing is neither equal nor unequal. */
function comparison(left: Nodes, right: Nodes, equal: boolean): Guard {
  return (node, resource) => {
    const a = left(node, resource);
    const b = right(node, resource);
    if (a.length === 0 || b.length === 0) return false;
    return (a.length === 1 && b.length === 1 && a[0] === b[0]) === equal;
  };
}

function resolvesTo(references: Nodes, type: string, { definitions, baseUrl }: CompileContext): Guard {
  return (node, resource) =>
    references(node, resource).some((reference) => {
      const found = typeReferred(reference, resource, baseUrl);
      return found !== undefined && isType(found, type, definitions);
    });
}
