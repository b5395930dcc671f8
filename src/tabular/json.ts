/** Reads what a template is made of out of definitions. https://hl7.org/fhir/R4/structuredefinition.html */
import { type ExactJson, ExactNumber, exactObject, isExactObject } from '../fhir/exact-json.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';

/** The objects of a list. */
export function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return isArray(value) ? value.filter(isObject) : [];
}

/** A text, '' for anything else. */
export function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The texts of a list. */
export function texts(value: JsonValue | undefined): readonly string[] {
  return isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** The extensions of an element with this url. */
export function extensions(element: JsonObject, url: string): readonly JsonObject[] {
  return objects(element.extension).filter((each) => each.url === url);
}

/** A value of a definition as a tree that can go into a resource. */
export function exactOf(value: JsonValue): ExactJson {
  if (typeof value === 'number') return new ExactNumber(String(value));
  if (isArray(value)) return value.map(exactOf);
  if (!isObject(value)) return value;
  const object = exactObject();
  for (const [name, member] of Object.entries(value)) if (member !== undefined) object[name] = exactOf(member);
  return object;
}

/** A copy that shares nothing with the tree. */
export function copyOf(value: ExactJson): ExactJson {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isExactObject(value)) return value;
  const object = exactObject();
  for (const [name, member] of Object.entries(value)) object[name] = copyOf(member);
  return object;
}

/** Whether a value has all that the pattern has. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_ */
export function fits(value: ExactJson | undefined, pattern: ExactJson): boolean {
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.every((each) => value.some((item) => fits(item, each)));
  }
  if (isExactObject(pattern)) {
    return isExactObject(value) && Object.entries(pattern).every(([name, member]) => fits(value[name], member));
  }
  if (pattern instanceof ExactNumber) return value instanceof ExactNumber && value.text === pattern.text;
  return value === pattern;
}
