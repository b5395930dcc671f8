/** Whether a narrative is XHTML that has nothing but what it may. https://hl7.org/fhir/R4/narrative.html#xhtml */
import { SaxesParser, type SaxesTagPlain } from 'saxes';

const namespace = 'http://www.w3.org/1999/xhtml';

const words = (text: string): readonly string[] => text.split(' ');

/** Attributes that every element may have: those of HTML 4 without handlers of events. */
const common = words('id class style title lang xml:lang dir accesskey tabindex xmlns');
const cells = words('align char charoff valign');

/**
 * Elements of HTML 4's chapters 7 to 11 (but section 9.4) and 15, `a` and images, by name with their own attributes. Among them are some
 * that HTML 4 has in other chapters and R4's own examples use.
 */
const elements: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [
    ...words(
      'p br h1 h2 h3 h4 h5 h6 span b em i strong small big tt dfn var abbr acronym cite address bdo kbd sub sup',
    ),
    ...words('dl dt dd code samp map pre li ul ol caption div hr'),
  ]
    .map((name): [string, readonly string[]] => [
      name,
      words('align width clear type start value compact noshade size'),
    ])
    .concat([
      ['a', words('href name rel rev hreflang type charset shape coords target')],
      ['img', words('src alt height width longdesc usemap ismap border align hspace vspace')],
      ['area', words('shape coords href nohref alt')],
      ['q', ['cite']],
      ['blockquote', ['cite']],
      ['table', words('summary width border frame rules cellspacing cellpadding align bgcolor')],
      ['thead', cells],
      ['tbody', cells],
      ['tfoot', cells],
      ['tr', [...cells, 'bgcolor']],
      ['col', [...cells, 'span', 'width']],
      ['colgroup', [...cells, 'span', 'width']],
      ...words('th td').map((name): [string, readonly string[]] => [
        name,
        [...cells, ...words('abbr axis headers scope rowspan colspan width height nowrap bgcolor')],
      ]),
    ])
    .map(([name, own]) => [name, new Set([...common, ...own])]),
);

const addresses: ReadonlySet<string> = new Set(['href', 'src', 'cite', 'longdesc', 'usemap']);
/** What runs when it is followed. */
const script = /^(?:javascript|vbscript):/i;
const active = /expression\s*\(|javascript:|-moz-binding|behavior\s*:|@import/i;

/** What is wrong with a narrative, and which of R4's two invariants it breaks. */
export interface NarrativeFault {
  readonly rule: 'txt-1' | 'txt-2';
  readonly text: string;
}

/** What is wrong with a `div`; undefined for one that is as R4 has it. */
export function checkNarrative(div: string): NarrativeFault | undefined {
  const parser = new SaxesParser();
  let fault: string | undefined;
  let depth = 0;
  let content = false;
  const note = (text: string): void => {
    fault ??= text;
  };
  parser.on('error', (error) => note(`must be well-formed XHTML: ${withoutContent(error.message)}`));
  parser.on('doctype', () => note('must not have a document type'));
  parser.on('processinginstruction', () => note('must not have processing instructions'));
  parser.on('xmldecl', () => note('must not have an XML declaration'));
  const text = (value: string): void => {
    if (!content && depth > 0 && /\S/.test(value)) content = true;
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('opentag', (tag) => {
    depth += 1;
    if (depth === 1 && (tag.name !== 'div' || tag.attributes.xmlns !== namespace))
      note(`must be a <div xmlns="${namespace}">`);
    if (tag.name === 'img') content = true;
    const found = faultOfTag(tag);
    if (found !== undefined) note(found);
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  parser.write(div).close();
  if (fault !== undefined) return { rule: 'txt-1', text: fault };
  return content ? undefined : { rule: 'txt-2', text: 'must have some content: text, or an image' };
}

function faultOfTag({ name, attributes }: SaxesTagPlain): string | undefined {
  const allowed = elements.get(name);
  if (allowed === undefined) return `must not have elements ${shown(name)}`;
  for (const attribute in attributes) {
    const value = attributes[attribute] ?? '';
    if (!allowed.has(attribute)) return `must not have ${shown(attribute)} on ${shown(name)}`;
    if (addresses.has(attribute) && isScript(value)) return `must not have scripts in ${attribute}`;
    if (attribute === 'style' && active.test(value)) return 'must not have a style that runs or imports something';
    if (attribute === 'xmlns' && value !== namespace) return 'must not have elements of other namespaces';
  }
  return undefined;
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}

/** The parser's message without what it quotes of the narrative. */
function withoutContent(message: string): string {
  return message.replace(/^(\d+):(\d+): /, 'line $1, column $2: ').replace(/[:,]? ?(?:<.*|".*|'.*)$/s, '');
}

/** Browsers read over white space and control characters. */
function isScript(address: string): boolean {
  return script.test([...address.slice(0, 100)].filter((character) => character > ' ').join(''));
}
