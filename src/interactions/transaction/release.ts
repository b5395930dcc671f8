/** Gives memory back after a large transaction. https://hl7.org/fhir/R4/http.html#transaction */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bodies from this many bytes on leave so much behind that it is worth a collection. */
const large = 8 << 20;

/** Milliseconds: by then the answer is on its way and nothing holds the request any more. */
const delay = 1000;

/** https://nodejs.org/docs/latest-v20.x/api/cli.html#--expose-gc */
type Collect = (options: { readonly type: 'major'; readonly execution: 'async' }) => Promise<void>;

let collect: Collect | undefined;
let due: NodeJS.Timeout | undefined;

/**
 * To be called at the end of a transaction of so many bytes. V8 collects garbage when something is allocated, so a server
 * with little to do would keep hundreds of megabytes for hours; this collects in steps, without holding up requests.
 */
export function releaseAfter(bytes: number): void {
  if (bytes < large) return;
  clearTimeout(due);
  due = setTimeout(() => {
    collect ??= collector();
    void collect({ type: 'major', execution: 'async' });
  }, delay).unref();
}

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  return typeof found === 'function' ? async (options) => found(options) : async () => {};
}
