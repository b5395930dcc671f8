/** Names of search parameters as a query writes them. https://hl7.org/fhir/R4/search.html#modifiers */
import { failure } from '../../fhir/outcome.ts';

/** Steps of a name beyond which no server's data go. */
const mostSteps = 12;

const reverse = /^_has:([^:.]*:[^:.]*):/;

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

/**
 * Takes a name apart. A reverse chain is a step `_has` whose modifier is the type that refers and its parameter
 * (`Observation:patient`); what follows is on that type. `shown`: what the name is called in messages. Throws 400 for more steps than make sense.
 */
export function parseName(text: string, shown = text): ParameterName {
  const steps: NameStep[] = [];
  let rest = text;
  for (;;) {
    if (steps.length === mostSteps) {
      const hint = `${shown.slice(0, 200)} has more than ${mostSteps} steps; follow fewer references.`;
      throw failure(400, 'too-costly', hint);
    }
    const head = reverse.exec(rest);
    if (head !== null) {
      steps.push({ code: '_has', modifier: head[1] });
      rest = rest.slice(head[0].length);
      continue;
    }
    const dot = rest.startsWith('_has') ? -1 : rest.indexOf('.');
    const step = dot < 0 ? rest : rest.slice(0, dot);
    const colon = step.indexOf(':');
    steps.push(
      colon < 0 ? { code: step, modifier: undefined } : { code: step.slice(0, colon), modifier: step.slice(colon + 1) },
    );
    if (dot < 0) return { text, steps };
    rest = rest.slice(dot + 1);
  }
}
