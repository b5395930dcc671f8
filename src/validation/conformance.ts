/** What R4 says in words of search parameters that refer to their definitions. https://hl7.org/fhir/R4/searchparameter.html */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import { isArray, isObject, type JsonValue } from '../fhir/resource.ts';
import type { ValueCheck, Walk } from './walk.ts';

/** By the type whose values they are for. */
export function conformanceRules(definitions: Definitions): ReadonlyMap<string, ValueCheck> {
  const byUrl = new Map<string, SearchParameterDefinition>();
  /** One of R4's search parameters; undefined for another. */
  function defined(canonical: JsonValue | undefined): SearchParameterDefinition | undefined {
    if (typeof canonical !== 'string') return undefined;
    if (byUrl.size === 0) for (const each of definitions.searchParameters) byUrl.set(each.url, each);
    return byUrl.get(canonical.split('|')[0] ?? '');
  }
  return new Map([
    ['CapabilityStatement.rest.resource.searchParam', (value, walk) => supported(value, walk, defined)],
    ['SearchParameter', (value, walk) => derived(value, walk, defined)],
  ]);
}

type Find = (canonical: JsonValue | undefined) => SearchParameterDefinition | undefined;

/** R4: its type "SHALL be the same as the type in the search parameter definition". */
function supported(value: JsonValue, walk: Walk, defined: Find): void {
  if (!isObject(value)) return;
  const definition = defined(value.definition);
  if (definition === undefined || value.type === undefined || value.type === definition.type) return;
  walk.error(
    'value',
    'search-parameter',
    `must be that of its definition, ${definition.type}`,
    walk.place.path('type'),
  );
}

/** R4: "the details in the search parameter must be consistent with the definition from which it is defined". */
function derived(value: JsonValue, walk: Walk, defined: Find): void {
  if (!isObject(value)) return;
  if (value.type === 'composite' && (!isArray(value.component) || value.component.length < 2)) {
    const text = 'must be two or more for a composite: they are its parts';
    walk.error('business-rule', 'search-parameter', text, walk.place.path('component'));
  }
  const definition = defined(value.derivedFrom);
  if (definition === undefined) return;
  if (value.type !== undefined && value.type !== definition.type) {
    const text = `must be that of what it is derived from, ${definition.type}`;
    walk.error('business-rule', 'search-parameter', text, walk.place.path('type'));
  }
  for (const [index, base] of (isArray(value.base) ? value.base : []).entries()) {
    if (typeof base !== 'string' || definition.base.includes(base)) continue;
    if (definition.base.includes('Resource') || definition.base.includes('DomainResource')) continue;
    const text = `must be among those of what it is derived from: ${definition.base.join(', ')}`;
    walk.error('business-rule', 'search-parameter', text, walk.place.path(`base[${index}]`));
  }
}
