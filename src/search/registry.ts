/** The search parameters of each resource type, compiled from their definitions. https://hl7.org/fhir/R4/searchparameter-registry.html */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import type { ComponentKind, Parameter } from './criteria.ts';
import { isType } from './extract/route.ts';
import { analyse, type Values } from './extract/values.ts';

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
}

/** A component of a composite parameter. */
export interface ComponentParameter extends ComponentKind {
  /** FHIRPath from the composite's context. */
  readonly expression: string;
  readonly targets: readonly string[];
  readonly values: Values;
}

export interface ParameterRegistry {
  /** `_id` and `_lastUpdated` included; undefined for parameters that are unknown or have no expression. */
  get(type: string, code: string): SearchParameter | undefined;
  /** All of a resource type, sorted by code. */
  of(type: string): readonly SearchParameter[];
}

/** A registry of the definitions' search parameters. A type's are compiled when they are first asked for. */
export function createRegistry(definitions: Definitions): ParameterRegistry {
  const byUrl = new Map(definitions.searchParameters.map((each) => [each.url, each]));
  const byBase = new Map<string, SearchParameterDefinition[]>();
  for (const each of definitions.searchParameters) {
    for (const base of each.base) {
      const list = byBase.get(base);
      if (list === undefined) byBase.set(base, [each]);
      else list.push(each);
    }
  }
  const compiled = new Map<string, ReadonlyMap<string, SearchParameter>>();

  const parametersOf = (type: string): ReadonlyMap<string, SearchParameter> => {
    const known = compiled.get(type);
    if (known !== undefined) return known;
    const found: SearchParameter[] = [];
    if (definitions.resourceTypes.has(type)) {
      for (const base of ['Resource', 'DomainResource', type]) {
        if (!isType(type, base, definitions)) continue;
        for (const definition of byBase.get(base) ?? []) {
          const parameter = compile(definition, type, definitions, byUrl);
          if (parameter !== undefined) found.push(parameter);
        }
      }
    }
    found.sort((a, b) => (a.code < b.code ? -1 : 1));
    const parameters = new Map(found.map((each) => [each.code, each]));
    compiled.set(type, parameters);
    return parameters;
  };

  return {
    get: (type, code) => parametersOf(type).get(code),
    of: (type) => [...parametersOf(type).values()],
  };
}

function compile(
  definition: SearchParameterDefinition,
  type: string,
  definitions: Definitions,
  byUrl: ReadonlyMap<string, SearchParameterDefinition>,
): SearchParameter | undefined {
  const { url, code, expression, description } = definition;
  const kind = definition.type;
  if (expression === undefined || kind === 'special') return undefined;
  const values = analyse(expression, kind, type, type, definitions);
  const parts: ComponentParameter[] = [];
  if (kind === 'composite') {
    for (const component of definition.components) {
      const of = byUrl.get(component.definition);
      if (of === undefined || of.type === 'composite' || of.type === 'special') return undefined;
      const contexts = values.types.length === 0 ? [type] : values.types;
      const found = contexts.map((context) => analyse(component.expression, of.type, context, type, definitions));
      const merged = merge(found);
      const { textual } = merged;
      parts.push({ kind: of.type, textual, expression: component.expression, targets: of.target, values: merged });
    }
  }
  const parameter: Parameter = {
    type,
    code,
    kind,
    multiple: kind === 'composite' ? values.multiple || parts.some((part) => part.values.multiple) : values.multiple,
    textual: values.textual,
    components: parts.map((part) => ({ kind: part.kind, textual: part.textual })),
  };
  return { ...parameter, parameter, url, expression, description, targets: definition.target, values, parts };
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
  };
}
