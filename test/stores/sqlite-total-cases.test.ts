/** Totals of a few criteria, one of which may be usual: as many as `search/match.ts` lets pass. https://hl7.org/fhir/R4/search.html#total */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Criterion, TokenTest } from '../../src/search/criteria.ts';
import { DATE_MAX, type IndexEntry } from '../../src/search/entry.ts';
import type { Indexed } from '../../src/search/match.ts';
import type { Thresholds } from '../../src/store/sqlite/thresholds.ts';
import { Library } from '../contract/library.ts';
import { parametersOf } from '../search/arbitraries.ts';
import { byIndexes, bySorting, choosing } from './reading.ts';

const type = 'Observation';
const systems = ['', 'urn:s', 'urn:t'] as const;
const patients = ['a', 'b', 'c'] as const;
/** Some ten days each, so that most lie in counts with others (`row-counts.ts`) and some by themselves. */
const instants = fc.integer({ min: -1, max: 9 }).map((n) => n * 9e8);
/** A moment, what isn't short any more, and what has no end. */
const widths = fc.constantFrom(1, 1, 1, 3 * 86_400_000, 3e9, DATE_MAX);
const pick = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Each counts in another way as soon as there are some resources; what fewer than three of them fail to pass is usual. */
const ways: readonly Thresholds[] = [
  { ...byIndexes, probes: [2], listed: 1000, few: 12 },
  { ...byIndexes, few: 12 },
  { ...bySorting, probes: [2], unwatched: 3, few: 12 },
  bySorting,
];

function entry(parameter: string, codes: readonly string[]): fc.Arbitrary<IndexEntry> {
  return fc
    .tuple(pick(systems), pick(codes))
    .map(([system, value]) => ({ parameter, value: { kind: 'token', system, value } }));
}

/** Of so many, one has no status or another than `final`, and one no code or another one than `x`, alone or beside it. */
function resources(usual: number): fc.Arbitrary<Omit<Indexed, 'id'>> {
  const of = (weight: number, ...entries: readonly fc.Arbitrary<IndexEntry>[]) => ({
    weight,
    arbitrary: fc.tuple(...entries),
  });
  return fc
    .record({
      statuses: fc.oneof(
        of(2 * usual, entry('status', ['final'])),
        of(1, entry('status', ['Final', 'amended', 'entered'])),
        of(1),
      ),
      codes: fc.oneof(
        of(4 * usual, entry('code', ['x'])),
        of(2, entry('code', ['x']), entry('code', ['X', 'y'])),
        of(1, entry('code', ['X', 'y']), entry('code', ['z'])),
        of(1),
      ),
      day: fc.option(fc.tuple(instants, widths), { freq: 8 }),
      patient: pick(patients),
      word: pick(['bone', 'liver']),
    })
    .map(({ statuses, codes, day, patient, word }) => {
      const dates =
        day === null ? [] : [{ kind: 'date', low: day[0], high: Math.min(day[0] + day[1], DATE_MAX) } as const];
      const entries: readonly IndexEntry[] = [
        ...statuses,
        ...codes,
        ...dates.map((value) => ({ parameter: 'birthdate', value })),
        { parameter: 'subject', value: { kind: 'reference', type: 'Patient', id: patient, version: '' } },
      ];
      return { type, lastUpdated: 0, entries, words: { narrative: [], content: [word] } };
    });
}

/** `code`, `|code`, `system|code` and, rarely, `system|`; some compared without case. */
const tokenTest = (codes: readonly string[]): fc.Arbitrary<TokenTest> =>
  fc
    .record({ system: fc.option(pick([...systems, 'urn:u']), { freq: 2 }), code: pick(codes), fold: fc.boolean() })
    .map(({ system, code, fold }) => {
      const of = system === null ? {} : { system };
      return { kind: 'token', fold, ...of, ...((system === null || code !== 'y') && { code }) };
    });

function passing(code: string, anyOf: Extract<Criterion, { kind: 'value' }>['anyOf']): Criterion {
  const parameter = parametersOf(type).find((each) => each.code === code);
  if (parameter === undefined) throw new Error(`no parameter ${code}`);
  return { kind: 'value', parameter, anyOf };
}

const tokens = (code: string, codes: readonly string[]): fc.Arbitrary<Criterion> =>
  fc
    .tuple(fc.array(tokenTest(codes), { minLength: 1, maxLength: 3 }), fc.nat({ max: 3 }))
    .map(([anyOf, not]): Criterion => {
      const of = passing(code, anyOf);
      return not === 0 ? { kind: 'not', of } : of;
    });

const ofStatus = tokens('status', ['final', 'final', 'amended', 'none']);
const ofCodes = tokens('code', ['x', 'X', 'y', 'none']);
const either = fc.tuple(ofCodes, ofCodes).map((of): Criterion => ({ kind: 'or', of }));
const ofDays = fc
  .array(
    fc
      .tuple(pick(['low', 'high'] as const), pick(['<', '>=', '>', '<='] as const), instants, fc.constantFrom(0, 0, 1))
      .map(([end, operator, instant, more]) => ({ end, operator, value: instant + more })),
    { minLength: 1, maxLength: 2 },
  )
  .map((comparisons) => passing('birthdate', [{ kind: 'date', interval: [comparisons] }]));
const ofPatient = pick(patients).map((id) => passing('subject', [{ kind: 'reference', type: 'Patient', id }]));
const bone: Criterion = {
  kind: 'words',
  scope: 'content',
  query: { kind: 'words', words: ['bone'], prefix: false },
};

const criterion: fc.Arbitrary<Criterion> = fc.oneof(
  { weight: 2, arbitrary: fc.oneof(ofStatus, ofCodes, either, ofDays, ofDays, ofPatient, fc.constant(bone)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.array(ofStatus, { maxLength: 2 }),
        fc.array(fc.oneof({ weight: 4, arbitrary: ofCodes }, either), { maxLength: 3 }),
        ...[ofDays, ofPatient, fc.constant(bone)].map((each) => fc.array(each, { maxLength: 1 })),
      )
      .map((lists): Criterion => ({ kind: 'and', of: lists.flat() })),
  },
);

const named = (each: readonly Omit<Indexed, 'id'>[]): readonly Indexed[] =>
  each.map((one, n) => ({ ...one, id: `o${n}` }));

it('a total is what passes, whichever criteria are counted and however much was written since others were', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(resources(20), { minLength: 16, maxLength: 48, size: 'max' }).map(named),
      fc.array(resources(1), { maxLength: 20, size: 'max' }).map(named),
      fc.array(criterion, { minLength: 8, maxLength: 12 }),
      fc.nat({ max: 20 }),
      async (before, after, criteria, totalBound) => {
        const library = await Library.open(choosing(...ways));
        const compare = async (): Promise<void> => {
          for (const each of criteria) {
            const expected = library.expected(type, each).length;
            const parts = [{ type, criterion: each, sort: [] }];
            for (const _ of ways) {
              const { total } = await library.page(parts, { count: 1, total: 'accurate' });
              expect(total, JSON.stringify(each)).toBe(expected);
            }
            for (const _ of ways) {
              const { total } = await library.page(parts, { count: 0, total: 'bounded', totalBound });
              expect(total, JSON.stringify(each)).toBe(expected > totalBound ? undefined : expected);
            }
          }
        };
        try {
          await library.put(before);
          await compare();
          await library.put(after);
          await library.remove(before.filter((_, n) => n % 7 === 3));
          await compare();
        } finally {
          await library.store.close();
        }
      },
    ),
    // What fails has many ways to be made smaller, each of which takes as long.
    { numRuns: 40, endOnFailure: true },
  );
});
