/** Names of search parameters as a query writes them. https://hl7.org/fhir/R4/search.html#modifiers */

/** One step of a name: `subject:Patient` in `subject:Patient.name`. */
export interface NameStep {
  readonly code: string;
  /** What stands behind the colon; undefined where there is none. */
  readonly modifier: string | undefined;
}

/** A name: one step, or a chain of them. */
export interface ParameterName {
  readonly text: string;
  readonly steps: readonly NameStep[];
}

/** Takes a name apart. Reverse chains (`_has:Observation:patient:code`) keep all behind the first colon as modifier. */
export function parseName(text: string): ParameterName {
  const steps = text.startsWith('_has:') ? [text] : text.split('.');
  return {
    text,
    steps: steps.map((step) => {
      const colon = step.indexOf(':');
      return colon < 0
        ? { code: step, modifier: undefined }
        : { code: step.slice(0, colon), modifier: step.slice(colon + 1) };
    }),
  };
}
