/** Prefixes as R4's table defines them, against a second, literal reading of it. https://hl7.org/fhir/R4/search.html#prefix */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approximateRange, decimalKey, precisionRange } from '../../../src/fhir/decimal.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { instantTest, numberTest, rangeTest } from '../../../src/search/lower/interval.ts';
import { within } from '../../../src/search/match.ts';
import type { Prefix } from '../../../src/search/parse/value.ts';
import { find } from '../setup.ts';

const prefixes: readonly Prefix[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'];

/** R4's sentences on sets of whole instants: [low, high) holds low, low + 1, … */
function byTheTable(prefix: Prefix, search: readonly number[], target: readonly number[]): boolean {
  const last = Math.max(...search);
  const first = Math.min(...search);
  const contained = target.every((each) => search.includes(each));
  const above = target.some((each) => each > last);
  const below = target.some((each) => each < first);
  const overlaps = target.some((each) => search.includes(each));
  switch (prefix) {
    case 'eq':
      return contained;
    case 'ne':
      return !contained;
    case 'gt':
      return above;
    case 'lt':
      return below;
    case 'ge':
      return above || contained;
    case 'le':
      return below || contained;
    case 'sa':
      return !overlaps && target.every((each) => each > last);
    case 'eb':
      return !overlaps && target.every((each) => each < first);
    case 'ap':
      return overlaps;
  }
}

const span = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 5 }))
  .map(([low, length]) => ({ low, high: low + length }));
const instants = ({ low, high }: { low: number; high: number }): readonly number[] =>
  Array.from({ length: high - low }, (_, n) => low + n);

test('ranges of dates', () => {
  fc.assert(
    fc.property(fc.constantFrom(...prefixes), span, span, (prefix, search, target) => {
      expect(within(rangeTest(prefix, search, search), target.low, target.high)).toBe(
        byTheTable(prefix, instants(search), instants(target)),
      );
    }),
    { numRuns: 2000 },
  );
});

test('instants', () => {
  fc.assert(
    fc.property(fc.constantFrom(...prefixes), span, fc.integer({ min: 0, max: 15 }), (prefix, search, instant) => {
      expect(within(instantTest(prefix, search, search), instant, instant)).toBe(
        byTheTable(prefix, instants(search), [instant]),
      );
    }),
    { numRuns: 2000 },
  );
});

test('numbers: implicit precision for eq and ne, exact values for the others', () => {
  const hundredths = fc.integer({ min: -300, max: 300 });
  fc.assert(
    fc.property(
      fc.constantFrom(...prefixes),
      fc.integer({ min: -20, max: 20 }),
      hundredths,
      (prefix, tenths, stored) => {
        const text = (tenths / 10).toFixed(1);
        const key = decimalKey(String(stored / 100));
        const holds = within(
          numberTest(prefix, decimalKey(text), precisionRange(text), approximateRange(text)),
          key,
          key,
        );
        const inside = stored >= tenths * 10 - 5 && stored < tenths * 10 + 5;
        const exact = {
          gt: stored > tenths * 10,
          lt: stored < tenths * 10,
          ge: stored >= tenths * 10,
          le: stored <= tenths * 10,
        };
        const expected: Record<string, boolean> = { eq: inside, ne: !inside, ...exact, sa: exact.gt, eb: exact.lt };
        expect(holds).toBe(expected[prefix]);
      },
    ),
    { numRuns: 2000 },
  );
});

describe('dates of resources', () => {
  const effective = (
    ...texts: readonly (string | { start?: string; end?: string } | undefined)[]
  ): readonly Resource[] =>
    texts.map((each) => {
      if (each === undefined) return { resourceType: 'Observation' };
      return typeof each === 'string'
        ? { resourceType: 'Observation', effectiveDateTime: each }
        : { resourceType: 'Observation', effectivePeriod: each };
    });

  // The examples of R4's table at https://hl7.org/fhir/R4/search.html#date.
  test.each<[string, string | { start?: string; end?: string }, boolean]>([
    ['eq2013-01-14', '2013-01-14T00:00', true],
    ['eq2013-01-14', '2013-01-14T10:00', true],
    ['eq2013-01-14', '2013-01-15T00:00', false],
    ['ne2013-01-14', '2013-01-15T00:00', true],
    ['ne2013-01-14', '2013-01-14T00:00', false],
    ['ne2013-01-14', '2013-01-14T10:00', false],
    ['lt2013-01-14T10:00', '2013-01-14', true],
    ['gt2013-01-14T10:00', '2013-01-14', true],
    ['ge2013-03-14', { start: '2013-03-14' }, true],
    ['ge2013-03-14', { start: '2013-01-21' }, true],
    ['le2013-03-14', { start: '2013-01-21' }, true],
    ['sa2013-03-14', { start: '2013-03-15' }, true],
    ['sa2013-03-14', { start: '2013-03-13' }, false],
    ['sa2013-03-14', { start: '2013-01-21' }, false],
    ['eb2013-03-14', { start: '2013-01-21', end: '2013-03-13' }, true],
    ['eb2013-03-14', { start: '2013-01-21', end: '2013-03-14' }, false],
    ['eb2013-03-14', { start: '2013-01-21' }, false],
  ])('%s on %j: %s', (value, stored, expected) => {
    expect(find(effective(stored), `date=${value}`)).toEqual(expected ? [0] : []);
  });

  test('a resource without a value matches no prefix', () => {
    for (const prefix of [...prefixes, 'ap']) expect(find(effective(undefined), `date=${prefix}2024`)).toEqual([]);
  });

  test('ap: 10 % of the distance to now (2026-01-01)', () => {
    const stored = effective('2014-12-01', '2015-02-01', '2016-06-01', '2017-11-01', '2018-03-01');
    expect(find(stored, 'date=ap2016')).toEqual([1, 2, 3]);
  });

  test('fractions of a second are kept', () => {
    const stored = effective('2024-01-01T00:00:00.1234Z', '2024-01-01T00:00:00.1235Z');
    expect(find(stored, 'date=2024-01-01T00:00:00.1234Z')).toEqual([0]);
    expect(find(stored, 'date=gt2024-01-01T00:00:00.1234Z')).toEqual([1]);
  });

  test('a time without a zone is in the server zone; a plus sign survives as a space', () => {
    const stored = effective('2024-07-01T10:00:00+02:00');
    expect(find(stored, 'date=2024-07-01T10:00')).toEqual([0]);
    expect(find(stored, 'date=2024-07-01T10:00:00+02:00')).toEqual([0]);
    expect(find(stored, 'date=2024-07-01T08:00:00Z')).toEqual([0]);
  });

  test('_lastUpdated', () => {
    const patient: readonly Resource[] = [{ resourceType: 'Patient' }];
    const at = (query: string): number =>
      find(patient, query, { lastUpdated: Date.parse('2025-01-01T00:00:00.000+01:00') }).length;
    expect(at('_lastUpdated=2025')).toBe(1);
    expect(at('_lastUpdated=gt2024')).toBe(1);
    expect(at('_lastUpdated=sa2024')).toBe(1);
    expect(at('_lastUpdated=gt2025')).toBe(0);
    expect(at('_lastUpdated=ge2025')).toBe(1);
    expect(at('_lastUpdated=lt2025')).toBe(0);
    expect(at('_lastUpdated=le2025-01-01T00:00:00')).toBe(1);
    expect(at('_lastUpdated=lt2025-01-01T00:00:00.001')).toBe(1);
    expect(at('_lastUpdated=gt2020&_lastUpdated=lt2030')).toBe(1);
    expect(at('_lastUpdated=2020,2025')).toBe(1);
  });
});

describe('numbers of resources', () => {
  const probability = (...values: readonly number[]): readonly Resource[] =>
    values.map((value) => ({ resourceType: 'RiskAssessment', prediction: [{ probabilityDecimal: value }] }));

  // The examples of R4's table at https://hl7.org/fhir/R4/search.html#number.
  test.each<[string, readonly number[], readonly number[]]>([
    ['100', [99.4, 99.5, 100.4999, 100.5], [1, 2]],
    ['100.00', [99.994, 99.995, 100.0049, 100.005], [1, 2]],
    ['1e2', [94.9, 95, 104.9, 105], [1, 2]],
    ['lt100', [99.9999, 100], [0]],
    ['le100', [99.9999, 100, 100.0001], [0, 1]],
    ['gt100', [100, 100.0001], [1]],
    ['ge100', [99.9999, 100, 100.0001], [1, 2]],
    ['ne100', [99.4, 99.5, 100, 100.5], [0, 3]],
    ['ap100', [89.9, 90, 110, 110.1], [1, 2]],
    ['ap-100', [-110.1, -110, -90, -89.9], [1, 2]],
    ['5.40', [5.394, 5.395, 5.404, 5.405], [1, 2]],
    ['0', [-0.5, -0.1, 0, 0.5], [0, 1, 2]],
  ])('%s', (value, stored, expected) => {
    expect(find(probability(...stored), `probability=${value}`)).toEqual(expected);
  });

  test('a Range', () => {
    const range = (low: number, high: number): Resource => ({
      resourceType: 'RiskAssessment',
      prediction: [{ probabilityRange: { low: { value: low }, high: { value: high } } }],
    });
    const stored = [range(1, 3), range(3, 5)];
    expect(find(stored, 'probability=gt2')).toEqual([0, 1]);
    expect(find(stored, 'probability=sa2')).toEqual([1]);
    expect(find(stored, 'probability=eb4')).toEqual([0]);
    expect(find(stored, 'probability=2')).toEqual([]);
    expect(find(stored, 'probability=ap2')).toEqual([0]);
  });

  test('what a double cannot hold is compared exactly', () => {
    const stored: readonly Resource[] = ['0.10000000000000000000000001', '0.1'].map((value) => ({
      resourceType: 'RiskAssessment',
      prediction: [{ probabilityDecimal: value }],
    }));
    expect(find(stored, 'probability=gt0.1')).toEqual([0]);
    expect(find(stored, 'probability=0.10000000000000000000000001')).toEqual([0]);
  });
});

test('quantities: number, system and code, in R4 forms', () => {
  const ucum = 'http://unitsofmeasure.org';
  const stored: readonly Resource[] = [
    { value: 5.4, system: ucum, code: 'mg', unit: 'mg' },
    { value: 5.4, system: ucum, code: 'g', unit: 'mg' },
    { value: 5.4, unit: 'mg' },
    { value: 5.4 },
    { value: 6, system: ucum, code: 'mg' },
  ].map((valueQuantity) => ({ resourceType: 'Observation', valueQuantity }));
  expect(find(stored, 'value-quantity=5.4')).toEqual([0, 1, 2, 3]);
  expect(find(stored, `value-quantity=5.4|${ucum}|mg`)).toEqual([0]);
  expect(find(stored, 'value-quantity=5.4||mg')).toEqual([0, 1, 2]);
  expect(find(stored, `value-quantity=5.4|${ucum}`)).toEqual([0, 1]);
  expect(find(stored, `value-quantity=gt5.4|${ucum}|mg`)).toEqual([1, 4]);
  expect(find(stored, `value-quantity=ap5.5|${ucum}|mg`)).toEqual([0, 4]);
  expect(find(stored, `value-quantity=5.40|${ucum}|mg,6||mg`)).toEqual([0, 4]);
});
