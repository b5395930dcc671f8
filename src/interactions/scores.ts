/** `search.score` of matches. https://hl7.org/fhir/R4/search.html#score */
import { storedJson } from '../fhir/json.ts';
import type { Relevance } from '../search/criteria.ts';
import type { SearchPart } from '../search/query.ts';
import { relevanceOf, score } from '../search/score.ts';
import { wordsOf } from '../search/words.ts';
import { makePace } from '../store/pace.ts';
import type { Version } from '../store/port.ts';

/** The matches' scores, in their order; none where nothing is searched by words that a match has itself. */
export async function scoresOf(
  parts: readonly SearchPart[],
  matches: readonly Version[],
): Promise<readonly (number | undefined)[]> {
  const byType = new Map<string, Relevance>();
  for (const { type, criterion } of parts) {
    const relevance = relevanceOf(criterion);
    if (relevance !== undefined) byType.set(type, relevance);
  }
  if (byType.size === 0) return [];
  const pace = makePace();
  const scores: (number | undefined)[] = [];
  for (const { type, body, contained } of matches) {
    const relevance = contained === undefined ? byType.get(type) : undefined;
    const has = relevance !== undefined && body !== undefined;
    scores.push(has ? score(relevance, wordsOf(storedJson(body))) : undefined);
    await pace();
  }
  return scores;
}
