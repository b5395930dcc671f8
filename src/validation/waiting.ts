/** What has to be asked of the store before a check can go on. https://hl7.org/fhir/R4/validation.html */
import type { Budget } from '../fhir/fhirpath/scope.ts';

/** Begins to ask. */
export type Wait = () => Promise<void>;

/** How many are asked for at once. */
const atOnce = 16;

/** Asks a few at a time. Throws OverBudget when the time is over, and begins no more. */
export async function inTurn(waits: readonly Wait[], budget: Budget): Promise<void> {
  for (let first = 0; first < waits.length; first += atOnce) {
    budget.look();
    await Promise.all(waits.slice(first, first + atOnce).map((wait) => wait()));
  }
}
