/** What a quantity test means for values in another unit. https://hl7.org/fhir/R4/search.html#quantity */
import { mapKey } from '../fhir/linear.ts';
import { conversion, ucumSystem } from '../fhir/ucum.ts';
import type { IntervalTest, QuantityTest } from './criteria.ts';
import type { DecimalKey, QuantityValue } from './entry.ts';

/** The unit of a stored quantity. */
export type StoredUnit = Pick<QuantityValue, 'system' | 'code' | 'unit'>;

/**
 * The interval that a value with this unit must lie in: the test's own where the unit is the one that it names, converted
 * where UCUM converts the one into the other; undefined where no value in this unit passes.
 */
export function intervalIn(test: QuantityTest, stored: StoredUnit): IntervalTest<DecimalKey> | undefined {
  const { system, code, interval } = test;
  if (isNamed(test, stored)) return interval;
  if (code === undefined || code === '' || stored.code === '' || stored.system !== ucumSystem) return undefined;
  if (system !== undefined && system !== ucumSystem) return undefined;
  const map = conversion(code, stored.code);
  if (map === undefined) return undefined;
  return interval.map((all) => all.map((comparison) => ({ ...comparison, value: mapKey(comparison.value, map) })));
}

/** Whether a unit is the one that a test names, without any conversion. */
function isNamed({ system, code }: QuantityTest, stored: StoredUnit): boolean {
  if (system !== undefined && system !== stored.system) return false;
  return code === undefined || code === stored.code || (system === undefined && code === stored.unit);
}
