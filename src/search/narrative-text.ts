/** The text of a narrative, without its tags. https://hl7.org/fhir/R4/narrative.html */

/** Tags that may stand inside a word. */
const inline: ReadonlySet<string> = new Set(
  'a abbr acronym b big bdo cite code dfn em font i kbd q s samp small span strike strong sub sup tt u var'.split(' '),
);
/** How a tag begins: its name ends there, or it has none. */
const tag = /<[/!?]?([A-Za-z][A-Za-z0-9]*)?(?![A-Za-z0-9])/y;
/** What ends a tag, what begins a quoted value, and what no tag has outside of one. */
const marks = /[<>"']/g;
const reference = /&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{0,30}));/g;
/** `eacute`, `Uuml`: the letter with its accent, which doesn't count in words. */
const accented = /^([A-Za-z])(?:acute|caron|cedil|circ|grave|ring|slash|tilde|uml)$/;

const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['rsquo', '’'],
  ['szlig', 'ß'],
  ['aelig', 'æ'],
  ['AElig', 'Æ'],
  ['micro', 'µ'],
  ['shy', ''],
]);

/**
 * The text of an XHTML fragment: tags that break lines are spaces, comments and attributes are left out, character
 * references are what they stand for. What isn't well-formed is text from there on.
 */
export function textOfNarrative(div: string): string {
  let text = '';
  let at = 0;
  for (;;) {
    const open = div.indexOf('<', at);
    if (open < 0) break;
    text += div.slice(at, open);
    if (div.startsWith('<!--', open)) {
      const end = div.indexOf('-->', open + 4);
      at = end < 0 ? div.length : end + 3;
      continue;
    }
    tag.lastIndex = open;
    const found = tag.exec(div);
    const end = found === null ? undefined : tagEnd(div, tag.lastIndex);
    at = end ?? open;
    if (found === null || end === undefined) break;
    if (!inline.has((found[1] ?? '').toLowerCase())) text += ' ';
  }
  return withoutReferences(text + div.slice(at));
}

/** Where a tag ends whose attributes begin at a place; undefined where it doesn't. By marks: attributes may be megabytes. */
function tagEnd(div: string, from: number): number | undefined {
  marks.lastIndex = from;
  for (let mark = marks.exec(div); mark !== null; mark = marks.exec(div)) {
    const [character] = mark;
    if (character === '>') return marks.lastIndex;
    if (character === '<') return undefined;
    const closing = div.indexOf(character, marks.lastIndex);
    if (closing < 0) return undefined;
    marks.lastIndex = closing + 1;
  }
  return undefined;
}

function withoutReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(reference, (_, decimal?: string, hex?: string, name = '') => {
    if (decimal !== undefined || hex !== undefined) {
      const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return point <= 0x10ffff ? String.fromCodePoint(point) : ' ';
    }
    return named.get(name) ?? accented.exec(name)?.[1] ?? ' ';
  });
}
