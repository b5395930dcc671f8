/** Names that a client may have meant. https://hl7.org/fhir/R4/search.html#errors */
import { distance } from 'fastest-levenshtein';

/** The valid names nearest to one that isn't, best first, at most `limit`. The beginning of a name counts as near. */
export function nearest(name: string, valid: readonly string[], limit = 3): readonly string[] {
  const wanted = name.toLowerCase();
  return [...new Set(valid)]
    .map((each) => ({ each, far: farness(wanted, each.toLowerCase()) }))
    .sort((a, b) => a.far - b.far || (a.each < b.each ? -1 : 1))
    .slice(0, limit)
    .map(({ each }) => each);
}

function farness(wanted: string, name: string): number {
  const far = distance(wanted, name);
  return wanted.length > 2 && name.startsWith(wanted) ? Math.min(far, 1) : far;
}
