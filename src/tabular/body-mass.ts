/** The body mass index of height and weight. https://hl7.org/fhir/R4/observation-vitalsigns.html */
import { type ExactJson, ExactNumber, exactObject, isExactObject } from '../fhir/exact-json.ts';
import type { Part } from './template.ts';

const loinc = 'http://loinc.org';
const ucum = 'http://unitsofmeasure.org';

/** LOINC codes of what is measured and what comes of it. */
export const heightCode = '8302-2';
export const weightCode = '29463-7';
export const bodyMassCode = '39156-5';

/** A unit as a fraction of metres or kilograms. */
const factors: Readonly<Record<string, readonly [over: bigint, under: bigint]>> = {
  m: [1n, 1n],
  cm: [1n, 100n],
  kg: [1n, 1n],
  g: [1n, 1000n],
  '[in_i]': [254n, 10_000n],
  '[lb_av]': [45_359_237n, 100_000_000n],
};

/** Whether a part's resources have this LOINC code. */
export function hasCode({ content }: Part, code: string): boolean {
  const codings = isExactObject(content.code) && Array.isArray(content.code.coding) ? content.code.coding : [];
  return codings.some((each) => isExactObject(each) && each.system === loinc && each.code === code);
}

/** kg/m² rounded half up to a tenth; undefined for units that are not known, and for a height of nothing. */
export function bodyMass(height: ExactJson | undefined, weight: ExactJson | undefined): ExactJson | undefined {
  const tall = fractionOf(height);
  const heavy = fractionOf(weight);
  if (tall === undefined || heavy === undefined || tall[0] <= 0n || heavy[0] <= 0n) return undefined;
  const over = heavy[0] * tall[1] * tall[1] * 10n;
  const under = heavy[1] * tall[0] * tall[0];
  const tenths = (over * 2n + under) / (under * 2n);
  return Object.assign(exactObject(), {
    value: new ExactNumber(`${tenths / 10n}.${tenths % 10n}`),
    unit: 'kg/m2',
    system: ucum,
    code: 'kg/m2',
  });
}

function fractionOf(quantity: ExactJson | undefined): readonly [bigint, bigint] | undefined {
  if (!isExactObject(quantity) || !(quantity.value instanceof ExactNumber) || typeof quantity.code !== 'string')
    return undefined;
  const factor = factors[quantity.code];
  const [, whole, decimals = ''] = /^([0-9]{1,6})(?:\.([0-9]{1,12}))?$/.exec(quantity.value.text) ?? [];
  if (factor === undefined || whole === undefined) return undefined;
  return [BigInt(whole + decimals) * factor[0], 10n ** BigInt(decimals.length) * factor[1]];
}
