/** Collects garbage after work that leaves much behind. https://hl7.org/fhir/R4/http.html#transaction */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** https://nodejs.org/docs/latest-v20.x/api/cli.html#--expose-gc */
type Collect = (options: { readonly type: 'major'; readonly execution: 'async' }) => Promise<void>;

let collect: Collect | undefined;

/**
 * Collects this thread's garbage on one of its next turns. V8 collects when something is allocated, so that a thread with
 * little to do would keep hundreds of megabytes for hours.
 */
export function collectGarbage(): void {
  collect ??= collector();
  void collect({ type: 'major', execution: 'async' });
}

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  return typeof found === 'function' ? async (options) => found(options) : async () => {};
}
