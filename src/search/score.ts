/** How well a resource answers a search by words, from 0 to 1. https://hl7.org/fhir/R4/search.html#score */
import type { Criterion, Relevance, WordsQuery } from './criteria.ts';
import { boundary, occurrences, type Words } from './words.ts';

/** How soon more of the same word says little more, and how much longer texts count less: as is usual (Okapi BM25). */
const saturation = 1.2;
const weightOfLength = 0.75;
/** Words of a text that is neither short nor long. */
const usualLength = 100;

/**
 * What of a criterion says how well the tested resource matches: its own words, not those of others, nor those that it
 * must not have. undefined: there are none.
 */
export function relevanceOf(criterion: Criterion): Relevance | undefined {
  if (criterion.kind === 'words') return criterion;
  if (criterion.kind !== 'and' && criterion.kind !== 'or') return undefined;
  const { kind } = criterion;
  const of = criterion.of.flatMap((part) => relevanceOf(part) ?? []);
  const [only] = of;
  return of.length < 2 ? only : { kind, of };
}

/**
 * The score of a resource, by its words alone, so that it is the same on every page and whatever else is stored: a word or
 * phrase scores by how often it occurs, less in long texts, and several of them by the mean. 0 where the query doesn't
 * hold, otherwise more than 0 and less than 1, with four digits.
 */
export function score(relevance: Relevance, of: Words): number {
  return Number(exactly(relevance, of).toPrecision(4));
}

function exactly(relevance: Relevance, of: Words): number {
  if (relevance.kind !== 'words') {
    const scores = relevance.of.map((part) => exactly(part, of));
    return relevance.kind === 'and' ? ofAll(scores) : mean(scores);
  }
  const lists = relevance.scope === 'content' ? [of.narrative, of.content] : [of.narrative];
  let length = 0;
  for (const list of lists) for (const word of list) if (word !== boundary) length++;
  return ofQuery(relevance.query, lists, length);
}

function ofQuery(query: WordsQuery, lists: readonly (readonly string[])[], length: number): number {
  switch (query.kind) {
    case 'and':
      return ofAll(query.of.map((part) => ofQuery(part, lists, length)));
    case 'or':
      return mean(query.of.map((part) => ofQuery(part, lists, length)));
    case 'except':
      return ofQuery(query.but, lists, length) > 0 ? 0 : ofQuery(query.of, lists, length);
    case 'words': {
      const found = lists.reduce((sum, list) => sum + occurrences(query, list), 0);
      const relative = 1 - weightOfLength + (weightOfLength * length) / usualLength;
      return found / (found + saturation * relative);
    }
  }
}

function ofAll(scores: readonly number[]): number {
  return scores.includes(0) ? 0 : mean(scores);
}

function mean(scores: readonly number[]): number {
  return scores.reduce((sum, each) => sum + each, 0) / scores.length;
}
