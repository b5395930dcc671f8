/** Quantities in the units that tests name, and in those that these convert into. https://hl7.org/fhir/R4/search.html#quantity */
import { ucumSystem } from '../../../fhir/ucum.ts';
import type { QuantityTest } from '../../../search/criteria.ts';
import { allOf, type Filter } from '../filter.ts';
import type { Element } from './element.ts';
import { intervals } from './interval.ts';

export function quantity(tests: readonly QuantityTest[]): Element {
  const elements = tests.map(one);
  return {
    anyOf: elements.flatMap(({ anyOf }) => anyOf),
    exact: elements.every(({ exact }) => exact),
  };
}

function one(test: QuantityTest): Element {
  const { system, code, interval } = test;
  const units = named(test);
  const ways = intervals(interval).flatMap((way) => units.map((unit) => allOf([unit, way])));
  if (code === undefined || code === '' || (system !== undefined && system !== ucumSystem)) {
    return { anyOf: ways, exact: true };
  }
  // In which other units values are isn't known here, so that those of any unit are looked at.
  const other = { s: ucumSystem, c: { $nin: [code, ''] } };
  return { anyOf: [...ways, other], exact: false };
}

/** The units that a test names. */
function named({ system, code }: QuantityTest): readonly Filter[] {
  if (code === undefined) return [system === undefined ? { u: { $gte: '' } } : { s: system }];
  return system === undefined ? [{ c: code }, { u: code }] : [{ c: code, s: system }];
}
