/** Dates and periods of every width, open ends included. https://hl7.org/fhir/R4/search.html#date */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Criterion, IntervalTest, Parameter } from '../../src/search/criteria.ts';
import { DATE_MAX, DATE_MIN, type IndexEntry } from '../../src/search/entry.ts';
import { compareBy, type Indexed } from '../../src/search/match.ts';
import { parametersOf } from '../search/arbitraries.ts';
import { Library, type SearchSubject } from './library.ts';

const hour = 3_600_000;
const year = 365 * 24 * hour;

/** Milliseconds from nothing to a century, as many short times as long ones; some with a fraction. */
const span = fc
  .tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 7 }))
  .map(([permille, eighths]) => Math.floor((100 * year) ** (permille / 1000)) - 1 + eighths / 8);
/** Most intervals and most instants that are asked for lie around the same few, so that they meet. */
const anchor = fc.constantFrom(0, year, 1.5 * year);

const instant = fc.tuple(anchor, span, fc.boolean()).map(([at, by, later]) => (later ? at + by : at - by));

const around = fc.tuple(anchor, span, span).map(([at, before, after]) => ({ low: at - before, high: at + after }));

const interval = fc.oneof(
  { weight: 6, arbitrary: around },
  { weight: 1, arbitrary: instant.map((low) => ({ low, high: DATE_MAX })) },
  { weight: 1, arbitrary: instant.map((high) => ({ low: DATE_MIN, high })) },
  { weight: 1, arbitrary: fc.constant({ low: DATE_MIN, high: DATE_MAX }) },
);

const comparison = fc.record({
  end: fc.constantFrom('low' as const, 'high' as const),
  operator: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
  value: instant,
});
/** What overlaps a period: the test that neither end's order alone answers. */
const overlap = fc.tuple(instant, instant).map(([from, to]): IntervalTest<number> => {
  return [
    [
      { end: 'high', operator: '>', value: Math.min(from, to) },
      { end: 'low', operator: '<', value: Math.max(from, to) },
    ],
  ];
});
const test: fc.Arbitrary<IntervalTest<number>> = fc.oneof(
  overlap,
  fc.array(fc.array(comparison, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
);

function parameter(code: string): Parameter {
  const found = parametersOf('Observation').find((each) => each.code === code);
  if (found === undefined) throw new Error(`there is no parameter ${code}`);
  return found;
}

/** One value, and several. */
const parameters = [parameter('birthdate'), parameter('date')] as const;

const resources: fc.Arbitrary<readonly Indexed[]> = fc
  .array(fc.tuple(interval, fc.array(interval, { maxLength: 3 })), { maxLength: 30 })
  .map((list) =>
    list.map(([one, several], place): Indexed => {
      const entries: IndexEntry[] = [{ parameter: 'birthdate', value: { kind: 'date', ...one } }];
      const distinct = new Map(several.map((each) => [JSON.stringify(each), each]));
      for (const each of distinct.values()) entries.push({ parameter: 'date', value: { kind: 'date', ...each } });
      return { type: 'Observation', id: `o${place}`, lastUpdated: 0, entries };
    }),
  );

export function dateRules(under: SearchSubject): void {
  describe('dates', () => {
    it.each(parameters)('of $code are found and sorted whatever their width', async (by) => {
      await fc.assert(
        fc.asyncProperty(
          resources,
          fc.array(fc.tuple(fc.array(test, { minLength: 1, maxLength: 2 }), fc.boolean()), {
            minLength: 1,
            maxLength: 10,
          }),
          async (all, searches) => {
            const library = await Library.open(under);
            try {
              await library.put(all);
              for (const [tests, descending] of searches) {
                const of = tests.map((each): Criterion => {
                  return { kind: 'value', parameter: by, anyOf: [{ kind: 'date', interval: each }] };
                });
                const criterion: Criterion = { kind: 'and', of };
                const expected = library.expected('Observation', criterion);
                const found = await library.search('Observation', criterion);
                expect(found.ids, JSON.stringify(criterion)).toEqual(expected);
                expect(found.total).toBe(expected.length);
                const sort = [{ by, descending }];
                const page = await library.page([{ type: 'Observation', criterion, sort }], { count: 100 });
                expect(page.matches.map(({ id }) => id).sort()).toEqual(expected);
                const order = compareBy(sort);
                const shown = page.matches.map(({ id }) => library.resources.find((each) => each.id === id));
                shown.forEach((resource, place) => {
                  const before = shown[place - 1];
                  if (before !== undefined && resource !== undefined)
                    expect(order(before, resource)).toBeLessThanOrEqual(0);
                });
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 15 },
      );
    });
  });
}
