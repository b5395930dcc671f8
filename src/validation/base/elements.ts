/** What R4's definitions say of a type's elements besides their structure. https://hl7.org/fhir/R4/elementdefinition.html */
import { builtInStructure } from '../../fhir/definitions/structures.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { Constraint } from '../invariants.ts';

/** What one element of a definition says. */
export interface ElementRules {
  readonly constraints: readonly Constraint[];
  /** Canonical of the value set that codes beyond an extensible or preferred one have to come from. */
  readonly maxValueSet: string | undefined;
  readonly strength: string | undefined;
  readonly valueSet: string | undefined;
  /** Canonicals of the profiles that its types have to meet, such as SimpleQuantity. */
  readonly profiles: readonly string[];
}

const definitionOf = (type: string): string => `http://hl7.org/fhir/StructureDefinition/${type}`;
const maxValueSet = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet';

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function constraintsOf(element: JsonObject): readonly Constraint[] {
  return objects(element.constraint).flatMap(({ key, severity, human, expression }): Constraint[] =>
    typeof key === 'string' && typeof expression === 'string'
      ? [{ key, severity: severity === 'warning' ? 'warning' : 'error', human: text(human) ?? '', expression }]
      : [],
  );
}

function rulesOf(element: JsonObject): ElementRules {
  const binding = isObject(element.binding) ? element.binding : {};
  const most = objects(binding.extension).find(({ url }) => url === maxValueSet);
  return {
    constraints: constraintsOf(element),
    strength: text(binding.strength),
    valueSet: text(binding.valueSet),
    maxValueSet: text(most?.valueCanonical),
    profiles: objects(element.type).flatMap(({ profile }) =>
      isArray(profile) ? profile.filter((each) => typeof each === 'string') : [],
    ),
  };
}

/** The rules of R4's definitions by the path of their elements, read type by type. */
export class DefinedElements {
  readonly #byRoot = new Map<string, ReadonlyMap<string, ElementRules>>();

  /** The rules of an element, e.g. `Patient.contact`, `Observation.value[x]`, `Quantity`; undefined where there is none. */
  at(path: string): ElementRules | undefined {
    const point = path.indexOf('.');
    const root = point < 0 ? path : path.slice(0, point);
    const known = this.#byRoot.get(root) ?? read(definitionOf(root));
    this.#byRoot.set(root, known);
    return known.get(path);
  }

  /** The constraints that a profile of a data type has beyond those of the type. */
  added(profile: string, type: string): readonly Constraint[] {
    const own = new Set(this.at(type)?.constraints.map(({ key }) => key));
    const rules = [...read(profile).entries()].find(([path]) => !path.includes('.'))?.[1];
    return rules?.constraints.filter(({ key }) => !own.has(key)) ?? [];
  }
}

function read(url: string): ReadonlyMap<string, ElementRules> {
  const definition = builtInStructure(url);
  const snapshot = isObject(definition?.snapshot) ? definition.snapshot : {};
  return new Map(
    objects(snapshot.element).flatMap((element): [string, ElementRules][] =>
      typeof element.path === 'string' && element.sliceName === undefined ? [[element.path, rulesOf(element)]] : [],
    ),
  );
}
