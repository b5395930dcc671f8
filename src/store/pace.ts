/** Keeps long work from holding up other requests. https://hl7.org/fhir/R4/http.html#transaction */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds of work between two turns of the event loop, unless the caller says otherwise. */
const usual = 5;

/** A function to await between pieces of work; it lets others run when a slice (milliseconds) is used up. */
export function makePace(slice = usual): () => Promise<void> | undefined {
  let until = performance.now() + slice;
  return () => {
    if (performance.now() < until) return undefined;
    return setImmediate().then(() => {
      until = performance.now() + slice;
    });
  };
}
