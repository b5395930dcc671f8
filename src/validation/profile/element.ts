/** What an ElementDefinition says, read where it is needed. https://hl7.org/fhir/R4/elementdefinition.html */
import { isArray, isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';

const types = 'http://hl7.org/fhir/StructureDefinition/';
const system = 'http://hl7.org/fhirpath/System.';

/** One of the types that an element may have. */
export interface ElementType {
  readonly code: string;
  /** Canonicals of the profiles of that type; empty: any value of the type. */
  readonly profiles: readonly string[];
  /** For references and canonicals. */
  readonly targets: readonly string[];
  /** `contained`, `referenced`, `bundled`; empty: any. */
  readonly aggregation: readonly string[];
  readonly versioning: string | undefined;
}

/** The objects of a list. */
export function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

/** The texts of a list. */
export function textsOf(value: JsonValue | undefined): readonly string[] {
  return isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** A text; undefined for anything else. */
export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The types of an element; those of FHIRPath (`System.String`) by the names that R4 has for them. */
export function typesOf({ type }: JsonObject): readonly ElementType[] {
  return objectsOf(type).map((each) => ({
    code: codeOf(each),
    profiles: textsOf(each.profile),
    targets: textsOf(each.targetProfile),
    aggregation: textsOf(each.aggregation),
    versioning: textOf(each.versioning),
  }));
}

function codeOf({ code }: JsonObject): string {
  const name = textOf(code) ?? '';
  if (name.startsWith(types)) return name.slice(types.length);
  return name.startsWith(system) ? name.slice(system.length).toLowerCase() : name;
}

/** The value of `fixed[x]`, `pattern[x]`, `minValue[x]` or `maxValue[x]`. */
export function saidValue(
  element: JsonObject,
  kind: 'fixed' | 'pattern' | 'minValue' | 'maxValue',
): JsonValue | undefined {
  for (const name in element) {
    if (!name.startsWith(kind)) continue;
    const first = name.charCodeAt(kind.length);
    if (first >= 0x41 && first <= 0x5a) return element[name];
  }
  return undefined;
}

/** `min`; 0 where it isn't said. */
export function minOf({ min }: JsonObject): number {
  return typeof min === 'number' ? min : 0;
}

/** `max`, Infinity for `*` and where it isn't said. */
export function maxOf({ max }: JsonObject): number {
  return typeof max === 'string' && max !== '*' ? Number(max) : Number.POSITIVE_INFINITY;
}

/** What counts steps. */
interface Counter {
  readonly spend: (steps: number) => void;
}

/** Whether two JSON values are equal; the order of members doesn't count. `counter`: each comparison counts. Throws OverBudget. */
export function equal(a: JsonValue | undefined, b: JsonValue | undefined, counter?: Counter): boolean {
  counter?.spend(1);
  if (a === b) return true;
  if (isArray(a))
    return isArray(b) && a.length === b.length && a.every((each, index) => equal(each, b[index], counter));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name], counter))
  );
}

/**
 * Whether a value has all that a pattern has: of a list, something for each of the pattern's items. `counter`: each comparison counts, as
 * long lists have many. Throws OverBudget.
 */
export function hasPattern(value: JsonValue | undefined, pattern: JsonValue | undefined, counter: Counter): boolean {
  counter.spend(1);
  if (isArray(pattern))
    return isArray(value) && pattern.every((each) => value.some((candidate) => hasPattern(candidate, each, counter)));
  if (isObject(pattern)) {
    return isObject(value) && Object.keys(pattern).every((name) => hasPattern(value[name], pattern[name], counter));
  }
  return value === pattern;
}

/** The type whose properties an element's children are: of a choice that is still one, what all types have. `type`: R4's of the element. */
export function holderType(element: JsonObject, type: string): string {
  const [only, ...others] = typesOf(element);
  if (others.length > 0) return 'Element';
  return only === undefined || only.code === 'BackboneElement' || only.code === 'Element' ? type : only.code;
}
