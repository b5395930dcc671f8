/** The elements and attributes that a narrative may have. https://hl7.org/fhir/R4/narrative.html#xhtml */

export const xhtmlNamespace = 'http://www.w3.org/1999/xhtml';

/** How many elements one may be within: no text for people has more. */
export const mostWithin = 1_000;

const words = (text: string): readonly string[] => text.split(' ');

/** Attributes that every element may have: those of HTML 4 without handlers of events. */
const common = words('id class style title lang xml:lang dir accesskey tabindex xmlns');
const cells = words('align char charoff valign');

const textual = [
  ...words('p br h1 h2 h3 h4 h5 h6 span b em i strong small big tt dfn var abbr acronym cite address bdo kbd sub sup'),
  ...words('dl dt dd code samp map pre li ul ol caption div hr'),
];

/** Elements of HTML 4's chapters 7 to 11 (but section 9.4) and 15, `a` and images, by name with their own attributes. */
const own: readonly (readonly [name: string, attributes: readonly string[]])[] = [
  ...textual.map((name) => [name, words('align width clear type start value compact noshade size')] as const),
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
  ...words('th td').map(
    (name) =>
      [name, [...cells, ...words('abbr axis headers scope rowspan colspan width height nowrap bgcolor')]] as const,
  ),
];

const elements: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  own.map(([name, attributes]) => [name, new Set([...common, ...attributes])]),
);

const addresses: ReadonlySet<string> = new Set(['href', 'src', 'cite', 'longdesc', 'usemap']);
/** What runs when it is followed. */
const script = /^(?:javascript|vbscript):/i;
const active = /expression\s*\(|javascript:|-moz-binding|behavior\s*:|@import/i;

/** Why an element can't be there; undefined where it can. */
export function faultOfElement(name: string): string | undefined {
  return elements.has(name) ? undefined : `must not have elements ${shown(name)}`;
}

/** Why an attribute of an element that can be there can't; undefined where it can. */
export function faultOfAttribute(element: string, name: string, value: string): string | undefined {
  if (elements.get(element)?.has(name) !== true) return `must not have ${shown(name)} on ${shown(element)}`;
  if (addresses.has(name) && isScript(value)) return `must not have scripts in ${name}`;
  if (name === 'style' && active.test(value)) return 'must not have a style that runs or imports something';
  if (name === 'xmlns' && value !== xhtmlNamespace) return 'must not have elements of other namespaces';
  return undefined;
}

/** Browsers read over white space and control characters. */
function isScript(address: string): boolean {
  return script.test(address) || script.test([...address.slice(0, 100)].filter((each) => each > ' ').join(''));
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}
