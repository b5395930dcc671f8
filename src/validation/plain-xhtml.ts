/** Tells most narratives that are as R4 has them at a glance: of others a parser says what is wrong. https://hl7.org/fhir/R4/narrative.html#xhtml */
import type { Budget } from '../fhir/fhirpath/scope.ts';
import { faultOfAttribute, faultOfElement, mostWithin, xhtmlNamespace } from './xhtml.ts';

const OPEN = /<([a-z][a-z0-9]*)/y;
const CLOSE = /<\/([a-z][a-z0-9]*)\s*>/y;
const ATTRIBUTE = /\s+([A-Za-z][A-Za-z:-]*)="([^"<&\p{Cc}]*)"/uy;
const END = /\s*(\/?)>/y;
const TEXT = /[^<&\p{Cc}]+/uy;
const REFERENCE = /&(?:amp|lt|gt|quot|apos|#(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}));/y;
const white = new Set(['\t', '\n', '\r']);

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * Whether a `div` has well-formed XHTML with nothing but what it may, and some content; false: it may or may not. Throws OverBudget when
 * the time is over.
 */
export function isPlain(div: string, budget?: Budget): boolean {
  if (!div.startsWith(`<div xmlns="${xhtmlNamespace}"`) || div.includes(']]>')) return false;
  const within: string[] = [];
  let content = false;
  let at = 0;
  do {
    budget?.spend(1);
    const character = div.charAt(at);
    if (character === '<') {
      const close = match(CLOSE, div, at);
      if (close !== null) {
        if (within.pop() !== close[1]) return false;
        at = CLOSE.lastIndex;
      } else {
        const end = tagEnd(div, at, within);
        if (end === undefined) return false;
        content ||= div.startsWith('<img', at);
        at = end;
      }
    } else if (character === '&') {
      if (match(REFERENCE, div, at) === null) return false;
      content = true;
      at = REFERENCE.lastIndex;
    } else if (white.has(character)) {
      at += 1;
    } else {
      const text = match(TEXT, div, at);
      if (text === null) return false;
      content ||= /\S/.test(text[0]);
      at = TEXT.lastIndex;
    }
  } while (within.length > 0 && at < div.length);
  return within.length === 0 && at === div.length && content;
}

/** Where a start tag ends; undefined where it has something that a second look has to be taken at. */
function tagEnd(div: string, at: number, within: string[]): number | undefined {
  const [, name = ''] = match(OPEN, div, at) ?? [];
  if (name === '' || faultOfElement(name) !== undefined) return undefined;
  const attributes: string[] = [];
  let next = OPEN.lastIndex;
  for (let found = match(ATTRIBUTE, div, next); found !== null; found = match(ATTRIBUTE, div, next)) {
    const [, attribute = '', value = ''] = found;
    if (attributes.includes(attribute) || faultOfAttribute(name, attribute, value) !== undefined) return undefined;
    attributes.push(attribute);
    next = ATTRIBUTE.lastIndex;
  }
  const end = match(END, div, next);
  if (end === null) return undefined;
  if (within.length === mostWithin) return undefined;
  if (end[1] === '') within.push(name);
  return END.lastIndex;
}
