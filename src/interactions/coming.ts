/** Definitions that a request is about to store with other resources. https://hl7.org/fhir/R4/http.html#trules */
import type { JsonObject } from '../fhir/resource.ts';
import { Conformance } from './conformance.ts';
import type { Context } from './context.ts';
import { DefinitionsSource } from './definitions-source.ts';

/** A StructureDefinition, ValueSet, CodeSystem or ConceptMap that is stored, or deleted. */
export interface Coming {
  readonly type: string;
  readonly id: string;
  /** undefined: it goes. */
  readonly content: JsonObject | undefined;
  /** That no other one has. */
  readonly key: string;
}

/** A context in which these are stored already, as far as definitions are looked up. */
export function withComing(context: Context, coming: readonly Coming[]): Context {
  const { store, definitions } = context;
  const conformance = new Conformance(store, definitions, new DefinitionsSource(() => together));
  const together: Context = { ...context, coming, conformance };
  return together;
}
