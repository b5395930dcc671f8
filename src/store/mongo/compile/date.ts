/** Dates as intervals of instants. https://hl7.org/fhir/R4/search.html#date */
import type { DateTest } from '../../../search/criteria.ts';
import { DATE_MAX } from '../../../search/entry.ts';
import { isAlways } from '../filter.ts';
import type { Element } from './element.ts';
import { intervals } from './interval.ts';

export function date(tests: readonly DateTest[]): Element {
  const ways = tests.flatMap(({ interval }) => intervals(interval));
  // What any date passes is said of dates, not of whatever else a parameter may have.
  return { anyOf: ways.map((way) => (isAlways(way) ? { l: { $lte: DATE_MAX } } : way)), exact: true };
}
