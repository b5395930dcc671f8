/** What the values of a search parameter are, found from its expression and the definitions. https://hl7.org/fhir/R4/search.html#ptypes */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import type { SearchParameterType } from '../criteria.ts';
import { compileExpression } from './compile.ts';
import { type Expression, parseExpression } from './expression.ts';
import { lastElement, type Route, targetsAlong } from './route.ts';

export interface Values {
  /** FHIR data types at the ends of the expression, or a composite's contexts; empty: known only when evaluated. */
  readonly types: readonly string[];
  /** Whether a resource may have more than one index value. */
  readonly multiple: boolean;
  /** For tokens: whether values are kept as text. */
  readonly textual: boolean;
  /** For textual tokens: whether they are kept folded, because case never counts in them. */
  readonly folded: boolean;
  /** For `code` elements: the system that their binding allows, if all have the same. */
  readonly system: string | undefined;
  /** For references: the resource types that the expression and its elements allow; undefined: any. */
  readonly leadsTo: readonly string[] | undefined;
}

/** Types with several index values each. */
const plural = new Set(['CodeableConcept', 'HumanName', 'Address']);
/** Types of a token that are kept as text, for they rarely repeat. */
const rare = new Set(['Identifier', 'ContactPoint']);
/** Types of a token that are kept as text unless the parameter has coded values too. */
const plainTexts = new Set(['string', 'id', 'uri', 'url', 'oid', 'uuid', 'canonical']);
/** Types of a token in whose values case doesn't count. */
const caseless = new Set(['ContactPoint', 'string']);

/**
 * What an expression gives for a parameter of a type. `context` is the type that the expression is evaluated on, which for
 * a composite's component is the composite's context.
 */
export function analyse(
  expression: string,
  kind: SearchParameterType,
  context: string,
  resourceType: string,
  definitions: Definitions,
): Values {
  const tree = parsed(expression);
  // The base only matters when references are resolved, not for types.
  const compiled =
    tree === undefined ? undefined : compileExpression(tree, context, { definitions, resourceType, baseUrl: '' });
  if (compiled === undefined) {
    return { types: [], multiple: true, textual: false, folded: false, system: undefined, leadsTo: undefined };
  }
  if ('test' in compiled) {
    return {
      types: ['boolean'],
      multiple: false,
      textual: false,
      folded: false,
      system: undefined,
      leadsTo: undefined,
    };
  }
  const { routes } = compiled;
  const types = [...new Set(routes.map(({ type }) => type))];
  const textual = kind === 'token' && isTextual(types);
  return {
    types,
    multiple: isMultiple(routes, kind),
    textual,
    folded: textual && types.every((type) => caseless.has(type)),
    system: systemOf(routes, definitions),
    leadsTo: union(routes.map(targetsAlong)),
  };
}

/** All of the lists; undefined where there is none or one of them is open. */
export function union(lists: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  if (lists.length === 0 || lists.includes(undefined)) return undefined;
  return [...new Set(lists.flatMap((list) => list ?? []))];
}

/** R4's longest expressions serve thirty types each. */
const trees = new Map<string, Expression | undefined>();

function parsed(expression: string): Expression | undefined {
  if (!trees.has(expression)) trees.set(expression, parseExpression(expression));
  return trees.get(expression);
}

function isTextual(types: readonly string[]): boolean {
  return types.some((type) => rare.has(type)) || (types.length > 0 && types.every((type) => plainTexts.has(type)));
}

function isMultiple(routes: readonly Route[], kind: SearchParameterType): boolean {
  if (new Set(routes.map(place)).size > 1) return true;
  return routes.some((route) => {
    if (route.steps.some((step) => step.kind === 'property' && step.element.array)) return true;
    if (plural.has(route.type)) return true;
    if (kind === 'string' && isNamePart(route)) return true;
    // A canonical that lies below our own base is a reference too.
    return kind === 'reference' && route.type !== 'Reference';
  });
}

/** Whether a route ends at a family or given name, whose words are searched too. */
export function isNamePart(route: Route): boolean {
  const name = lastElement(route)?.name;
  return route.type === 'string' && (name === 'family' || name === 'given');
}

/** A route without the type of its choices: routes of the same place exclude each other. */
function place(route: Route): string {
  const steps = route.steps.map((step) =>
    step.kind === 'property' ? (step.element.choice ?? step.element.name) : '?',
  );
  return steps.join('.');
}

function systemOf(routes: readonly Route[], definitions: Definitions): string | undefined {
  const systems = new Set(routes.map((route) => bindingSystem(route, definitions)));
  const [only] = systems;
  return systems.size === 1 ? only : undefined;
}

/** The one system that the codes of a `code` element at the end of a route can have, by its binding; undefined for other types. */
export function bindingSystem(route: Route, definitions: Definitions): string | undefined {
  const { binding, maxValueSet } = lastElement(route) ?? {};
  const valueSet = binding?.strength === 'required' ? binding.valueSet : maxValueSet;
  return route.type === 'code' && valueSet !== undefined ? definitions.bindingSystem(valueSet) : undefined;
}
