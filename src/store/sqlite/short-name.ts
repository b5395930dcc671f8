/** Names by which something is remembered of long texts. https://hl7.org/fhir/R4/search.html#combining (a search may compare with very many values) */
import { createHash } from 'node:crypto';

/** Characters up to which a text is its own name. */
const longest = 1000;

/** A text of at most 1,000 characters that is another one for each text. */
export function shortName(text: string): string {
  return text.length <= longest ? text : createHash('sha256').update(text).digest('base64url');
}
