/** What all definitions of ours have in common, and StructureDefinitions. https://hl7.org/fhir/R4/structuredefinition.html */
import type { JsonObject, JsonValue, Resource } from '../../fhir/resource.ts';
import { canonicalOf, csvColumnUrl, csvKeyUrl, type DefinedType, nameOf } from './names.ts';

/** What a definition says of itself. */
export interface About {
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

/** The elements that every definition begins with; `extension`: what stands before them. */
export function definitionHead(type: DefinedType, about: About, extension: readonly JsonObject[] = []): Resource {
  return {
    resourceType: type,
    id: about.id,
    ...(extension.length === 0 ? {} : { extension }),
    url: canonicalOf(type, about.id),
    version: '1.0.0',
    name: nameOf(about.id),
    ...(type === 'SearchParameter' ? {} : { title: about.title }),
    status: 'active',
    publisher: 'Osteon',
    description: about.description,
  };
}

/** An element of a differential. */
export interface Element {
  /** With slices: `Procedure.identifier:case.value`. */
  readonly id: string;
  /** Name of the CSV column that holds it. */
  readonly column?: string;
  /** Everything else, in the order of ElementDefinition. */
  readonly rules?: JsonObject;
}

/** An ElementDefinition of a differential. */
export function elementDefinition({ id, column, rules = {} }: Element): JsonObject {
  const slice = /:([^.:]+)$/.exec(id)?.[1];
  return {
    id,
    ...(column === undefined ? {} : { extension: [{ url: csvColumnUrl, valueString: column }] }),
    path: id.replaceAll(/:[^.]+/g, ''),
    ...(slice === undefined ? {} : { sliceName: slice }),
    ...rules,
  };
}

export interface StructureOptions {
  readonly about: About;
  readonly type: string;
  /** Canonical of what is constrained; R4's type by default. */
  readonly base?: string;
  readonly abstract?: boolean;
  readonly extension?: readonly JsonObject[];
  /** Where an extension may stand. */
  readonly context?: readonly string[];
  /** Without the first, which stands for the whole. */
  readonly elements: readonly Element[];
  readonly constraints?: readonly JsonObject[];
}

/** A profile, or an extension's definition: a differential alone, the server makes the snapshot. */
export function structureDefinition(options: StructureOptions): Resource {
  const { about, type, abstract = false, context, elements, constraints = [], extension = [] } = options;
  const root: JsonObject = {
    short: about.title,
    definition: about.description,
    ...(constraints.length === 0 ? {} : { constraint: constraints }),
  };
  return {
    ...definitionHead('StructureDefinition', about, extension),
    fhirVersion: '4.0.1',
    kind: type === 'Extension' ? 'complex-type' : 'resource',
    abstract,
    ...(context === undefined ? {} : { context: context.map((expression) => ({ type: 'element', expression })) }),
    type,
    baseDefinition: options.base ?? `http://hl7.org/fhir/StructureDefinition/${type}`,
    derivation: 'constraint',
    differential: { element: [{ id: type, rules: root }, ...elements].map(elementDefinition) },
  };
}

/** The slicing of extensions, which their urls tell apart. */
export const slicedByUrl: JsonObject = {
  slicing: { discriminator: [{ type: 'value', path: 'url' }], ordered: false, rules: 'open' },
};

/** Extensions that say which columns are the key of what a StructureDefinition describes. */
export function csvKeys(columns: readonly string[]): readonly JsonObject[] {
  return columns.map((column) => ({ url: csvKeyUrl, valueString: column }));
}

/** A rule in FHIRPath that refuses. */
export function constraint(key: string, human: string, expression: string): JsonObject {
  return { key, severity: 'error', human, expression };
}

/** A required binding. */
export function boundTo(valueSet: string): JsonObject {
  return { binding: { strength: 'required', valueSet } };
}

/** A type of an element. */
export function typed(code: string, more: JsonObject = {}): { readonly type: readonly JsonValue[] } {
  return { type: [{ code, ...more }] };
}

/** A reference to resources of these types. */
export function referenceTo(...types: readonly string[]): { readonly type: readonly JsonValue[] } {
  return typed('Reference', { targetProfile: types.map((type) => `http://hl7.org/fhir/StructureDefinition/${type}`) });
}
