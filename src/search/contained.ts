/**
 * Resources inside others: they have no URL, so what is said of them is kept under types of their own, which no search of
 * a type meets. https://hl7.org/fhir/R4/references.html#contained
 */

const mark = '#';

/** What the contained resources of a type go by: `#Patient`. */
export function containedType(type: string): string {
  return mark + type;
}

/** Whether a type is one of `containedType`. */
export function isContained(type: string): boolean {
  return type.startsWith(mark);
}

/** The type of resource that a type stands for: `Patient` for both `Patient` and `#Patient`. */
export function resourceTypeOf(type: string): string {
  return isContained(type) ? type.slice(mark.length) : type;
}
