/** Bundles made by splicing stored bytes; nothing is parsed. https://hl7.org/fhir/R4/bundle.html */
import { formatInstant } from './instant.ts';

export interface BundleLink {
  readonly relation: string;
  readonly url: string;
}

export interface BundleEntry {
  readonly fullUrl?: string | undefined;
  /** The bytes of a resource: compact JSON. */
  readonly resource?: Uint8Array | undefined;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome'; readonly score?: number | undefined };
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: {
    /** `200`, or with a reason: `201 Created`. */
    readonly status: string;
    readonly location?: string | undefined;
    readonly etag?: string | undefined;
    /** An instant. */
    readonly lastModified?: string | undefined;
    /** The bytes of an OperationOutcome. */
    readonly outcome?: Uint8Array | undefined;
  };
}

export interface BundleParts {
  readonly id?: string;
  readonly type: 'searchset' | 'history' | 'transaction-response' | 'batch-response';
  readonly total?: number;
  /** Milliseconds since 1970, for `meta.lastUpdated`. */
  readonly lastUpdated?: number;
  readonly links: readonly BundleLink[];
  /** Entries that are a text already, in pieces, a comma between two: they come first. */
  readonly spliced?: readonly (string | Uint8Array)[];
  readonly entries: readonly BundleEntry[];
}

/** What stands around the id and the bytes of a match, as `writeEntry` would write it. `url`: up to the id. */
export function aroundMatch(url: string): {
  readonly before: string;
  readonly between: string;
  readonly after: string;
} {
  return {
    before: `{"fullUrl":${quoted(url).slice(0, -1)}`,
    between: '","resource":',
    after: ',"search":{"mode":"match"}}',
  };
}

/** The JSON of a Bundle in UTF-8, properties in R4's order. Empty lists are left out, as R4 demands. */
export function bundleBytes(parts: BundleParts): Uint8Array {
  const steps = bundleInSteps(parts);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, but awaits `pause`, which may do nothing, after each entry. */
export async function bundleBytesInSlices(
  parts: BundleParts,
  pause: () => Promise<void> | undefined,
): Promise<Uint8Array> {
  const steps = bundleInSteps(parts);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    const paused = pause();
    if (paused !== undefined) await paused;
  }
}

function* bundleInSteps(parts: BundleParts): Generator<void, Uint8Array> {
  const { id, type, total, lastUpdated, links, spliced, entries } = parts;
  const splice = new Splice();
  splice.open();
  splice.member('resourceType', '"Bundle"');
  if (id !== undefined) splice.member('id', quoted(id));
  if (lastUpdated !== undefined) splice.member('meta', `{"lastUpdated":"${formatInstant(lastUpdated)}"}`);
  splice.member('type', `"${type}"`);
  if (total !== undefined) splice.member('total', String(total));
  if (links.length > 0) {
    const items = links.map(({ relation, url }) => `{"relation":${quoted(relation)},"url":${quoted(url)}}`);
    splice.member('link', `[${items.join()}]`);
  }
  if (entries.length > 0 || spliced !== undefined) {
    splice.member('entry', '[');
    for (const piece of spliced ?? []) typeof piece === 'string' ? splice.text(piece) : splice.whole(piece);
    for (const [index, entry] of entries.entries()) {
      if (index > 0 || spliced !== undefined) splice.text(',');
      writeEntry(splice, entry);
      yield;
    }
    splice.text(']');
  }
  splice.close();
  return splice.bytes();
}

function writeEntry(splice: Splice, { fullUrl, resource, search, request, response }: BundleEntry): void {
  splice.open();
  if (fullUrl !== undefined) splice.member('fullUrl', quoted(fullUrl));
  if (resource !== undefined) splice.resource('resource', resource);
  if (search !== undefined) {
    splice.member('search', `{"mode":"${search.mode}"${search.score === undefined ? '' : `,"score":${search.score}`}}`);
  }
  if (request !== undefined) {
    splice.member('request', `{"method":${quoted(request.method)},"url":${quoted(request.url)}}`);
  }
  if (response !== undefined) {
    splice.member('response', '');
    splice.open();
    splice.member('status', quoted(response.status));
    if (response.location !== undefined) splice.member('location', quoted(response.location));
    if (response.etag !== undefined) splice.member('etag', quoted(response.etag));
    if (response.lastModified !== undefined) splice.member('lastModified', quoted(response.lastModified));
    if (response.outcome !== undefined) splice.resource('outcome', response.outcome);
    splice.close();
  }
  splice.close();
}

/** UTF-16 units of text that wait to be encoded. */
const longestPending = 16_384;

/** Texts and resources in a row; their bytes are copied once, into memory that is large enough. */
class Splice {
  readonly #parts: (string | Uint8Array)[] = [];
  #pending = '';
  #room = 0;
  /** Whether the object that is written has no member yet. */
  #empty = true;

  open(): void {
    this.#pending += '{';
    this.#empty = true;
  }

  close(): void {
    this.#pending += '}';
    this.#empty = false;
    // A long text is encoded piece by piece: at the end it would take a large Bundle's whole time at once.
    if (this.#pending.length > longestPending) {
      const bytes = Buffer.from(this.#pending, 'utf8');
      this.#parts.push(bytes);
      this.#room += bytes.length;
      this.#pending = '';
    }
  }

  text(text: string): void {
    this.#pending += text;
  }

  member(name: string, json: string): void {
    this.#pending += this.#empty ? `"${name}":${json}` : `,"${name}":${json}`;
    this.#empty = false;
  }

  resource(name: string, bytes: Uint8Array): void {
    this.member(name, '');
    this.whole(bytes);
  }

  whole(bytes: Uint8Array): void {
    this.#flush();
    this.#parts.push(bytes);
    this.#room += bytes.length;
  }

  bytes(): Uint8Array {
    this.#flush();
    const out = Buffer.allocUnsafe(this.#room);
    let to = 0;
    for (const part of this.#parts) {
      if (typeof part === 'string') {
        to += out.write(part, to, 'utf8');
      } else {
        out.set(part, to);
        to += part.length;
      }
    }
    return out.subarray(0, to);
  }

  #flush(): void {
    this.#parts.push(this.#pending);
    // A UTF-16 unit takes at most three bytes in UTF-8; to count them exactly takes longer than the rest.
    this.#room += this.#pending.length * 3;
    this.#pending = '';
  }
}

/** Most URLs and ids have nothing that JSON escapes. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
