/** Failures as clients are told of them. https://hl7.org/fhir/R4/http.html#Status-Codes */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { CursorExpired, NotReady, StoreUnavailable, TooCostly, Unsupported } from '../store/errors.ts';

/** Seconds after which a store may be there again: about as long as MongoDB takes to elect a primary. */
const askAgain = 5;

/** Any failure as an OutcomeError; one that nobody expected is a 500 that tells nothing of the inside. */
export function outcomeError(error: unknown): OutcomeError {
  if (error instanceof OutcomeError) return error;
  if (error instanceof CursorExpired) return failure(410, 'not-found', 'This page link has expired. Search again.');
  if (error instanceof TooCostly) return failure(400, 'too-costly', `The search would take too long. ${error.hint}`);
  if (error instanceof NotReady) return unavailable(error.message, error.retryAfter);
  if (error instanceof Unsupported) return failure(501, 'not-supported', error.message);
  if (error instanceof StoreUnavailable) return unavailable('The store is not available. Try again.', askAgain);
  return failure(500, 'exception', 'The server failed to process the request. Its log has the details.');
}

function unavailable(text: string, retryAfter: number): OutcomeError {
  const issue = { severity: 'error', code: 'transient', diagnostics: text } as const;
  return new OutcomeError(503, [issue], { 'Retry-After': String(retryAfter) });
}
