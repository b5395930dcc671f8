/** Criteria on words. https://hl7.org/fhir/R4/search.html#content */
import { isContained } from '../../../search/contained.ts';
import type { WordsCriterion, WordsQuery, WordsScope } from '../../../search/criteria.ts';
import { allOf, anyOf, beginsWith, type Filter, isNever, never, noneOf } from '../filter.ts';
import { type Condition, type Context, impossible } from './condition.ts';

/** What a query comes to on the distinct words of a resource. */
interface Said {
  readonly filter: Filter;
  readonly exact: boolean;
}

export function words(criterion: WordsCriterion, context: Context): Condition {
  // The words of what is contained are those of the resource that it lies in.
  if (isContained(context.type)) return impossible;
  const { filter, exact } = said(criterion.query, criterion.scope);
  if (isNever(filter)) return impossible;
  for (const list of listsOf(criterion.scope)) context.uses(list);
  return { filter, exact, live: true, local: criterion };
}

function said(query: WordsQuery, scope: WordsScope): Said {
  switch (query.kind) {
    case 'words': {
      // Words of a phrase must follow each other, which the words themselves don't tell.
      const filters = listsOf(scope).map((list) => inList(list, query.words, query.prefix));
      return { filter: anyOf(filters), exact: query.words.length <= 1 };
    }
    case 'and':
    case 'or': {
      const parts = query.of.map((part) => said(part, scope));
      const filters = parts.map(({ filter }) => filter);
      return {
        filter: query.kind === 'and' ? allOf(filters) : anyOf(filters),
        exact: parts.every(({ exact }) => exact),
      };
    }
    case 'except': {
      const [of, but] = [said(query.of, scope), said(query.but, scope)];
      return {
        filter: but.exact ? allOf([of.filter, noneOf(but.filter)]) : of.filter,
        exact: of.exact && but.exact,
      };
    }
  }
}

function listsOf(scope: WordsScope): readonly string[] {
  return scope === 'content' ? ['words.narrative', 'words.content'] : ['words.narrative'];
}

/** All words are in a list. */
function inList(list: string, phrase: readonly string[], prefix: boolean): Filter {
  const last = phrase.length - 1;
  if (last < 0) return never;
  return allOf(
    phrase.map((word, place) => {
      return { [list]: prefix && place === last ? { $elemMatch: beginsWith(word) } : word };
    }),
  );
}
