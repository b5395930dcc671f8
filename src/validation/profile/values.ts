/** fixed[x], pattern[x], maxLength, minValue[x] and maxValue[x]. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_ */
import { dateRange } from '../../fhir/period.ts';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import { equal, hasPattern, saidValue } from './element.ts';
import type { Check } from './run.ts';

/** The checks of what values an element may have, where the base says something else. */
export function valueChecks(element: JsonObject, base: JsonObject): readonly Check[] {
  const checks: Check[] = [];
  const fixed = saidValue(element, 'fixed');
  if (fixed !== undefined && !equal(fixed, saidValue(base, 'fixed')))
    checks.push((value, _beside, run) => {
      if (!equal(value, fixed, run)) run.fault('value', 'fixed', `must be ${shown(fixed)}`);
    });
  const pattern = saidValue(element, 'pattern');
  if (pattern !== undefined && !equal(pattern, saidValue(base, 'pattern')))
    checks.push((value, _beside, run) => {
      if (!hasPattern(value, pattern, run)) run.fault('value', 'pattern', `must have ${shown(pattern)}`);
    });
  const { maxLength } = element;
  if (typeof maxLength === 'number' && maxLength !== base.maxLength)
    checks.push((value, _beside, run) => {
      if (typeof value !== 'string' || value.length <= maxLength) return;
      run.spend(value.length >> 4);
      if ([...value].length > maxLength)
        run.fault('too-long', 'max-length', `must not have more than ${maxLength} characters`);
    });
  const min = saidValue(element, 'minValue');
  if (min !== undefined && !equal(min, saidValue(base, 'minValue')))
    checks.push((value, _beside, run) => {
      if ((compare(value, min) ?? 0) < 0) run.fault('value', 'min-value', `must not be less than ${shown(min)}`);
    });
  const max = saidValue(element, 'maxValue');
  if (max !== undefined && !equal(max, saidValue(base, 'maxValue')))
    checks.push((value, _beside, run) => {
      if ((compare(value, max) ?? 0) > 0) run.fault('value', 'max-value', `must not be more than ${shown(max)}`);
    });
  return checks;
}

const mostShown = 200;

/** A value of a definition, for messages. */
export function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

/** Less than 0 where all that a value may mean lies before the bound, more than 0 where it lies behind; undefined: they can't be compared. */
export function compare(value: JsonValue | undefined, bound: JsonValue): number | undefined {
  if (typeof value === 'number' && typeof bound === 'number') return value - bound;
  if (typeof value === 'string' && typeof bound === 'string') return compareTexts(value, bound);
  if (!isObject(value) || !isObject(bound)) return undefined;
  const unit = (quantity: JsonObject) => quantity.code ?? quantity.unit;
  return value.system === bound.system && unit(value) === unit(bound)
    ? compare(value.value, bound.value ?? null)
    : undefined;
}

const time = /^[0-9]{2}:[0-9]{2}:/;

function compareTexts(value: string, bound: string): number | undefined {
  if (time.test(value) && time.test(bound)) return value < bound ? -1 : Number(value > bound);
  const [own, other] = [dateRange(value, 'UTC'), dateRange(bound, 'UTC')];
  if (own === undefined || other === undefined) return undefined;
  if (own.high <= other.low) return -1;
  return own.low >= other.high ? 1 : 0;
}
