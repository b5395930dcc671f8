/** CodeSystem resources with so many concepts that they are loaded one by one. https://hl7.org/fhir/R4/codesystem.html */
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { Designation, LoadedConcept, LoadedSystem } from '../../store/terminology.ts';
import { type Release, someConcepts } from './release.ts';

/** Concepts up to which a CodeSystem is stored as a resource. */
const small = 1000;

type PropertyType = LoadedSystem['properties'][number]['type'];

const standard = 'http://hl7.org/fhir/concept-properties#';
/** Values of `status` that say the same as `inactive`. */
const inactiveStatus: ReadonlySet<string> = new Set(['retired', 'inactive']);

/** A CodeSystem as a release; undefined where it is better stored as a resource: it is small, or has no concepts of its own. */
export function codeSystemRelease(path: string, resource: JsonObject, size: number): Release | undefined {
  const { url, version, title, name, content, caseSensitive } = resource;
  if (typeof url !== 'string' || (content !== 'complete' && content !== 'fragment')) return undefined;
  const concepts = flattened(resource);
  if (concepts.length <= small) return undefined;
  const text = [title, name].find((each) => typeof each === 'string');
  return {
    path,
    size,
    system: {
      url,
      version: typeof version === 'string' ? version : '',
      title: typeof text === 'string' ? text : url,
      caseSensitive: caseSensitive !== false,
      properties: propertiesOf(resource, concepts),
    },
    read: async function* (onRead) {
      for (let from = 0; from < concepts.length; from += someConcepts) yield concepts.slice(from, from + someConcepts);
      onRead(size);
    },
  };
}

/** Codes of the properties that stand for parts of `LoadedConcept`, which each system may name as it likes. */
interface Roles {
  readonly parent: ReadonlySet<string>;
  readonly child: ReadonlySet<string>;
  readonly inactive: ReadonlySet<string>;
  readonly status: ReadonlySet<string>;
  readonly notSelectable: ReadonlySet<string>;
}

function rolesOf({ property }: JsonObject): Roles {
  const declared = objectsIn(property);
  const of = (role: string) =>
    new Set([role, ...declared.filter(({ uri }) => uri === standard + role).map(({ code }) => String(code))]);
  return {
    parent: new Set([...of('parent'), 'subsumedBy']),
    child: of('child'),
    inactive: of('inactive'),
    status: of('status'),
    notSelectable: of('notSelectable'),
  };
}

/** All concepts, each under those that it stands in and those that its properties name. */
function flattened(resource: JsonObject): readonly LoadedConcept[] {
  const roles = rolesOf(resource);
  // Only then does what stands in a concept mean less than it.
  const nested = resource.hierarchyMeaning === undefined || resource.hierarchyMeaning === 'is-a';
  const found: { readonly concept: JsonObject; readonly parents: Set<string> }[] = [];
  const children = new Map<string, string[]>();
  const open = objectsIn(resource.concept).map((concept) => ({ concept, parents: new Set<string>() }));
  for (let place = 0; place < open.length; place++) {
    const each = open[place];
    if (each === undefined) continue;
    const code = String(each.concept.code);
    found.push(each);
    for (const [property, value] of valuesOf(each.concept)) {
      if (roles.parent.has(property)) each.parents.add(value);
      if (roles.child.has(property)) children.set(value, [...(children.get(value) ?? []), code]);
    }
    for (const concept of objectsIn(each.concept.concept))
      open.push({ concept, parents: new Set(nested ? [code] : []) });
  }
  return found.map(({ concept, parents }) => {
    for (const parent of children.get(String(concept.code)) ?? []) parents.add(parent);
    return conceptOf(concept, [...parents], roles);
  });
}

function conceptOf(concept: JsonObject, parents: readonly string[], roles: Roles): LoadedConcept {
  const { code, display, definition, designation } = concept;
  const values = valuesOf(concept);
  const says = (role: ReadonlySet<string>, wanted: (value: string) => boolean) =>
    values.some(([property, value]) => role.has(property) && wanted(value));
  const inactive =
    says(roles.inactive, (value) => value === 'true') || says(roles.status, (value) => inactiveStatus.has(value));
  const properties = values.filter(([property]) => !roles.parent.has(property) && !roles.child.has(property));
  const designations = objectsIn(designation).map(designationOf);
  return {
    code: String(code),
    display: typeof display === 'string' ? display : String(code),
    parents,
    ...(typeof definition === 'string' && { definition }),
    ...(inactive && { inactive }),
    ...(says(roles.notSelectable, (value) => value === 'true') && { abstract: true }),
    ...(properties.length > 0 && { properties }),
    ...(designations.length > 0 && { designations }),
  };
}

function designationOf({ value, language, use }: JsonObject): Designation {
  const code = isObject(use) ? use.code : undefined;
  return {
    value: String(value),
    ...(typeof language === 'string' && { language }),
    ...(typeof code === 'string' && { use: code }),
  };
}

/** The properties of a concept as texts. */
function valuesOf(concept: JsonObject): readonly (readonly [code: string, value: string])[] {
  return objectsIn(concept.property).flatMap((property) => {
    const value = valueIn(property);
    return typeof property.code !== 'string' || value === undefined ? [] : [[property.code, value] as const];
  });
}

function valueIn(property: JsonObject): string | undefined {
  const [, value] = Object.entries(property).find(([name]) => name.startsWith('value')) ?? [];
  if (isObject(value)) return typeof value.code === 'string' ? value.code : undefined;
  return value === undefined || value === null ? undefined : String(value);
}

const types: Readonly<Record<string, PropertyType>> = {
  code: 'code',
  Coding: 'code',
  boolean: 'boolean',
  integer: 'integer',
};

/** What is declared, and what concepts have besides. */
function propertiesOf(resource: JsonObject, concepts: readonly LoadedConcept[]): LoadedSystem['properties'] {
  const roles = rolesOf(resource);
  const declared = new Map(
    objectsIn(resource.property).map(({ code, type }) => [String(code), types[String(type)] ?? 'string'] as const),
  );
  for (const { properties = [] } of concepts)
    for (const [code] of properties) if (!declared.has(code)) declared.set(code, 'string');
  return [...declared]
    .filter(([code]) => !roles.parent.has(code) && !roles.child.has(code))
    .map(([code, type]) => ({ code, type }));
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}
