/** `_text` and `_content`: words of the narrative, or of the whole resource. https://hl7.org/fhir/R4/search.html#content */
import type { Criterion, WordsQuery, WordsScope } from '../criteria.ts';
import { parseWords, type WordsExpression, WordsFault } from '../parse/words.ts';
import { wordsIn } from '../words.ts';
import { type LowerContext, refuse } from './context.ts';

/** The full-text parameters; no definition of theirs has an expression. */
export const wordsScopes: ReadonlyMap<string, WordsScope> = new Map([
  ['_text', 'narrative'],
  ['_content', 'content'],
]);

/** A query, or that it must not hold: so a query always says what is there. */
interface Signed {
  readonly query: WordsQuery;
  readonly negative: boolean;
}

/**
 * The criterion that resources have these words; values are alternatives, unless a comma between them stands in quotes or
 * parentheses. Throws 400 for a malformed query, with its place.
 */
export function lowerWords(values: readonly string[], scope: WordsScope, { name }: LowerContext): Criterion {
  const text = values.join(',');
  try {
    const { query, negative } = signed(parseWords(text));
    const criterion: Criterion = { kind: 'words', scope, query };
    return negative ? { kind: 'not', of: criterion } : criterion;
  } catch (error) {
    if (!(error instanceof WordsFault)) throw error;
    const near = text.slice(Math.max(0, error.place - 1), error.place + 30);
    const shown = near === '' ? 'at the end' : `at "${near}"`;
    throw refuse('value', `${name.slice(0, 200)}: ${error.fault} (character ${error.place}, ${shown}).`);
  }
}

function signed(expression: WordsExpression): Signed {
  if (expression.kind === 'words') {
    const words = wordsIn(expression.text);
    if (words.length === 0) throw new WordsFault('there is no letter or digit to look for', expression.place);
    return { query: { kind: 'words', words, prefix: expression.prefix }, negative: false };
  }
  if (expression.kind === 'not') {
    const { query, negative } = signed(expression.of);
    return { query, negative: !negative };
  }
  const parts = expression.of.map(signed);
  // "a or not b" is "not (b and not a)".
  const or = expression.kind === 'or';
  const positive = parts.filter(({ negative }) => !negative).map(({ query }) => query);
  const negative = parts.filter((part) => part.negative).map(({ query }) => query);
  const [of, but] = or ? [negative, positive] : [positive, negative];
  if (of.length === 0) return { query: joined('or', but), negative: !or };
  const all = joined('and', of);
  return { query: but.length === 0 ? all : { kind: 'except', of: all, but: joined('or', but) }, negative: or };
}

function joined(kind: 'and' | 'or', of: readonly WordsQuery[]): WordsQuery {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind, of };
}
