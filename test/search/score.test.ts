/** Scores of resources that words find. https://hl7.org/fhir/R4/search.html#score */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Criterion, Relevance, WordsQuery } from '../../src/search/criteria.ts';
import { relevanceOf, score } from '../../src/search/score.ts';
import { boundary, says, type Words } from '../../src/search/words.ts';
import { arbitraryCriterion, arbitraryRelevance, arbitraryWords, arbitraryWordsQuery } from './arbitraries.ts';

type Phrase = Extract<WordsQuery, { kind: 'words' }>;

const content = (query: WordsQuery): Relevance => ({ kind: 'words', scope: 'content', query });
const phrase = (...words: readonly string[]): Phrase => ({ kind: 'words', words, prefix: false });
const of = (...words: readonly string[]): Words => ({ narrative: [], content: words });

/** Whether the words are there that are scored. */
function holds(relevance: Relevance, words: Words): boolean {
  if (relevance.kind === 'words') return says(relevance.query, relevance.scope, words);
  const parts = relevance.of.map((part) => holds(part, words));
  return relevance.kind === 'and' ? !parts.includes(false) : parts.includes(true);
}

/** The phrases that must be there, not those that must not. */
function phrasesOf(query: WordsQuery): readonly Phrase[] {
  switch (query.kind) {
    case 'words':
      return [query];
    case 'except':
      return phrasesOf(query.of);
    default:
      return query.of.flatMap(phrasesOf);
  }
}

function criteriaIn(criterion: Criterion): readonly Criterion[] {
  const within = criterion.kind === 'and' || criterion.kind === 'or' ? criterion.of : [];
  return [criterion, ...within.flatMap(criteriaIn)];
}

describe('a score', () => {
  it('is 0 where the words are not there, otherwise between 0 and 1', () => {
    fc.assert(
      fc.property(arbitraryRelevance(2), arbitraryWords, (relevance, words) => {
        const found = score(relevance, words);
        if (!holds(relevance, words)) return found === 0;
        return found > 0 && found < 1;
      }),
      { numRuns: 1000 },
    );
  });

  it('stays between them for any number of words', () => {
    const million = (word: string): Words => ({ narrative: ['bone'], content: Array(1_000_000).fill(word) });
    expect(score(content(phrase('bone')), million('bone'))).toBe(0.9911);
    expect(score(content(phrase('bone')), million('other'))).toBe(0.0001111);
  });

  it('is never lower where what is sought comes once more', () => {
    fc.assert(
      fc.property(arbitraryWordsQuery(), arbitraryWords, fc.nat(), fc.nat(5), (query, words, n, times) => {
        const relevance = content(query);
        const before = score(relevance, words);
        const phrases = phrasesOf(query);
        const more = phrases[n % phrases.length];
        fc.pre(before > 0 && more !== undefined);
        const added = Array.from({ length: times }, () => [boundary, ...more.words]).flat();
        const after = score(relevance, { ...words, content: [...words.content, ...added] });
        // What is added may be what the query forbids, and it lengthens the text for its other words.
        if (phrases.length === 1) expect(after === 0 || after >= before).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is never higher where other words are added', () => {
    fc.assert(
      fc.property(arbitraryRelevance(), arbitraryWords, fc.nat(200), (relevance, words, count) => {
        const others = [boundary, ...Array.from({ length: count }, () => 'another')];
        const longer = { ...words, content: [...words.content, ...others] };
        expect(score(relevance, longer)).toBeLessThanOrEqual(score(relevance, words));
      }),
    );
  });

  it('of several words is their mean, of which none may lack where all are asked for', () => {
    const [a, b] = [phrase('a'), phrase('b')];
    const both = of('a', 'b', 'b');
    const mean = (score(content(a), both) + score(content(b), both)) / 2;
    for (const kind of ['and', 'or'] as const) {
      expect(score(content({ kind, of: [a, b] }), both)).toBeCloseTo(mean, 3);
      expect(score({ kind, of: [content(a), content(b)] }, both)).toBeCloseTo(mean, 3);
    }
    const one = of('a', 'c');
    expect(score(content({ kind: 'and', of: [a, b] }), one)).toBe(0);
    expect(score(content({ kind: 'or', of: [a, b] }), one)).toBeCloseTo(score(content(a), one) / 2, 3);
    expect(score(content({ kind: 'except', of: a, but: b }), one)).toBe(score(content(a), one));
    expect(score(content({ kind: 'except', of: a, but: b }), both)).toBe(0);
  });

  it('counts no word of a phrase twice', () => {
    const twice = content(phrase('a', 'a'));
    expect(score(twice, of('a', 'a', 'a'))).toBe(score(twice, of('a', 'a', 'b')));
    expect(score(twice, of('a', 'a', 'a', 'a'))).toBeGreaterThan(score(twice, of('a', 'a', 'a', 'b')));
  });

  it('looks at the own words of a criterion alone', () => {
    fc.assert(
      fc.property(arbitraryCriterion('Patient'), (criterion) => {
        const relevance = relevanceOf(criterion);
        const own = criteriaIn(criterion).filter(({ kind }) => kind === 'words');
        const scored = (each: Relevance): readonly Relevance[] =>
          each.kind === 'words' ? [each] : each.of.flatMap(scored);
        expect(relevance === undefined ? [] : scored(relevance)).toEqual(own);
      }),
    );
  });
});
