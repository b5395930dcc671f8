/** The words of FHIRPath. https://hl7.org/fhirpath/N1/grammar.html */
import { ExpressionFault } from './syntax.ts';

export interface Token {
  readonly kind: 'name' | 'quoted' | 'string' | 'number' | 'temporal' | 'constant' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

const space = /(?:\s+|\/\/[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const quoted = /`((?:[^`\\]|\\.)*)`/y;
const string = /'((?:[^'\\]|\\.)*)'/sy;
const number = /[0-9]+(?:\.[0-9]+)?/y;
const temporal =
  /@(?:T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?|[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?(?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)/y;
const constant = /%(?:([A-Za-z_][A-Za-z0-9_-]*)|`((?:[^`\\]|\\.)*)`|'((?:[^'\\]|\\.)*)')/y;
const symbol = /\$this|\$index|\$total|<=|>=|!=|!~|[.()[\]{},|=~<>+\-*/&]/y;

const escapes: ReadonlyMap<string, string> = new Map([
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gs, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (escapes.get(character) ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

type Reader = readonly [kind: Token['kind'], pattern: RegExp, read: (found: RegExpExecArray) => string];

const whole = (found: RegExpExecArray): string => found[0];
const inner = (found: RegExpExecArray): string => unescaped(found[1] ?? found[2] ?? found[3] ?? '');

const readers: readonly Reader[] = [
  ['name', name, whole],
  ['quoted', quoted, inner],
  ['string', string, inner],
  ['number', number, whole],
  ['temporal', temporal, (found) => found[0].slice(1)],
  ['constant', constant, inner],
  ['symbol', symbol, whole],
];

/** The tokens of an expression, an `end` last. Throws ExpressionFault for what can't be one. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = skipped(text, 0);
  while (at < text.length) {
    const token = tokenAt(text, at);
    tokens.push(token.token);
    at = skipped(text, token.end);
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function skipped(text: string, at: number): number {
  space.lastIndex = at;
  return space.test(text) ? space.lastIndex : at;
}

function tokenAt(text: string, at: number): { readonly token: Token; readonly end: number } {
  for (const [kind, pattern, read] of readers) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) return { token: { kind, text: read(found), at }, end: pattern.lastIndex };
  }
  throw new ExpressionFault(`unexpected character at ${at + 1}`);
}
