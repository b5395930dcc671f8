/** Index values without repetitions. https://hl7.org/fhir/R4/search.html */
import { atOnce } from '../../fhir/steps.ts';
import type { IndexValue } from '../entry.ts';

/** Lists up to this long are compared pair by pair. */
const short = 8;
/** Others are compared a few at a time. */
const atATime = 1000;

/**
 * The values without those that are there already; a word of a longer string goes where the same text stands as a whole.
 */
export function distinct(values: readonly IndexValue[]): readonly IndexValue[] {
  return values.length < 2 ? values : atOnce(distinctSteps(values));
}

/** The same in steps. */
export function* distinctSteps(values: readonly IndexValue[]): Generator<void, readonly IndexValue[]> {
  const wholes = values.some((value) => value.kind === 'string' && value.exact === null)
    ? wholeTexts(values)
    : undefined;
  const wanted =
    wholes === undefined
      ? values
      : values.filter((value) => value.kind !== 'string' || value.exact !== null || !wholes.has(value.norm));
  if (wanted.length > short) {
    const byKey = new Map<string, IndexValue>();
    for (const [index, value] of wanted.entries()) {
      const key = JSON.stringify(value);
      if (!byKey.has(key)) byKey.set(key, value);
      if (index % atATime === atATime - 1) yield;
    }
    return [...byKey.values()];
  }
  const found: IndexValue[] = [];
  for (const value of wanted) if (!found.some((other) => same(value, other))) found.push(value);
  return found;
}

function wholeTexts(values: readonly IndexValue[]): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const value of values) if (value.kind === 'string' && value.exact !== null) texts.add(value.norm);
  return texts;
}

function same(a: IndexValue, b: IndexValue): boolean {
  switch (a.kind) {
    case 'token':
    case 'identifier':
      return a.kind === b.kind && a.value === b.value && a.system === b.system;
    case 'string':
      return a.kind === b.kind && a.norm === b.norm && a.exact === b.exact;
    case 'date':
    case 'number':
      return a.kind === b.kind && a.low === b.low && a.high === b.high;
    case 'quantity':
      if (a.kind !== b.kind || a.low !== b.low || a.high !== b.high) return false;
      return a.code === b.code && a.system === b.system && a.unit === b.unit;
    case 'reference':
      return a.kind === b.kind && a.id === b.id && a.type === b.type && a.version === b.version;
    case 'uri':
      return a.kind === b.kind && a.value === b.value;
    case 'position':
      return a.kind === b.kind && a.latitude === b.latitude && a.longitude === b.longitude;
    case 'composite':
      return (
        a.kind === b.kind &&
        a.components.every((component, n) => {
          const other = b.components[n];
          return other !== undefined && same(component, other);
        })
      );
  }
}
