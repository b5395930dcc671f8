/** The bytes of a resource, cut where a commit puts the server's part of `meta`. https://hl7.org/fhir/R4/resource.html#Meta */
import { formatInstant } from './instant.ts';
import { isName, skipString, skipValue } from './json-scan.ts';
import { asBuffer } from './json-text.ts';

/**
 * Stored is `head` + `"versionId":"3","lastUpdated":"2026-01-31T08:00:00.000Z"` + `tail`, without white space.
 * `head` ends inside `meta`; `tail` begins with `,` where `meta` has more. Neither shares memory with the request.
 */
export interface Body {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the values of top-level members lie, as indexes of bytes from `…Start` to before `…End`; -1: there is none. */
interface Members {
  readonly typeEnd: number;
  readonly idStart: number;
  readonly idEnd: number;
  readonly metaStart: number;
  readonly metaEnd: number;
}

/**
 * The body of a resource under a logical id. `compact` is a valid JSON object without white space outside strings
 * (`ParsedJson.bytes`). Properties keep their order; a sent `meta.versionId` and `meta.lastUpdated` are dropped. Where there is no
 * `id`, it comes after `resourceType`; where there is no `meta`, it comes after `id`.
 */
export function makeBody(compact: Uint8Array, id: string): Body {
  const source = asBuffer(compact);
  const { typeEnd, idStart, idEnd, metaStart, metaEnd } = membersOf(source);
  const out = Buffer.allocUnsafe(source.length + id.length + 32);

  // Everything but `meta` is the source with one piece replaced, which may be an empty one.
  const cut = idStart >= 0 ? idStart : Math.max(typeEnd, 1);
  const resume = idStart >= 0 ? idEnd : cut;
  const piece = idStart >= 0 ? `"${id}"` : typeEnd >= 0 ? `,"id":"${id}"` : `"id":"${id}"`;
  const follows = idStart < 0 && typeEnd < 0 && source[1] !== CLOSE_OBJECT ? ',' : '';

  let split: number;
  let to: number;
  if (metaStart < 0) {
    to = source.copy(out, 0, 0, cut);
    to += out.write(`${piece},"meta":{}${follows}`, to, 'latin1');
    split = to - 1 - follows.length;
    to += source.copy(out, to, resume);
  } else if (metaStart >= resume) {
    to = source.copy(out, 0, 0, cut);
    to += out.write(piece + follows, to, 'latin1');
    to += source.copy(out, to, resume, metaStart + 1);
    split = to;
    to = copyMeta(source, metaStart, metaEnd, out, to);
    to += source.copy(out, to, metaEnd);
  } else {
    to = source.copy(out, 0, 0, metaStart + 1);
    split = to;
    to = copyMeta(source, metaStart, metaEnd, out, to);
    to += source.copy(out, to, metaEnd, cut);
    to += out.write(piece, to, 'latin1');
    to += source.copy(out, to, resume);
  }
  return { head: out.subarray(0, split), tail: out.subarray(split, to) };
}

/** The bytes to store: the body as that version, last updated then (milliseconds since 1970). */
export function bodyBytes(body: Body, versionId: number, lastUpdated: number): Uint8Array {
  const { head, tail } = body;
  const server = `"versionId":"${versionId}","lastUpdated":"${formatInstant(lastUpdated)}"`;
  const out = Buffer.allocUnsafe(head.length + server.length + tail.length);
  out.set(head, 0);
  out.write(server, head.length, 'latin1');
  out.set(tail, head.length + server.length);
  return out;
}

/** Whether stored bytes (of `bodyBytes`) are this body, whatever their versionId and lastUpdated. */
export function sameContent(body: Body, stored: Uint8Array): boolean {
  const { head, tail } = body;
  const between = stored.length - head.length - tail.length;
  if (between < SHORTEST_SERVER || between > LONGEST_SERVER) return false;
  const bytes = asBuffer(stored);
  if (bytes.compare(tail, 0, tail.length, bytes.length - tail.length) !== 0) return false;
  if (bytes.compare(head, 0, head.length, 0, head.length) !== 0) return false;
  return SERVER.test(bytes.toString('latin1', head.length, head.length + between));
}

const SERVER = /^"versionId":"[0-9]+","lastUpdated":"[^"]*"$/;
const SHORTEST_SERVER = '"versionId":"1","lastUpdated":""'.length;
const LONGEST_SERVER = 80;

function membersOf(source: Buffer): Members {
  if (source[0] !== OPEN_OBJECT) throw new TypeError('a resource is a JSON object');
  const escapes = source.indexOf(BACKSLASH) >= 0;
  let typeEnd = -1;
  let idStart = -1;
  let idEnd = -1;
  let metaStart = -1;
  let metaEnd = -1;
  let i = 1;
  while (source[i] === QUOTE) {
    const nameEnd = skipString(source, i);
    const valueEnd = skipValue(source, nameEnd + 1);
    const length = nameEnd - i - 2;
    if ((length === 12 || escapes) && isName(source, i, nameEnd, 'resourceType')) {
      typeEnd = valueEnd;
    } else if ((length === 2 || escapes) && isName(source, i, nameEnd, 'id')) {
      idStart = nameEnd + 1;
      idEnd = valueEnd;
    } else if ((length === 4 || escapes) && isName(source, i, nameEnd, 'meta')) {
      metaStart = nameEnd + 1;
      metaEnd = valueEnd;
    }
    i = source[valueEnd] === COMMA ? valueEnd + 1 : valueEnd;
  }
  if (metaStart >= 0 && source[metaStart] !== OPEN_OBJECT) throw new TypeError('meta is a JSON object');
  return { typeEnd, idStart, idEnd, metaStart, metaEnd };
}

/**
 * Copies every member of `meta` but the server's to `out` from `to` on, each after a comma, then the closing bracket; gives the
 * index after it.
 */
function copyMeta(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  // Members that are kept and lie side by side are copied together.
  let run = -1;
  const copyRun = (runEnd: number) => {
    if (run < 0) return;
    out[to++] = COMMA;
    to += source.copy(out, to, run, runEnd);
    run = -1;
  };
  let i = start + 1;
  while (source[i] === QUOTE) {
    const nameEnd = skipString(source, i);
    const valueEnd = skipValue(source, nameEnd + 1);
    if (isName(source, i, nameEnd, 'versionId') || isName(source, i, nameEnd, 'lastUpdated')) copyRun(i - 1);
    else if (run < 0) run = i;
    i = source[valueEnd] === COMMA ? valueEnd + 1 : valueEnd;
  }
  copyRun(end - 1);
  out[to++] = CLOSE_OBJECT;
  return to;
}
