/** Ways through the JSON of a resource to the values of one data type. https://hl7.org/fhir/R4/fhirpath.html */
import type { Definitions, ElementDefinition } from '../../fhir/definitions/definitions.ts';
import { isArray, isObject, type JsonValue, type Resource } from '../../fhir/resource.ts';

/** Whether a condition holds for a value. `resource` is the whole resource, where contained ones are looked up. */
export type Guard = (node: JsonValue, resource: Resource) => boolean;

export type RouteStep =
  | { readonly kind: 'property'; readonly element: ElementDefinition }
  | { readonly kind: 'index'; readonly index: number }
  /**
   * `leadsTo`: the resource type that references must lead to, where that is the condition. `equals`: the property and the text
   * that it must have, where that is the condition.
   */
  | { readonly kind: 'guard'; readonly guard: Guard; readonly leadsTo?: string; readonly equals?: Equality };

export interface Equality {
  readonly property: string;
  readonly text: string;
}

/** A way from a resource (or another context) to its values of one data type. */
export interface Route {
  readonly start: 'context' | 'resource';
  readonly steps: readonly RouteStep[];
  /** A data type, a backbone path (`Patient.contact`), a resource type, or `Resource`. */
  readonly type: string;
}

/** The last property of a route, undefined if it has none. */
export function lastElement(route: Route): ElementDefinition | undefined {
  for (const step of route.steps.toReversed()) if (step.kind === 'property') return step.element;
  return undefined;
}

/**
 * The resource types that references at the end of a route may lead to: those of their element, or the one that the
 * expression asks for; undefined for any, and for values that are no references.
 */
export function targetsAlong(route: Route): readonly string[] | undefined {
  if (route.type !== 'Reference') return undefined;
  const last = route.steps.at(-1);
  if (last?.kind === 'guard' && last.leadsTo !== undefined) return [last.leadsTo];
  const targets = lastElement(route)?.targets ?? [];
  return targets.length === 0 ? undefined : targets;
}

/** Whether a type is another or specialises it. R4 writes `DateTime` in one expression, so case doesn't count. */
export function isType(type: string, ancestor: string, definitions: Definitions): boolean {
  const wanted = ancestor.toLowerCase();
  for (let name: string | undefined = type; name !== undefined; name = definitions.base(name)) {
    if (name.toLowerCase() === wanted) return true;
  }
  return false;
}

/** The values at the end of a route. `node` is the context, `resource` the whole resource. */
export function valuesAlong(route: Route, node: JsonValue, resource: Resource): readonly JsonValue[] {
  let nodes: readonly JsonValue[] = [route.start === 'resource' ? resource : node];
  for (const step of route.steps) nodes = stepAlong(step, nodes, resource);
  return nodes;
}

function stepAlong(step: RouteStep, nodes: readonly JsonValue[], resource: Resource): readonly JsonValue[] {
  switch (step.kind) {
    case 'guard':
      return nodes.filter((node) => step.guard(node, resource));
    case 'index':
      return nodes.slice(step.index, step.index + 1);
    case 'property': {
      const found: JsonValue[] = [];
      for (const node of nodes) {
        const value = isObject(node) ? node[step.element.name] : undefined;
        if (isArray(value)) found.push(...value.filter((item) => item !== null));
        else if (value !== undefined && value !== null) found.push(value);
      }
      return found;
    }
  }
}
