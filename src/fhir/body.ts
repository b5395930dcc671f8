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
  let to = 0;
  const copy = (from: number, until: number) => {
    to += source.copy(out, to, from, until);
  };
  const text = (value: string) => {
    to += out.write(value, to, 'latin1');
  };

  // Everything but `meta` is the source with one piece replaced, which may be an empty one.
  const cut = idStart >= 0 ? idStart : Math.max(typeEnd, 1);
  const resume = idStart >= 0 ? idEnd : cut;
  const piece = idStart >= 0 ? `"${id}"` : typeEnd >= 0 ? `,"id":"${id}"` : `"id":"${id}"`;
  const follows = idStart < 0 && typeEnd < 0 && source[1] !== CLOSE_OBJECT ? ',' : '';

  let split: number;
  if (metaStart < 0) {
    copy(0, cut);
    text(`${piece},"meta":{`);
    split = to;
    text(`}${follows}`);
    copy(resume, source.length);
  } else if (metaStart >= resume) {
    copy(0, cut);
    text(piece + follows);
    copy(resume, metaStart + 1);
    split = to;
    copyMeta(source, metaStart, metaEnd, copy, text);
    copy(metaEnd, source.length);
  } else {
    copy(0, metaStart + 1);
    split = to;
    copyMeta(source, metaStart, metaEnd, copy, text);
    copy(metaEnd, cut);
    text(piece);
    copy(resume, source.length);
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

function membersOf(source: Uint8Array): Members {
  if (source[0] !== OPEN_OBJECT) throw new TypeError('a resource is a JSON object');
  const found = { typeEnd: -1, idStart: -1, idEnd: -1, metaStart: -1, metaEnd: -1 };
  let i = 1;
  while (source[i] === QUOTE) {
    const nameEnd = skipString(source, i);
    const valueStart = nameEnd + 1;
    const valueEnd = skipValue(source, valueStart);
    if (isName(source, i, nameEnd, 'resourceType')) {
      found.typeEnd = valueEnd;
    } else if (isName(source, i, nameEnd, 'id')) {
      found.idStart = valueStart;
      found.idEnd = valueEnd;
    } else if (isName(source, i, nameEnd, 'meta')) {
      if (source[valueStart] !== OPEN_OBJECT) throw new TypeError('meta is a JSON object');
      found.metaStart = valueStart;
      found.metaEnd = valueEnd;
    }
    i = valueEnd + (source[valueEnd] === COMMA ? 1 : 0);
  }
  return found;
}

/** Everything of `meta` but what the server sets, each member after a comma, without the brackets but the last. */
function copyMeta(
  source: Buffer,
  start: number,
  end: number,
  copy: (from: number, until: number) => void,
  text: (value: string) => void,
): void {
  // Runs of members that are kept are copied together.
  let run = -1;
  let i = start + 1;
  while (source[i] === QUOTE) {
    const nameEnd = skipString(source, i);
    const valueEnd = skipValue(source, nameEnd + 1);
    if (isName(source, i, nameEnd, 'versionId') || isName(source, i, nameEnd, 'lastUpdated')) {
      if (run >= 0) {
        text(',');
        copy(run, i - 1);
        run = -1;
      }
    } else if (run < 0) {
      run = i;
    }
    i = valueEnd + (source[valueEnd] === COMMA ? 1 : 0);
  }
  if (run >= 0) {
    text(',');
    copy(run, end - 1);
  }
  text('}');
}
