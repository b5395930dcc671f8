/** Instants as MongoDB keeps them. https://hl7.org/fhir/R4/datatypes.html#instant */

/** The greatest number of milliseconds that a date has. */
const farthest = 8_640_000_000_000_000;

/** The date of an instant (milliseconds since 1970), also of one that is before or after all others. */
export function dateOf(milliseconds: number): Date {
  return new Date(Math.min(Math.max(milliseconds, -farthest), farthest));
}
