/** What the text of a reference points at. https://hl7.org/fhir/R4/references.html#literal */

export type ParsedReference =
  /** To a resource of this server: relative, or absolute to our own base. */
  | { readonly kind: 'local'; readonly type: string; readonly id: string; readonly version?: string }
  /** Any other URL, also one below our own base that is no `Type/id`. */
  | { readonly kind: 'absolute'; readonly url: string }
  /** To a contained resource; `id` is '' for `#`, the container. */
  | { readonly kind: 'fragment'; readonly id: string }
  /** `urn:uuid:…`, `urn:oid:…`, whole. */
  | { readonly kind: 'urn'; readonly urn: string }
  /** Neither: malformed, or conditional (`Patient?identifier=…`). */
  | { readonly kind: 'other'; readonly text: string };

const LOCAL = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * What `Reference.reference` or another literal reference points at. `baseUrl` is our own, with or without a final slash.
 * The type's name isn't compared with the definitions.
 */
export function parseReference(text: string, baseUrl: string): ParsedReference {
  const relative = belowBase(text, baseUrl);
  const match = LOCAL.exec(relative ?? text);
  if (match !== null) {
    const [, type = '', id = '', version] = match;
    return version === undefined ? { kind: 'local', type, id } : { kind: 'local', type, id, version };
  }
  if (text.startsWith('#')) return { kind: 'fragment', id: text.slice(1) };
  if (/^urn:/i.test(text)) return { kind: 'urn', urn: text };
  return SCHEME.test(text) ? { kind: 'absolute', url: text } : { kind: 'other', text };
}

/** The part of a URL behind our base and its slash, undefined for one that doesn't lie below it. */
function belowBase(text: string, baseUrl: string): string | undefined {
  const base = baseUrl.endsWith('/') ? baseUrl.length - 1 : baseUrl.length;
  if (text.length <= base || text.charCodeAt(base) !== 0x2f) return undefined;
  return text.startsWith(base === baseUrl.length ? baseUrl : baseUrl.slice(0, base)) ? text.slice(base + 1) : undefined;
}
