/** Numbers, compared as decimal keys. https://hl7.org/fhir/R4/search.html#number */
import type { NumberTest } from '../../../search/criteria.ts';
import { isAlways } from '../filter.ts';
import type { Element } from './element.ts';
import { intervals } from './interval.ts';

export function number(tests: readonly NumberTest[]): Element {
  const ways = tests.flatMap(({ interval }) => intervals(interval));
  return { anyOf: ways.map((way) => (isAlways(way) ? { l: { $gte: '' } } : way)), exact: true };
}
