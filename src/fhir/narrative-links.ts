/** What the tags of a narrative point at by `href` and `src`. https://hl7.org/fhir/R4/narrative.html#id */

export interface NarrativeLink {
  /** The value of the attribute, without character references. */
  readonly text: string;
  /** Where the value stands in the narrative, in UTF-16 units: [start, end). */
  readonly start: number;
  readonly end: number;
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

const ATTRIBUTE = /[\s/]*([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/dy;

/** The links of a narrative in order; text, comments and CDATA sections between its tags are none. */
export function narrativeLinks(div: string): readonly NarrativeLink[] {
  const links: NarrativeLink[] = [];
  if (!div.includes('href') && !div.includes('src')) return links;
  let at = div.indexOf('<');
  while (at >= 0) {
    const rest = skipped(div, at) ?? readTag(div, at, links);
    at = div.indexOf('<', rest);
  }
  return links;
}

/** The end of a comment or CDATA section that begins here; undefined where a tag does. */
function skipped(div: string, at: number): number | undefined {
  const [open, close] = div.startsWith('<!--', at) ? ['<!--', '-->'] : ['<![CDATA[', ']]>'];
  if (!div.startsWith(open, at)) return undefined;
  const end = div.indexOf(close, at + open.length);
  return end < 0 ? div.length : end + close.length;
}

/** Reads the attributes of a tag; gives where it stops. */
function readTag(div: string, at: number, links: NarrativeLink[]): number {
  let next = at + 1;
  while (next < div.length && /[^\s/>]/.test(div.charAt(next))) next++;
  for (;;) {
    ATTRIBUTE.lastIndex = next;
    const found = ATTRIBUTE.exec(div);
    if (found === null) return next;
    next = ATTRIBUTE.lastIndex;
    const [, name, double, single] = found;
    const text = double ?? single;
    const place = found.indices?.[double === undefined ? 3 : 2];
    if (text === undefined || place === undefined || (name !== 'href' && name !== 'src')) continue;
    links.push({ text: withoutReferences(text), start: place[0], end: place[1] });
  }
}

function withoutReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|([a-z]+));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED.get(name) ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** A text as an attribute's value, whichever quotes stand around it. */
export function attributeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
