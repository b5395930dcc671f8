/** What a search answers, in the form in which the search cases compare it. https://hl7.org/fhir/R4/search.html */
import { expect } from 'vitest';
import { idsOf, includedOf, refusal } from '../http/searching.ts';
import type { TestServer } from '../http/server.ts';

/**
 * The matches' ids, sorted unless the search is; behind a `+` the included `Type/id`. For a refusal `refused: ` and the
 * issue's code. `nameOf`: what to call a match instead of its id.
 */
export async function answerOf(
  server: TestServer,
  path: string,
  nameOf: (id: string) => string = (id) => id,
): Promise<string> {
  const reply = await server.get(path);
  if (reply.status !== 200) return `refused: ${refusal(reply).code}`;
  const names = idsOf(reply).map(nameOf);
  const included = includedOf(reply);
  return [...(path.includes('_sort=') ? names : names.sort()), ...(included.length > 0 ? ['+', ...included] : [])].join(
    ' ',
  );
}

/** Compares an answer with the one that is wanted. One that waits for a feature must not be right yet. */
export function expectAnswer(answer: string, wanted: string, pending: string | undefined): void {
  if (pending === undefined) {
    expect(answer).toBe(wanted);
    return;
  }
  expect(answer, `${pending}: this works now; take it out of pending.ts`).not.toBe(wanted);
  expect(answer, `${pending}: what isn't built is refused`).toMatch(/^refused: /);
}
