/** What the modifiers of tokens that need code systems ask for. https://hl7.org/fhir/R4/search.html#token */

/** `parameter`: the name as the client wrote it, for messages. */
export type TermRequest = {
  readonly parameter: string;
} & (
  | {
      readonly kind: 'in';
      /** Canonical (`url`, `url|version`), or the literal reference of a ValueSet. */
      readonly valueSet: string;
    }
  | {
      /** A code and what it is subsumed by (`above`), or what it subsumes (`below`). */
      readonly kind: 'above' | 'below';
      readonly system: string;
      readonly code: string;
    }
);

/** Codes of one system; undefined: all that it has. */
export interface SystemCodes {
  readonly system: string;
  readonly codes: readonly string[] | undefined;
}

/**
 * The codes that a request comes to. Lowering is synchronous and knows no store, so whoever has one lets a search be parsed,
 * resolves what was asked for, and has it parsed again (`interactions/terms.ts`).
 */
export type Terms = (request: TermRequest) => readonly SystemCodes[];
