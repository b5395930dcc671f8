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

/** A copy that shares nothing with the tree. */
export function copyOf(value: ExactJson): ExactJson {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isExactObject(value)) return value;
  const object = exactObject();
  for (const name in value) {
    const member = value[name];
    if (member !== undefined) object[name] = copyOf(member);
  }
  return object;
}

/** Whether a value has all that the pattern has. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_ */
export function fits(value: ExactJson | undefined, pattern: ExactJson): boolean {
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.every((each) => value.some((item) => fits(item, each)));
  }
  if (isExactObject(pattern)) {
    if (!isExactObject(value)) return false;
    for (const name in pattern) {
      const member = pattern[name];
      if (member !== undefined && !fits(value[name], member)) return false;
    }
    return true;
  }
  if (pattern instanceof ExactNumber) return value instanceof ExactNumber && value.text === pattern.text;
  return value === pattern;
}
