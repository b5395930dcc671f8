/** Gives memory back after a large transaction. https://hl7.org/fhir/R4/http.html#transaction */
import { collectGarbage } from '../../store/garbage.ts';

/** Bodies from this many bytes on leave so much behind that it is worth a collection. */
const large = 8 << 20;

/** Milliseconds: by then the answer is on its way and nothing holds the request any more. */
const delay = 2000;

let due: NodeJS.Timeout | undefined;

/** To be called at the end of a transaction of so many bytes. */
export function releaseAfter(bytes: number): void {
  if (bytes < large) return;
  clearTimeout(due);
  due = setTimeout(collectGarbage, delay).unref();
}
