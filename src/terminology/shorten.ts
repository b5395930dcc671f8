/** Canonicals and codes as they stand in messages. https://hl7.org/fhir/R4/operationoutcome.html */

export function shorten(value: string): string {
  return value.length > 200 ? `${value.slice(0, 200)}…` : value;
}
