/** The search parameters of each resource type, compiled from their definitions. https://hl7.org/fhir/R4/searchparameter-registry.html */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import type { ComponentKind, Parameter } from './criteria.ts';
import { isType } from './extract/route.ts';
import { analyse, union, type Values } from './extract/values.ts';

/** A search parameter of one resource type. */
export interface SearchParameter extends Parameter {
  /** Canonical of its definition. */
  readonly url: string;
  readonly expression: string;
  readonly description: string | undefined;
  /** Resource types that a reference may lead to; empty: any. */
  readonly targets: readonly string[];
  /** What its values are, and how they are kept. */
  readonly values: Values;
  /** For composites: what each component searches, in order. */
  readonly parts: readonly ComponentParameter[];
  /** The same parameter with nothing but what stores need: what criteria carry. */
  readonly parameter: Parameter;
  /** Whether a search may name it several times, and give it several values with commas between them. */
  readonly multipleAnd: boolean;
  readonly multipleOr: boolean;
}

/** A component of a composite parameter. */
export interface ComponentParameter extends ComponentKind {
  /** FHIRPath from the composite's context. */
  readonly expression: string;
  readonly targets: readonly string[];
  readonly values: Values;
}

export interface ParameterRegistry {
  /**
   * `_id` and `_lastUpdated` included; undefined for parameters that are unknown or have no expression. A registry that
   * follows a store throws 503 for one whose index is still being filled, so that nobody searches half of it.
   */
  get(type: string, code: string): SearchParameter | undefined;
  /** All of a resource type, sorted by code. */
  of(type: string): readonly SearchParameter[];
}

/**
 * Expressions of components where R4 contradicts itself, by the composite's canonical: there the first component is
 * `relatesto`, a reference, with the expression `code`, and the second `relation`, a token, with `target`.
 */
const componentExpressions: Readonly<Record<string, readonly string[]>> = {
  'http://hl7.org/fhir/SearchParameter/DocumentReference-relationship': ['target', 'code'],
};

/** The one special parameter that is known here. */
const near = 'http://hl7.org/fhir/SearchParameter/Location-near';

/**
 * A registry of search parameters: R4's unless others are given. Each is compiled when it is first asked for.
 * `includes`: whether the registry has a parameter of a type; all of them unless it says no.
 */
export function createRegistry(
  definitions: Definitions,
  searchParameters: readonly SearchParameterDefinition[] = definitions.searchParameters,
  includes: (type: string, definition: SearchParameterDefinition) => boolean = () => true,
): ParameterRegistry {
  const byUrl = new Map(searchParameters.map((each) => [each.url, each]));
  const byBase = new Map<string, SearchParameterDefinition[]>();
  for (const each of searchParameters) {
    for (const base of each.base) {
      const list = byBase.get(base);
      if (list === undefined) byBase.set(base, [each]);
      else list.push(each);
    }
  }
  const defined = new Map<string, ReadonlyMap<string, () => SearchParameter | undefined>>();

  const parametersOf = (type: string): ReadonlyMap<string, () => SearchParameter | undefined> => {
    const known = defined.get(type);
    if (known !== undefined) return known;
    const parameters = new Map<string, () => SearchParameter | undefined>();
    for (const base of definitions.resourceTypes.has(type) ? ['Resource', 'DomainResource', type] : []) {
      if (!isType(type, base, definitions)) continue;
      for (const each of byBase.get(base) ?? []) {
        if (!includes(type, each)) continue;
        parameters.set(
          each.code,
          once(() => compile(each, type, definitions, byUrl)),
        );
      }
    }
    const sorted = new Map([...parameters].sort(([a], [b]) => (a < b ? -1 : 1)));
    defined.set(type, sorted);
    return sorted;
  };

  return {
    get: (type, code) => parametersOf(type).get(code)?.(),
    of: (type) => [...parametersOf(type).values()].map((get) => get()).filter((each) => each !== undefined),
  };
}

/** A function that computes its value when it is first called. */
function once<T>(compute: () => T): () => T {
  let computed: { readonly value: T } | undefined;
  return () => {
    computed ??= { value: compute() };
    return computed.value;
  };
}

function compile(
  definition: SearchParameterDefinition,
  type: string,
  definitions: Definitions,
  byUrl: ReadonlyMap<string, SearchParameterDefinition>,
): SearchParameter | undefined {
  const { url, code, expression, description, digest, multipleAnd = true, multipleOr = true } = definition;
  const kind = definition.type;
  if (expression === undefined || (kind === 'special' && url !== near)) return undefined;
  const values = analyse(expression, kind, type, type, definitions);
  const parts: ComponentParameter[] = [];
  if (kind === 'composite') {
    for (const [n, component] of definition.components.entries()) {
      const text = componentExpressions[url]?.[n] ?? component.expression;
      const of = byUrl.get(component.definition);
      if (of === undefined || of.type === 'composite' || of.type === 'special') return undefined;
      const contexts = values.types.length === 0 ? [type] : values.types;
      const found = contexts.map((context) => analyse(text, of.type, context, type, definitions));
      const merged = merge(found);
      const { textual } = merged;
      parts.push({ kind: of.type, textual, expression: text, targets: of.target, values: merged });
    }
  }
  const parameter: Parameter = {
    type,
    code,
    ...(digest === undefined ? {} : { definition: digest }),
    kind,
    multiple: kind === 'composite' ? values.multiple || parts.some((part) => part.values.multiple) : values.multiple,
    textual: values.textual,
    components: parts.map((part) => ({ kind: part.kind, textual: part.textual })),
  };
  const targets = definition.target;
  return { ...parameter, parameter, url, expression, description, targets, values, parts, multipleAnd, multipleOr };
}

/** What a component's values are in any of the composite's contexts. */
function merge(found: readonly Values[]): Values {
  const systems = new Set(found.map(({ system }) => system));
  const [system] = systems.size === 1 ? systems : [undefined];
  return {
    types: [...new Set(found.flatMap(({ types }) => types))],
    multiple: found.some(({ multiple }) => multiple),
    textual: found.some(({ textual }) => textual),
    folded: found.every(({ folded }) => folded),
    system,
    leadsTo: union(found.map(({ leadsTo }) => leadsTo)),
  };
}
