/** The time a patch may take: it holds up everything else while it runs. https://hl7.org/fhir/R4/http.html#patch */
import { performance } from 'node:perf_hooks';
import { failure } from '../outcome.ts';

/** Milliseconds for all operations of one patch; an ordinary one takes less than one. */
const BUDGET = 1000;

/** Called with what is being done (`Operation 2 (…)`): throws OutcomeError 422 `too-costly` once the time is over. */
export type Budget = (title: string, expression?: string) => void;

/** A budget that begins now. */
export function startBudget(): Budget {
  const deadline = performance.now() + BUDGET;
  return (title, expression) => {
    if (performance.now() > deadline) {
      throw failure(422, 'too-costly', `${title}: the patch takes too long; nothing was changed.`, expression);
    }
  };
}
