/** Logical ids. https://hl7.org/fhir/R4/datatypes.html#id */

const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** Whether a text is a logical id: 1 to 64 letters, digits, `-` and `.`. */
export function isId(text: string): boolean {
  return ID.test(text);
}
