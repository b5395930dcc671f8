/** What a check of a store tells. https://hl7.org/fhir/R4/search.html */

export interface Finding {
  readonly kind: 'finding';
  /** What is wrong, for a person: names types, ids and parameters, never contents. */
  readonly text: string;
  readonly repaired: boolean;
}

export interface Progress {
  readonly kind: 'progress';
  readonly done: number;
  readonly total: number;
}

export function finding(text: string, repaired = false): Finding {
  return { kind: 'finding', text, repaired };
}
