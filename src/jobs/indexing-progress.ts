/** How far the index of search parameters is. https://hl7.org/fhir/R4/http.html#ops (503, `Retry-After`) */
import { OutcomeError } from '../fhir/outcome.ts';
import type { ParameterState } from '../store/parameter-index.ts';

interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Resources done and to do for the parameters that are being filled; each type counts once. */
function progressOf(states: readonly ParameterState[]): Progress {
  const types = new Map<string, Progress>();
  for (const { state, type, done, total } of states) {
    if (state !== 'filling') continue;
    // Of several parameters the one that is furthest behind.
    const known = types.get(type);
    if (known === undefined || done < known.done) types.set(type, { done, total });
  }
  let sum = { done: 0, total: 0 };
  for (const { done, total } of types.values()) sum = { done: sum.done + done, total: sum.total + total };
  return sum;
}

const longestWait = 600;

/**
 * 503 for a parameter that is being filled, with its progress and when to ask again.
 * `pace`: milliseconds that a resource takes, 0 where nobody knows yet.
 */
export function unready(type: string, code: string, states: readonly ParameterState[], pace: number): OutcomeError {
  const asked = states.find((each) => each.state === 'filling' && each.type === type && each.code === code);
  const same = states.filter((each) => each.code === code && each.definition === asked?.definition);
  const { done, total } = progressOf(same);
  const seconds = Math.min(Math.max(Math.ceil(((total - done) * pace) / 1000), 1), longestWait);
  const diagnostics = `${code} of ${type} is still being indexed: ${done} of ${total} resources are done. Try again.`;
  return new OutcomeError(503, [{ severity: 'error', code: 'transient', diagnostics }], {
    'Retry-After': String(seconds),
  });
}
