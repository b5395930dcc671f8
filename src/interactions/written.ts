/** Answers to writes. https://hl7.org/fhir/R4/http.html#ops */
import { bodyBytes } from '../fhir/body.ts';
import { type Issue, type IssueType, operationOutcome } from '../fhir/outcome.ts';
import type { Put, Written } from '../store/write.ts';
import type { Answer, Prefer } from './context.ts';

const encoder = new TextEncoder();

/** The bytes of an OperationOutcome with an issue of severity information, and others besides. */
export function informationBytes(
  diagnostics: string,
  code: IssueType = 'informational',
  others: readonly Issue[] = [],
): Uint8Array {
  const outcome = operationOutcome([{ severity: 'information', code, diagnostics }, ...others]);
  return encoder.encode(JSON.stringify(outcome));
}

/**
 * The answer to a create, update or patch that was committed: 201 or 200, with a body as `Prefer` asks. `warnings`: what validation had
 * to say of the resource.
 */
export function putAnswer(
  put: Put,
  written: Written,
  prefer: Prefer,
  patient: string,
  warnings: readonly Issue[],
): Answer {
  const { type, id } = put;
  const { versionId, lastUpdated, outcome } = written;
  const answer: Answer = {
    status: outcome === 'created' ? 201 : 200,
    version: { versionId, lastUpdated },
    location: `${type}/${id}/_history/${versionId}`,
    about: { type, id, patient },
  };
  if (prefer.return === 'minimal') return answer;
  if (prefer.return === 'OperationOutcome') {
    const text = `${type}/${id} ${outcome}: version ${versionId}.`;
    return { ...answer, body: informationBytes(text, 'informational', warnings) };
  }
  return { ...answer, body: bodyBytes(put.body, versionId, lastUpdated) };
}
