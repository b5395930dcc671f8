/** Keeps long work from holding up other requests. https://hl7.org/fhir/R4/http.html#transaction */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work between two turns of the event loop. */
const slice = 5;

/** A function to await between pieces of work; it lets others run when a slice is used up. */
export function makePace(): () => Promise<void> | undefined {
  let until = performance.now() + slice;
  return () => {
    if (performance.now() < until) return undefined;
    return setImmediate().then(() => {
      until = performance.now() + slice;
    });
  };
}
