/** Queries on words as `_text` and `_content` write them. https://hl7.org/fhir/R4/search.html#content */

/** What a query says, not yet simplified. `place`: where it stands, from 1. */
export type WordsExpression =
  | { readonly kind: 'words'; readonly text: string; readonly prefix: boolean; readonly place: number }
  | { readonly kind: 'and' | 'or'; readonly of: readonly WordsExpression[] }
  | { readonly kind: 'not'; readonly of: WordsExpression };

/** A query that can't be read. */
export class WordsFault extends Error {
  /** What is wrong, for the client. */
  readonly fault: string;
  /** The character, from 1. */
  readonly place: number;

  constructor(fault: string, place: number) {
    super(fault);
    this.fault = fault;
    this.place = place;
  }
}

/** How many words and phrases a query has at most, and how deep its parentheses are. */
const mostTerms = 200;
const mostDepth = 30;

type Token =
  | { readonly kind: 'words'; readonly text: string; readonly prefix: boolean; readonly place: number }
  | { readonly kind: 'and' | 'or' | 'not' | ',' | '(' | ')' | 'end'; readonly place: number };

/** A space, a character that stands alone, a phrase in quotes, or a word up to one of those; escapes stay in words. */
const token = /(\s+)|([(),])|"((?:[^"\\]|\\.)*)"(\*?)|((?:[^\s(),"\\]|\\.)+)/suy;

/**
 * Reads words, "phrases", beginnings (`bon*`), `AND`, `OR`, `NOT` (in any case), parentheses, and commas as the weakest OR.
 * Words without an operator between them must all be there.
 * @throws WordsFault for what isn't such a query.
 */
export function parseWords(text: string): WordsExpression {
  const reader = new Reader(tokensOf(text));
  const expression = reader.alternatives(',', 0);
  reader.end();
  return expression;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let terms = 0;
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(text);
    const place = at + 1;
    if (found === null) {
      const fault = text[at] === '"' ? 'the quote that begins here has no end' : 'a backslash escapes nothing here';
      throw new WordsFault(fault, place);
    }
    const [, space, single, phrase, star, word] = found;
    if (space !== undefined) continue;
    if (single === '(' || single === ')' || single === ',') {
      tokens.push({ kind: single, place });
      continue;
    }
    const operator = word?.toLowerCase();
    if (operator === 'and' || operator === 'or' || operator === 'not') {
      tokens.push({ kind: operator, place });
      continue;
    }
    if (++terms > mostTerms) throw new WordsFault(`more than ${mostTerms} words and phrases; ask for fewer`, place);
    const prefix = star === '*' || (word?.endsWith('*') ?? false);
    const bare = phrase ?? (prefix ? word?.slice(0, -1) : word) ?? '';
    if (bare.includes('*') && phrase === undefined)
      throw new WordsFault('* goes only to the end of a word or phrase', place + bare.indexOf('*'));
    tokens.push({ kind: 'words', text: bare.replace(/\\(.)/gsu, ' '), prefix, place });
  }
  return [...tokens, { kind: 'end', place: text.length + 1 }];
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Alternatives between commas, or those of each between `OR`. */
  alternatives(by: ',' | 'or', depth: number): WordsExpression {
    const next = () => (by === ',' ? this.alternatives('or', depth) : this.#all(depth));
    const of = [next()];
    while (this.#take(by)) of.push(next());
    return joined('or', of);
  }

  end(): void {
    const { kind, place } = this.#peek();
    if (kind === ')') throw new WordsFault('the parenthesis that ends here was never begun', place);
    if (kind !== 'end') throw new WordsFault('a word was expected', place);
  }

  #all(depth: number): WordsExpression {
    const of = [this.#one(depth)];
    for (;;) {
      const { kind } = this.#peek();
      if (kind === 'and') this.#at++;
      else if (kind !== 'words' && kind !== 'not' && kind !== '(') return joined('and', of);
      of.push(this.#one(depth));
    }
  }

  #one(depth: number): WordsExpression {
    const found = this.#peek();
    if (depth > mostDepth) throw new WordsFault(`parentheses more than ${mostDepth} deep`, found.place);
    if (found.kind === 'words') {
      this.#at++;
      return found;
    }
    if (this.#take('not')) return { kind: 'not', of: this.#one(depth + 1) };
    if (!this.#take('(')) throw new WordsFault('a word was expected', found.place);
    const of = this.alternatives(',', depth + 1);
    if (!this.#take(')')) throw new WordsFault('the parenthesis that begins here has no end', found.place);
    return of;
  }

  #take(kind: Token['kind']): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#at++;
    return true;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', place: 0 };
  }
}

function joined(kind: 'and' | 'or', of: readonly WordsExpression[]): WordsExpression {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind, of };
}
