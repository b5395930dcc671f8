/** What R4 defines: types, elements, search parameters, compartments. https://hl7.org/fhir/R4/definitions.html */
import { openSnapshot } from './snapshot.ts';

/** https://hl7.org/fhir/R4/valueset-search-param-type.html */
export type SearchParameterKind =
  | 'number'
  | 'date'
  | 'string'
  | 'token'
  | 'reference'
  | 'composite'
  | 'quantity'
  | 'uri'
  | 'special';

/** The value set an element's codes come from. https://hl7.org/fhir/R4/terminologies.html#strength */
export interface Binding {
  readonly strength: 'required' | 'extensible' | 'preferred' | 'example';
  /** Canonical with its version, e.g. `http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1`. */
  readonly valueSet: string;
}

/** One JSON property of a type. https://hl7.org/fhir/R4/elementdefinition.html */
export interface ElementDefinition {
  /** The JSON property, e.g. `birthDate`, `valueQuantity`. */
  readonly name: string;
  /** A type's name (`HumanName`, `code`, `Resource` for a nested resource) or a backbone path (`Patient.contact`). */
  readonly type: string;
  /** Whether JSON has an array here. */
  readonly array: boolean;
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
  /** Whether `_summary=true` keeps it. */
  readonly summary: boolean;
  readonly modifier: boolean;
  /** For primitives: whether `_name` with an id or extensions may stand beside it. */
  readonly extensible: boolean;
  /** The name without the type for an element with a choice of types: `value` for `valueQuantity`. */
  readonly choice?: string;
  /** Resource types a Reference or a canonical may lead to; empty: any. */
  readonly targets: readonly string[];
  readonly binding?: Binding;
  /**
   * The value set outside of which a `code` has none of its codes, whatever it is bound to: languages have one.
   * https://hl7.org/fhir/R4/extension-elementdefinition-maxvalueset.html
   */
  readonly maxValueSet?: string;
}

/** https://hl7.org/fhir/R4/structuredefinition.html */
export interface TypeDefinition {
  /** `Patient`, `HumanName`, `code`, or a backbone path like `Patient.contact`. */
  readonly name: string;
  readonly kind: 'resource' | 'complex' | 'primitive' | 'backbone';
  /** Whether it is `Resource`, `DomainResource` or `Element`. */
  readonly abstract: boolean;
  /** The type it specialises: `DomainResource`, `BackboneElement`, `Quantity` … */
  readonly base?: string;
  /** By JSON property, in R4's order, inherited ones first; choices expanded. Without `resourceType` and `_name`. */
  readonly elements: ReadonlyMap<string, ElementDefinition>;
  /** For primitives: the anchored pattern of a value's text, where one works in linear time; `primitives.ts` checks all. */
  readonly pattern?: RegExp;
}

export interface SearchParameterComponent {
  /** Canonical of the component's search parameter. */
  readonly definition: string;
  /** FHIRPath from the composite's own context. */
  readonly expression: string;
}

/** https://hl7.org/fhir/R4/searchparameter.html */
export interface SearchParameterDefinition {
  readonly url: string;
  readonly code: string;
  readonly name: string;
  readonly type: SearchParameterKind;
  /** Resource types, `Resource` and `DomainResource` included. */
  readonly base: readonly string[];
  readonly expression?: string;
  /** Resource types a reference parameter may lead to. */
  readonly target: readonly string[];
  readonly components: readonly SearchParameterComponent[];
  readonly description?: string;
  /** False: a search names it once at most. */
  readonly multipleAnd?: boolean;
  /** False: it takes one value, no alternatives. */
  readonly multipleOr?: boolean;
  /** Tells a definition that this server took in from all others that lead to other index entries; R4's have none. */
  readonly digest?: string;
}

/** https://hl7.org/fhir/R4/compartmentdefinition.html */
export interface Compartment {
  /** The resource type that the compartment belongs to: `Patient`, `Encounter`, `RelatedPerson`, `Practitioner`, `Device`. */
  readonly code: string;
  readonly url: string;
  /**
   * Codes of the search parameters that put a resource of a type into it, by type; types that never are in it are left
   * out. `{def}` stands for the resource that the compartment belongs to.
   */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
}

export interface Definitions {
  /** All that can be instantiated, `Parameters` included. */
  readonly resourceTypes: ReadonlySet<string>;
  /** Names of all data types, primitive ones included; without resources and backbones. */
  readonly dataTypes: ReadonlySet<string>;
  readonly searchParameters: readonly SearchParameterDefinition[];
  /** By the resource type they belong to. */
  readonly compartments: ReadonlyMap<string, Compartment>;
  /** A resource type, data type, primitive, or backbone path like `Patient.contact`; undefined for anything else. */
  type(name: string): TypeDefinition | undefined;
  /** What `type(name)` specialises, found without its elements. */
  base(name: string): string | undefined;
  /** The one code system that a bound value set draws from; undefined if it has several, or isn't R4's. */
  bindingSystem(valueSet: string): string | undefined;
  /** Whether case counts in codes of a system; undefined if R4 doesn't say. */
  caseSensitive(system: string): boolean | undefined;
}

let loaded: Definitions | undefined;

/** R4's definitions from the snapshot that the build leaves in `dist/definitions.json`; read once, parsed when needed. */
export function loadDefinitions(): Definitions {
  loaded ??= openSnapshot();
  return loaded;
}
