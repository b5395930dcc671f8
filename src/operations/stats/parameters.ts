/** Statistics as the parts of a Parameters resource. https://hl7.org/fhir/R4/parameters.html */
import { decimalText } from '../../fhir/decimal.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import { type Occurrence, summarise } from '../../fhir/statistics.ts';
import type { TalliedField, TalliedGroup, TalliedValue } from '../../store/tally.ts';
import type { Field } from './fields.ts';

type Counted = TalliedField['values'][number];

/** One parameter `field` for each field that some match has or that was asked for by name. `most`: values that are listed. */
export function groupParameters(
  fields: readonly Field[],
  { total, fields: tallied }: TalliedGroup,
  most: number,
): readonly JsonObject[] {
  return fields.flatMap((field, place) => {
    const found = tallied[place];
    if (found === undefined || (found.present === 0 && !field.named)) return [];
    const counts = [
      { name: 'name', valueCode: field.code },
      { name: 'present', valueInteger: found.present },
      { name: 'missing', valueInteger: total - found.present },
    ];
    const values = field.parameter.kind === 'token' ? frequencies(found, most) : summaries(found);
    return [{ name: 'field', part: [...counts, ...values] }];
  });
}

/** A parameter with a token as Coding. */
export function tokenParameter(name: string, value: TalliedValue): JsonObject {
  if (value.kind !== 'token' && value.kind !== 'identifier') throw new Error('a token is a code or an identifier');
  const system = value.system === '' ? {} : { system: value.system };
  return { name, valueCoding: { ...system, code: value.value } };
}

/** The most frequent values; how many distinct ones there are. */
function frequencies({ values }: TalliedField, most: number): readonly JsonObject[] {
  const sorted = [...values].sort((a, b) => b.count - a.count || (textOf(a) < textOf(b) ? -1 : 1));
  return [
    { name: 'distinct', valueInteger: values.length },
    ...sorted.slice(0, most).map(({ value, count }) => ({
      name: 'value',
      part: [tokenParameter('code', value), { name: 'count', valueInteger: count }],
    })),
  ];
}

function textOf({ value }: Counted): string {
  return value.kind === 'token' || value.kind === 'identifier' ? `${value.system}|${value.value}` : '';
}

/** A summary for each unit: numbers in different units aren't put together. */
function summaries({ values }: TalliedField): readonly JsonObject[] {
  const byUnit = new Map<string, { readonly unit: readonly JsonObject[]; readonly numbers: Occurrence[] }>();
  let ranges = 0;
  for (const { value, count } of values) {
    if (value.kind !== 'number' && value.kind !== 'quantity') continue;
    if (value.low !== value.high) {
      ranges += count;
      continue;
    }
    const unit = unitParameters(value);
    const key = JSON.stringify(unit);
    const known = byUnit.get(key) ?? { unit, numbers: [] };
    byUnit.set(key, known);
    known.numbers.push({ value: Number(decimalText(value.low)), count });
  }
  const told = [...byUnit.values()].flatMap(({ unit, numbers }) => {
    const summary = summarise(numbers);
    if (summary === undefined) return [];
    const { count, ...decimals } = summary;
    const parts = Object.entries(decimals).map(([name, valueDecimal]) => ({ name, valueDecimal }));
    return [
      { count, parameter: { name: 'numbers', part: [...unit, { name: 'count', valueInteger: count }, ...parts] } },
    ];
  });
  const sorted = told.sort((a, b) => b.count - a.count).map(({ parameter }) => parameter);
  // `<5`, or from 2 to 4: no number to reckon with.
  return ranges === 0 ? sorted : [...sorted, { name: 'ranges', valueInteger: ranges }];
}

function unitParameters(value: TalliedValue): readonly JsonObject[] {
  if (value.kind !== 'quantity') return [];
  const { unit, code, system } = value;
  const text = unit === '' ? code : unit;
  return [
    ...(text === '' ? [] : [{ name: 'unit', valueString: text }]),
    ...(code === '' ? [] : [{ name: 'code', valueCoding: { ...(system === '' ? {} : { system }), code } }]),
  ];
}
