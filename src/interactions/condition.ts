/** Criteria that decide what is written. https://hl7.org/fhir/R4/http.html#cond-update */
import { failure, type OutcomeError } from '../fhir/outcome.ts';
import type { CompartmentOwner } from '../search/compartment.ts';
import type { Criterion } from '../search/criteria.ts';
import { type AmbiguousId, parseCondition, type SearchContext } from '../search/query.ts';
import { StoreUnavailable, TooCostly } from '../store/errors.ts';
import type { Condition } from '../store/write.ts';
import type { Context } from './context.ts';
import { withTerms } from './terms.ts';

/** What parsing a search needs to know, for one type or several. `now`: milliseconds since 1970, which `ap` depends on. */
export function searchContext(
  context: Context,
  types: readonly string[],
  handling: 'strict' | 'lenient',
  now = context.clock(),
  compartment?: CompartmentOwner,
): SearchContext {
  const { baseUrl, timezone, defaultCount, maxCount, ignoredParameters } = context.settings;
  const { registry, definitions } = context;
  return {
    registry,
    definitions,
    types,
    compartment,
    baseUrl,
    timezone,
    now,
    handling,
    defaultCount,
    maxCount,
    ignoredParameters,
  };
}

/**
 * The matches of a conditional interaction's criteria, as a condition for the commit.
 * `query` is the text behind `?`; `limit`: how many matches to ask for, 2 to tell "one" from "many".
 * Throws 400 for criteria that are unknown, empty, or come to nothing, for an ambiguous id, and for value sets and code systems
 * that are lacking.
 */
export async function resolveCondition(
  context: Context,
  type: string,
  query: string,
  limit: number,
): Promise<Condition> {
  const criterion = await parsedCondition(context, type, query);
  const matches = await context.store.matches(type, criterion, limit);
  return { type, criterion, matches, limit };
}

/**
 * Whether criteria match now what they matched when the condition was made; true where that can't be found out, since the store can't
 * be reached or takes too long: what was found out before it is told then.
 */
export async function stillHolds({ store }: Context, condition: Condition): Promise<boolean> {
  const { type, criterion, matches, limit } = condition;
  try {
    const found = await store.matches(type, criterion, limit);
    return found.length === matches.length && found.every((id, place) => id === matches[place]);
  } catch (error) {
    if (error instanceof TooCostly || error instanceof StoreUnavailable) return true;
    throw error;
  }
}

/** The criteria themselves. Throws as `resolveCondition` does. */
export async function parsedCondition(context: Context, type: string, query: string): Promise<Criterion> {
  const searching = searchContext(context, [type], 'strict');
  const { criterion, ambiguousIds } = await withTerms(context, searching, (known) => {
    const found: AmbiguousId[] = [];
    return { criterion: parseCondition(type, query, known, found), ambiguousIds: found };
  });
  await refuseAmbiguous(context, ambiguousIds);
  return criterion;
}

/** 400 for a bare id that exists in several of the parameter's types: it says nothing about which one is meant. */
export async function refuseAmbiguous({ store }: Context, ids: readonly AmbiguousId[]): Promise<void> {
  if (ids.length === 0) return;
  const counts = await store.counts();
  for (const { parameter, id, types } of ids) {
    const existing: string[] = [];
    for (const type of types) {
      if (!counts.has(type)) continue;
      const version = await store.read(type, id);
      if (version?.body !== undefined) existing.push(type);
    }
    if (existing.length > 1) {
      const spelled = existing.map((type) => `${type}/${id}`).join(' or ');
      throw failure(400, 'value', `${parameter}=${id} is ambiguous here: write ${spelled}.`);
    }
  }
}

/** 412 for criteria with several matches. */
export function multipleMatches(type: string, expression?: string): OutcomeError {
  const text = `The criteria match several ${type} resources; they must match at most one. Add a criterion, e.g. an identifier.`;
  return failure(412, 'multiple-matches', text, expression);
}
