/** https://hl7.org/fhir/R4/valueset-observation-statistics.html */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { summarise } from '../../src/fhir/statistics.ts';

const of = (...values: readonly number[]) => summarise(values.map((value) => ({ value, count: 1 })));

test('a summary of known numbers', () => {
  // R: quantile(c(1, 2, 3, 4, 10)), mean, sd.
  expect(of(10, 1, 4, 2, 3)).toEqual({
    count: 5,
    min: 1,
    q1: 2,
    median: 3,
    q3: 4,
    max: 10,
    mean: 4,
    sd: 3.53553390593274,
  });
  // R: quantile(c(1, 2, 3, 4)).
  expect(of(1, 2, 3, 4)).toMatchObject({ q1: 1.75, median: 2.5, q3: 3.25 });
  expect(of(0.1, 0.2)).toMatchObject({ median: 0.15, mean: 0.15 });
});

test('of one number there is no deviation, of none no summary', () => {
  expect(of(7)).toEqual({ count: 1, min: 7, q1: 7, median: 7, q3: 7, max: 7, mean: 7 });
  expect(of()).toBeUndefined();
});

test('numbers that are all the same do not deviate', () => {
  expect(summarise([{ value: -0.1, count: 3 }])?.sd).toBeCloseTo(0, 12);
});

test('a number that occurs often counts as often', () => {
  const number = fc.integer({ min: -1000, max: 1000 }).map((value) => value / 10);
  fc.assert(
    fc.property(
      fc.array(fc.record({ value: number, count: fc.integer({ min: 1, max: 5 }) }), { minLength: 1 }),
      (occurrences) => {
        const all = occurrences
          .flatMap(({ value, count }) => new Array<number>(count).fill(value))
          .sort((a, b) => a - b);
        const found = summarise(occurrences);
        expect(found).toMatchObject({ count: all.length, min: all[0], max: all.at(-1) });
        const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
        expect(found?.mean).toBeCloseTo(mean, 8);
        const middle = (all.length - 1) / 2;
        expect(found?.median).toBeCloseTo(((all[Math.floor(middle)] ?? 0) + (all[Math.ceil(middle)] ?? 0)) / 2, 8);
        const variance = all.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (all.length - 1);
        if (all.length > 1) expect(found?.sd).toBeCloseTo(Math.sqrt(variance), 6);
      },
    ),
  );
});
