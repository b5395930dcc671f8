/** Versions of code systems, as value sets and codings name them. https://hl7.org/fhir/R4/snomedct.html#4.3.1.0.3 */

/** Whether what is named as `named` may be `version`: that one, or for an edition of SNOMED CT without a date any of its versions. */
export function namesVersion(named: string, version: string): boolean {
  return named === version || (named.startsWith('http://snomed.info/sct/') && version.startsWith(`${named}/version/`));
}

/** Whether two of them, '' where none is named, may be of one version. */
export function fitTogether(a: string, b: string): boolean {
  return a === '' || b === '' || namesVersion(a, b) || namesVersion(b, a);
}
