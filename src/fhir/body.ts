/** The bytes of a resource, cut where a commit puts the server's part of `meta`. https://hl7.org/fhir/R4/resource.html#Meta */

/**
 * Stored is `head` + `"versionId":"3","lastUpdated":"2026-01-31T08:00:00.000Z"` + `tail`, without white space.
 * `head` has the id and ends inside `meta`; `tail` begins with `,` where `meta` has more.
 */
export interface Body {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}
