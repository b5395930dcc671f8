/** What lowering a value needs to know, and how it refuses one. https://hl7.org/fhir/R4/search.html#errors */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { failure, type IssueType, type OutcomeError } from '../../fhir/outcome.ts';
import type { ComponentKind } from '../criteria.ts';
import type { Values } from '../extract/values.ts';
import type { ParameterRegistry } from '../registry.ts';
import type { Terms } from '../terms.ts';
import type { Allowance } from './allowance.ts';

export interface LowerContext {
  /** The parameter's name as the client wrote it, for messages. */
  readonly name: string;
  readonly definitions: Definitions;
  readonly registry: ParameterRegistry;
  /** What `:in`, `:not-in`, `:above` and `:below` of tokens mean; undefined: they are refused. */
  readonly terms: Terms | undefined;
  readonly baseUrl: string;
  readonly timezone: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What is left for the query. */
  readonly allowance: Allowance;
  /** Is told of bare ids that may stand for several types. */
  readonly ambiguous: (id: string, types: readonly string[]) => void;
}

/** What of a parameter, or of a composite's component, decides how its values are read. */
export interface Lowerable extends ComponentKind {
  readonly targets: readonly string[];
  readonly values: Values;
}

/** 400 for a value, with what would be right. Never repeats more of the value than a line. */
export function badValue(context: LowerContext, value: string, expected: string): OutcomeError {
  return refuse('value', `${context.name}: "${shorten(value)}" is not ${expected}.`);
}

/** 400 with an issue of that code. */
export function refuse(code: IssueType, diagnostics: string): OutcomeError {
  return failure(400, code, diagnostics);
}

function shorten(value: string): string {
  return value.length > 80 ? `${value.slice(0, 80)}…` : value;
}
