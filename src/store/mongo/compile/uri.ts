/** Uris and canonicals. https://hl7.org/fhir/R4/search.html#uri */
import type { UriTest } from '../../../search/criteria.ts';
import { beginsWith } from '../filter.ts';
import type { Element } from './element.ts';

export function uri(tests: readonly UriTest[]): Element {
  const values = [...new Set(tests.flatMap(({ match, value }) => (match === 'begins' ? [] : [value])))];
  const beginnings = new Set(
    tests.flatMap(({ match, value }) => (match === 'exact' ? [] : [match === 'begins' ? value : `${value}|`])),
  );
  const [only] = values;
  return {
    anyOf: [
      ...(values.length === 0 ? [] : [{ u: values.length === 1 ? only : { $in: values } }]),
      ...[...beginnings].map((beginning) => ({ u: beginsWith(beginning) })),
    ],
    exact: true,
  };
}
