/** What resources are sorted by, as documents have it. https://hl7.org/fhir/R4/search.html#sort */
import type { Parameter, SortKey } from '../../search/criteria.ts';
import type { SortEnds } from './document.ts';
import type { OrderColumn } from './keyset.ts';

/**
 * @param last whether no further key follows.
 * @returns undefined for what documents don't have: values of other resources, where the sort goes through a reference, and
 *   scores.
 */
export function sortColumn(
  { by, descending }: SortKey,
  last: boolean,
  fieldOf: (parameter: Parameter) => string | undefined,
): OrderColumn | undefined {
  if (by === 'id') return { path: '_id', descending, nullable: false, of: 'text' };
  if (by === 'lastUpdated') {
    // Change numbers rise with it, and are always indexed; several changes may have the same instant, though.
    return last
      ? { path: 'change', descending, nullable: false, of: 'number' }
      : { path: 'updated', descending, nullable: false, of: 'instant' };
  }
  if ('through' in by || 'score' in by) return undefined;
  const field = fieldOf(by);
  const path = field === undefined ? undefined : `sort.${field}.${sortEnd(by, descending)}`;
  return { path, descending, nullable: true, of: by.kind === 'date' ? 'number' : 'text' };
}

/** Which of a field's ends a parameter is sorted by. */
export function sortEnd({ kind, textual }: Parameter, descending: boolean): keyof SortEnds {
  if (kind === 'token' && textual) return descending ? 'ih' : 'il';
  return descending ? 'high' : 'low';
}
