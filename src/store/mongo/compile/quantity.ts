/** Quantities in the units that tests name, and in those that these convert into. https://hl7.org/fhir/R4/search.html#quantity */
import { ucumSystem } from '../../../fhir/ucum.ts';
import type { QuantityTest } from '../../../search/criteria.ts';
import { intervalIn } from '../../../search/units.ts';
import { allOf, type Filter } from '../filter.ts';
import type { Element } from './element.ts';
import { intervals } from './interval.ts';

/** @param units codes among which those of all stored values are; undefined: they aren't known. */
export function quantity(tests: readonly QuantityTest[], units?: readonly string[]): Element {
  const elements = tests.map((test) => one(test, units));
  return {
    anyOf: elements.flatMap(({ anyOf }) => anyOf),
    exact: elements.every(({ exact }) => exact),
  };
}

/** Whether values in other units than the one that it names may pass. */
export function converts({ system, code }: QuantityTest): boolean {
  return code !== undefined && code !== '' && (system === undefined || system === ucumSystem);
}

function one(test: QuantityTest, stored: readonly string[] | undefined): Element {
  const { code, interval } = test;
  const units = named(test);
  const ways = intervals(interval).flatMap((way) => units.map((unit) => allOf([unit, way])));
  if (!converts(test)) return { anyOf: ways, exact: true };
  if (stored !== undefined) return { anyOf: [...ways, ...stored.flatMap((other) => inUnit(test, other))], exact: true };
  // In which other units values are isn't known here, so that those of any unit are looked at.
  const other = { s: ucumSystem, c: { $nin: [code, ''] } };
  return { anyOf: [...ways, other], exact: false };
}

/** The test for values in another unit. */
function inUnit(test: QuantityTest, code: string): readonly Filter[] {
  const interval = code === test.code ? undefined : intervalIn(test, { system: ucumSystem, code, unit: '' });
  // Without a system a value whose unit's text is the code is compared as it is, whatever its own code is (`intervalIn`).
  const unit = { c: code, s: ucumSystem, ...(test.system === undefined ? { u: { $ne: test.code } } : {}) };
  return interval === undefined ? [] : intervals(interval).map((way) => allOf([unit, way]));
}

/** The units that a test names. */
function named({ system, code }: QuantityTest): readonly Filter[] {
  if (code === undefined) return [system === undefined ? { u: { $gte: '' } } : { s: system }];
  return system === undefined ? [{ c: code }, { u: code }] : [{ c: code, s: system }];
}
