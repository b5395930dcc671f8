/** Whether a narrative is XHTML that has nothing but what it may. https://hl7.org/fhir/R4/narrative.html#xhtml */
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import type { Budget } from '../fhir/fhirpath/scope.ts';
import { isPlain } from './plain-xhtml.ts';
import { faultOfAttribute, faultOfElement, mostWithin, xhtmlNamespace } from './xhtml.ts';

/** What is wrong with a narrative, and which of R4's two invariants it breaks. */
export interface NarrativeFault {
  readonly rule: 'txt-1' | 'txt-2';
  readonly text: string;
}

/** What is wrong with a `div`; undefined for one that is as R4 has it. Throws OverBudget when the time is over. */
export function checkNarrative(div: string, budget?: Budget): NarrativeFault | undefined {
  return isPlain(div, budget) ? undefined : parseNarrative(div, budget);
}

/** The parser is given so much at once. */
const CHUNK = 4096;

/** The same by a parser alone. Throws OverBudget when the time is over. */
export function parseNarrative(div: string, budget?: Budget): NarrativeFault | undefined {
  const parser = new SaxesParser();
  let fault: string | undefined;
  let depth = 0;
  let content = false;
  const note = (text: string): void => {
    fault ??= text;
  };
  const text = (value: string): void => {
    content ||= depth > 0 && /\S/.test(value);
  };
  parser.on('error', (error) => note(`must be well-formed XHTML: ${withoutContent(error.message)}`));
  parser.on('doctype', () => note('must not have a document type'));
  parser.on('processinginstruction', () => note('must not have processing instructions'));
  parser.on('xmldecl', () => note('must not have an XML declaration'));
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('opentag', (tag) => {
    depth += 1;
    // The parser takes a time for each element that grows with what is around it.
    if (depth > mostWithin) note(`must not have elements within more than ${mostWithin} others`);
    if (depth === 1 && (tag.name !== 'div' || tag.attributes.xmlns !== xhtmlNamespace))
      note(`must be a <div xmlns="${xhtmlNamespace}">`);
    content ||= tag.name === 'img';
    const found = faultOfTag(tag);
    if (found !== undefined) note(found);
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  for (let at = 0; at < div.length && fault === undefined; at += CHUNK) {
    budget?.spend(CHUNK >> 3);
    parser.write(div.slice(at, at + CHUNK));
  }
  // Closing tells each element that is open, and a megabyte may have many.
  if (depth > 0) note('must be well-formed XHTML: an element has no end');
  if (fault === undefined) parser.close();
  if (fault !== undefined) return { rule: 'txt-1', text: fault };
  return content ? undefined : { rule: 'txt-2', text: 'must have some content: text, or an image' };
}

function faultOfTag({ name, attributes }: SaxesTagPlain): string | undefined {
  const fault = faultOfElement(name);
  if (fault !== undefined) return fault;
  for (const [attribute, value] of Object.entries(attributes)) {
    const found = faultOfAttribute(name, attribute, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The parser's message without what it quotes of the narrative. */
function withoutContent(message: string): string {
  return message.replace(/^(\d+):(\d+): /, 'line $1, column $2: ').replace(/[:,]? ?(?:<.*|".*|'.*)$/s, '');
}
