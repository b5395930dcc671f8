/** Bundles made by splicing stored bytes; nothing is parsed. https://hl7.org/fhir/R4/bundle.html */
import { formatInstant } from './instant.ts';

export interface BundleLink {
  readonly relation: string;
  readonly url: string;
}

export interface BundleEntry {
  readonly fullUrl?: string;
  /** The bytes of a resource: compact JSON. */
  readonly resource?: Uint8Array;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome'; readonly score?: number };
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: {
    /** `200`, or with a reason: `201 Created`. */
    readonly status: string;
    readonly location?: string;
    readonly etag?: string;
    /** An instant. */
    readonly lastModified?: string;
    /** The bytes of an OperationOutcome. */
    readonly outcome?: Uint8Array;
  };
}

export interface BundleParts {
  readonly id?: string;
  readonly type: 'searchset' | 'history' | 'transaction-response' | 'batch-response';
  readonly total?: number;
  /** Milliseconds since 1970, for `meta.lastUpdated`. */
  readonly lastUpdated?: number;
  readonly links: readonly BundleLink[];
  readonly entries: readonly BundleEntry[];
}

/** The JSON of a Bundle in UTF-8, properties in R4's order. Empty lists are left out, as R4 demands. */
export function bundleBytes(bundle: BundleParts): Uint8Array {
  const splice = new Splice();
  splice.text(opening(bundle));
  let before = ',"entry":[';
  for (const entry of bundle.entries) {
    splice.text(before);
    before = ',';
    writeEntry(splice, entry);
  }
  splice.text(bundle.entries.length > 0 ? ']}' : '}');
  return splice.bytes();
}

function opening({ id, type, total, lastUpdated, links }: BundleParts): string {
  let text = '{"resourceType":"Bundle"';
  if (id !== undefined) text += `,"id":${quoted(id)}`;
  if (lastUpdated !== undefined) text += `,"meta":{"lastUpdated":"${formatInstant(lastUpdated)}"}`;
  text += `,"type":"${type}"`;
  if (total !== undefined) text += `,"total":${total}`;
  if (links.length === 0) return text;
  return `${text},"link":[${links.map(({ relation, url }) => `{"relation":${quoted(relation)},"url":${quoted(url)}}`).join()}]`;
}

function writeEntry(splice: Splice, { fullUrl, resource, search, request, response }: BundleEntry): void {
  let text = fullUrl === undefined ? '' : `,"fullUrl":${quoted(fullUrl)}`;
  let open = '{';
  if (resource !== undefined) {
    splice.text(`${open}${text.slice(1)}${text === '' ? '' : ','}"resource":`);
    splice.resource(resource);
    text = '';
    open = '';
  }
  if (search !== undefined) {
    text += `,"search":{"mode":"${search.mode}"${search.score === undefined ? '' : `,"score":${search.score}`}}`;
  }
  if (request !== undefined) text += `,"request":{"method":${quoted(request.method)},"url":${quoted(request.url)}}`;
  if (response !== undefined) {
    const { status, location, etag, lastModified, outcome } = response;
    text += `,"response":{"status":${quoted(status)}`;
    if (location !== undefined) text += `,"location":${quoted(location)}`;
    if (etag !== undefined) text += `,"etag":${quoted(etag)}`;
    if (lastModified !== undefined) text += `,"lastModified":${quoted(lastModified)}`;
    if (outcome !== undefined) {
      splice.text(`${open === '' ? text : open + text.slice(1)},"outcome":`);
      splice.resource(outcome);
      text = '';
      open = '';
    }
    text += '}';
  }
  splice.text(`${open === '' ? text : open + text.slice(1)}}`);
}

/** Texts and resources in a row; their bytes are copied once, into memory of the right size. */
class Splice {
  readonly #parts: (string | Uint8Array)[] = [];
  #pending = '';
  #resources = 0;

  text(text: string): void {
    this.#pending += text;
  }

  resource(bytes: Uint8Array): void {
    this.#parts.push(this.#pending, bytes);
    this.#pending = '';
    this.#resources += bytes.length;
  }

  bytes(): Uint8Array {
    this.#parts.push(this.#pending);
    this.#pending = '';
    let length = this.#resources;
    for (const part of this.#parts) if (typeof part === 'string') length += Buffer.byteLength(part, 'utf8');
    const out = Buffer.allocUnsafe(length);
    let to = 0;
    for (const part of this.#parts) {
      if (typeof part === 'string') {
        to += out.write(part, to, 'utf8');
      } else {
        out.set(part, to);
        to += part.length;
      }
    }
    return out;
  }
}

/** Most URLs and ids have nothing that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
