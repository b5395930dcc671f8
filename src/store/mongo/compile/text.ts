/** The texts of tokens. https://hl7.org/fhir/R4/search.html#modifiers (:text) */
import type { TextTest } from '../../../search/criteria.ts';
import { beginsWith } from '../filter.ts';
import type { Element } from './element.ts';

export function text(tests: readonly TextTest[]): Element {
  return { anyOf: tests.map(({ value }) => ({ c: beginsWith(value) })), exact: true };
}
