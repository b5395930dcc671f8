/** The form of the specification's examples, and small resources for them. https://hl7.org/fhir/R4/search.html */
import type { Json } from '../../http/server.ts';

/** The examples of a section of the page, asked of a server that has nothing but these resources. */
export interface Section {
  /** What the page calls it: `search.html#` and this. */
  readonly anchor: string;
  /** Those without an id are created by POST. */
  readonly resources: readonly Json[];
  readonly examples: readonly Example[];
  /** When it is asked, where that counts. */
  readonly now?: string;
  /** What was stored before, and when. */
  readonly earlier?: { readonly at: string; readonly resources: readonly Json[] };
}

export interface Example {
  /** The URL as the page writes it, behind `[base]/`. */
  readonly query: string;
  /** The page's sentence for it. */
  readonly says: string;
  /** The answer in the form of `answerOf`. */
  readonly finds: string;
  /** Where the page's URL can't mean what its sentence says: the one that does, and why. */
  readonly instead?: { readonly query: string; readonly because: string };
}

/** A CodeableConcept with one coding; without a system where that is undefined. */
export function concept(system: string | undefined, code: string, display?: string): Json {
  return { coding: [{ ...(system !== undefined && { system }), code, ...(display !== undefined && { display }) }] };
}

export function reference(to: string): Json {
  return { reference: to };
}

export function narrative(text: string): Json {
  return { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` };
}

export function condition(id: string, more: Json = {}): Json {
  return { resourceType: 'Condition', id, subject: reference('Patient/1'), ...more };
}

export function report(id: string, more: Json = {}): Json {
  return { resourceType: 'DiagnosticReport', id, status: 'final', code: { text: 'x' }, ...more };
}

export function medicationRequest(id: string, more: Json = {}): Json {
  return {
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: reference('Patient/p'),
    ...(more.medicationReference === undefined && { medicationCodeableConcept: { text: 'x' } }),
    ...more,
  };
}

export function valueSet(id: string, url: string, more: Json = {}): Json {
  return { resourceType: 'ValueSet', id, status: 'active', url, ...more };
}
