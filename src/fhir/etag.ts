/** Version ids as entity tags. https://hl7.org/fhir/R4/http.html#versioning */

/** The weak ETag of a version: `W/"3"`. */
export function etag(versionId: number): string {
  return `W/"${versionId}"`;
}

const TAG = /[ \t]*(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(,|$)/y;

/**
 * The tags in an `If-Match` or `If-None-Match` header, without quotation marks and weakness: `W/"3", "4"` gives 3 and 4.
 * `*` for any; undefined for a malformed header. Empty elements of a list are skipped (RFC 9110).
 */
export function parseETags(header: string): readonly string[] | '*' | undefined {
  const text = header.trim();
  if (text === '*') return '*';
  const tags: string[] = [];
  for (let at = 0; at < text.length; ) {
    TAG.lastIndex = at;
    const match = TAG.exec(text);
    if (match !== null) {
      tags.push(match[1] ?? '');
      at = TAG.lastIndex;
      continue;
    }
    const empty = /^[ \t]*,/.exec(text.slice(at));
    if (empty === null) return undefined;
    at += empty[0].length;
  }
  return tags.length > 0 ? tags : undefined;
}
