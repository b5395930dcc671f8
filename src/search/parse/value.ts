/** Values of search parameters as a query writes them. https://hl7.org/fhir/R4/search.html#escaping */

/** https://hl7.org/fhir/R4/valueset-search-comparator.html */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

const prefixes: ReadonlySet<string> = new Set<Prefix>(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']);

/** The parts of a text between unescaped separators (`,`, `|` or `$`), escapes kept. */
export function split(text: string, separator: ',' | '|' | '$'): readonly string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  for (let n = 0; n < text.length; n++) {
    if (text[n] === '\\') n++;
    else if (text[n] === separator) {
      parts.push(text.slice(start, n));
      start = n + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The text that escapes stand for: `\,` `\|` `\$` `\\`. Other backslashes stand for themselves. */
export function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,|$\\])/g, '$1') : text;
}

/** Whether each backslash of a text escapes something. R4: "The parameter value `xx\xx` is illegal". */
export function isEscaped(text: string): boolean {
  return !text.includes('\\') || !text.replace(/\\[,|$\\]/g, '').includes('\\');
}

/** A number's, date's or quantity's prefix (`eq` where there is none) and the text behind it. */
export function takePrefix(text: string): { readonly prefix: Prefix; readonly text: string; readonly stated: boolean } {
  const start = text.slice(0, 2);
  if (isPrefix(start)) return { prefix: start, text: text.slice(2), stated: true };
  return { prefix: 'eq', text, stated: false };
}

function isPrefix(text: string): text is Prefix {
  return prefixes.has(text);
}
