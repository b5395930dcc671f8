/** Rewriting the links of a transaction's resources in their bytes. https://hl7.org/fhir/R4/http.html#trules */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { type LinkElement, type LinkPlace, visitLinks } from '../../fhir/links.ts';
import { attributeText, narrativeLinks } from '../../fhir/narrative-links.ts';
import type { Resource } from '../../fhir/resource.ts';
import { type JsonPath, locateStrings, offsetIn } from './links-bytes.ts';

export interface Link {
  readonly element: LinkElement;
  /** As it stands in the resource; in a narrative without character references (`&amp;` is `&`). */
  readonly text: string;
  /** FHIRPath of the element, e.g. `Observation.subject.reference`; of the narrative (`Patient.text.div`) for its links. */
  readonly expression: string;
  /** Gives the element another text in the parsed resource. Not for links in narratives. */
  replace(text: string): void;
}

/** All links of a resource in the order of its text, each `href` and `src` of a narrative by itself. */
export function findLinks(value: Resource, definitions: Definitions): readonly Link[] {
  const links: Link[] = [];
  const add = (element: LinkElement, text: string, place: LinkPlace) =>
    links.push(new FoundLink(element, text, value, definitions, links.length, place));
  visitLinks(value, definitions, (element, text, place) => {
    if (element !== 'narrative') add(element, text, place);
    else for (const link of narrativeLinks(text)) add(element, link.text, place);
  });
  return links;
}

class FoundLink implements Link {
  readonly element: LinkElement;
  readonly text: string;
  readonly #value: Resource;
  readonly #definitions: Definitions;
  readonly #ordinal: number;
  readonly #owner: object;
  readonly #key: string | number;

  constructor(
    element: LinkElement,
    text: string,
    value: Resource,
    definitions: Definitions,
    ordinal: number,
    place: LinkPlace,
  ) {
    this.element = element;
    this.text = text;
    this.#value = value;
    this.#definitions = definitions;
    this.#ordinal = ordinal;
    this.#owner = place.owner();
    this.#key = place.key();
  }

  replace(text: string): void {
    Reflect.set(this.#owner, this.#key, text);
  }

  /** Looked for when it is asked for: most links are never spoken of. */
  get expression(): string {
    let left = this.#ordinal;
    let expression = this.#value.resourceType;
    visitLinks(this.#value, this.#definitions, (element, text, place) => {
      const count = element === 'narrative' ? narrativeLinks(text).length : 1;
      if (left >= 0 && left < count) expression = place.expression();
      left -= count;
    });
    return expression;
  }
}

const QUOTE = 0x22;

/** What a link becomes (`Type/id`); undefined: it stays. Asked for whole texts, and for those of fragments and versions. */
export type LinkResolver = (text: string, element: LinkElement) => string | undefined;

/** A part of a string that gets another text: [start, end) in UTF-16 units of its value. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The bytes with each link replaced that `resolve` knows; the same array where it knows none. All other bytes stay, the
 * spelling of the strings around them too. `bytes` are `value` as compact JSON, `found` its links if they are at hand.
 */
export function rewriteLinks(
  parsed: { readonly bytes: Uint8Array; readonly value: Resource },
  resolve: LinkResolver,
  definitions: Definitions,
  found: readonly Link[] = findLinks(parsed.value, definitions),
): Uint8Array {
  const targets = new Map<string, Target>();
  // Whether links have to be found by their places.
  let placed = false;
  for (const { text, element } of found) {
    const target = resolveLink(text, element, resolve);
    if (target === undefined || target === text) continue;
    if (element === 'narrative') placed = true;
    const same = targets.get(text);
    if (same === undefined) targets.set(text, { text: target, count: 1 });
    else if (same.text === target) same.count++;
    // One text with two targets.
    else placed = true;
  }
  if (targets.size === 0) return parsed.bytes;
  // A character for each byte: strings are searched and joined faster than byte arrays.
  const { buffer, byteOffset, byteLength } = parsed.bytes;
  const source = Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
  const edits =
    (placed ? undefined : plainEdits(source, targets)) ?? placedEdits(source, parsed.value, resolve, definitions);
  let result = '';
  let done = 0;
  for (const { start, end, text } of edits) {
    result += source.slice(done, start) + text;
    done = end;
  }
  return Buffer.from(result + source.slice(done), 'latin1');
}

/**
 * Does in the parsed resource what `rewriteLinks` does in its bytes, which is cheaper than reading them again. False where
 * a narrative's links change: then nothing is done.
 */
export function replaceLinks(found: readonly Link[], resolve: LinkResolver): boolean {
  const targets = found.map(({ text, element }) => resolveLink(text, element, resolve));
  if (found.some(({ element }, index) => element === 'narrative' && targets[index] !== undefined)) return false;
  found.forEach((link, index) => {
    const target = targets[index];
    if (target !== undefined) link.replace(target);
  });
  return true;
}

/** What a text becomes, and how often. */
interface Target {
  readonly text: string;
  count: number;
}

/** Replaces [start, end) of the source, bytes as characters. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The quick way: where a text stands in quotes exactly as often as it is a link, each is one. Undefined where it doesn't,
 * or could be written with escapes.
 */
function plainEdits(source: string, targets: ReadonlyMap<string, Target>): readonly Edit[] | undefined {
  if (source.includes('\\')) return undefined;
  const edits: Edit[] = [];
  for (const [link, { text, count }] of targets) {
    if (!/^[A-Za-z][!#-[\]-~]*$/.test(link)) return undefined;
    const target = encoded(text);
    let left = count;
    for (let start = source.indexOf(link); start >= 0; start = source.indexOf(link, start + 1)) {
      const end = start + link.length;
      if (source.charCodeAt(start - 1) !== QUOTE || source.charCodeAt(end) !== QUOTE) continue;
      edits.push({ start, end, text: target });
      left--;
    }
    if (left !== 0) return undefined;
  }
  return edits.sort((a, b) => a.start - b.start);
}

/** The thorough way: by the place of each link in the JSON. */
function placedEdits(
  source: string,
  value: Resource,
  resolve: LinkResolver,
  definitions: Definitions,
): readonly Edit[] {
  const paths: JsonPath[] = [];
  const changes: (readonly Change[])[] = [];
  visitLinks(value, definitions, (element, text, place) => {
    const found = element === 'narrative' ? narrativeChanges(text, resolve) : wholeChange(text, element, resolve);
    if (found.length === 0) return;
    paths.push(place.path());
    changes.push(found);
  });
  return locateStrings(source, paths).flatMap((position, index) =>
    (changes[index] ?? []).map(({ start, end, text }) => ({
      start: offsetIn(source, position, start),
      end: offsetIn(source, position, end),
      text: encoded(text),
    })),
  );
}

/**
 * What a link becomes: what `resolve` says of it, or of what stands before its `#fragment` or `/_history/version`, which
 * it keeps. (R4: version-specific references remain version-specific.) Elements of type uri are compared whole.
 */
export function resolveLink(text: string, element: LinkElement, resolve: LinkResolver): string | undefined {
  const whole = resolve(text, element);
  if (whole !== undefined || element === 'uri') return whole;
  const end = text.search(/#|\/_history\//);
  if (end <= 0) return undefined;
  const target = resolve(text.slice(0, end), element);
  return target === undefined ? undefined : target + text.slice(end);
}

function wholeChange(text: string, element: LinkElement, resolve: LinkResolver): readonly Change[] {
  const target = resolveLink(text, element, resolve);
  return target === undefined || target === text ? [] : [{ start: 0, end: text.length, text: target }];
}

function narrativeChanges(div: string, resolve: LinkResolver): readonly Change[] {
  const changes: Change[] = [];
  for (const { text, start, end } of narrativeLinks(div)) {
    const target = resolveLink(text, 'narrative', resolve);
    if (target !== undefined && target !== text) changes.push({ start, end, text: attributeText(target) });
  }
  return changes;
}

/** A text as it stands in a JSON string in UTF-8, a character for each byte. */
function encoded(text: string): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return text;
  return Buffer.from(JSON.stringify(text).slice(1, -1), 'utf8').toString('latin1');
}
