/** How often values occur among matches. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Criterion, Parameter } from '../../src/search/criteria.ts';
import { type Indexed, matches } from '../../src/search/match.ts';
import type { Store } from '../../src/store/port.ts';
import type { Tally } from '../../src/store/tally.ts';
import { arbitraryCriterion, arbitraryResources, parametersOf, types } from '../search/arbitraries.ts';
import { Library } from './library.ts';
import { code, commit, erase, observation, remove, type Subject, usual } from './subject.ts';

const everything: Criterion = { kind: 'and', of: [] };

const arbitraryTally = fc.constantFrom(...types).chain((type) => {
  const fields = parametersOf(type).filter(({ kind }) => kind === 'token' || kind === 'number' || kind === 'quantity');
  const groupings = fields.filter(({ kind, textual }) => kind === 'token' && !textual);
  return fc.record({
    type: fc.constant(type),
    criterion: fc.oneof(fc.constant(everything), arbitraryCriterion(type)),
    fields: fc.constant(fields),
    by: fc.constantFrom(undefined, ...groupings),
  });
});

export function tallyRules(under: Subject): void {
  describe('tally', () => {
    it('counts each value of the matches that have it, in each group', async () => {
      await fc.assert(
        fc.asyncProperty(
          arbitraryResources,
          fc.array(arbitraryTally, { minLength: 4, maxLength: 12 }),
          async (resources, tallies) => {
            let store: Store | undefined;
            const library = await Library.open({
              open: async (settings) => {
                store = await under.open(settings);
                return store;
              },
            });
            try {
              await library.put(resources);
              for (const { type, criterion, fields, by } of tallies) {
                const found = await store?.tally({ type, criterion, fields, by, budget: 60_000 });
                const others = [...library.others.of(type)];
                const expected = others.filter((resource) => matches(criterion, resource, library.others));
                if (found !== undefined) check(found, expected, fields, by);
                expect(found).toBeDefined();
              }
            } finally {
              await library.store.close();
            }
          },
        ),
        { numRuns: 5 },
      );
    }, 300_000);

    it('looks at what is current alone', async () => {
      const store = await under.open(usual);
      const query = { type: 'Observation', criterion: everything, fields: [code], budget: 60_000 };
      const counted = async () => (await store.tally(query)).groups[0]?.fields[0];
      expect(await store.tally(query)).toEqual({
        total: 0,
        groups: [{ total: 0, fields: [{ present: 0, values: [] }] }],
      });
      await commit(store, [observation('a', 'p', 'x'), observation('b', 'p', 'y'), observation('c', 'p', 'y')]);
      await commit(store, [observation('a', 'p', 'y'), remove('Observation', 'b')]);
      const y = { kind: 'token', system: 'urn:codes', value: 'y' };
      expect(await counted()).toEqual({ present: 2, values: [{ value: y, count: 2 }] });
      await commit(store, [erase('Observation', 'c')]);
      expect(await counted()).toEqual({ present: 1, values: [{ value: y, count: 1 }] });
      await store.close();
    });
  });
}

function check(
  { total, groups }: Tally,
  matched: readonly Indexed[],
  fields: readonly Parameter[],
  by: Parameter | undefined,
): void {
  expect(total).toBe(matched.length);
  const expected = new Map<string, Indexed[]>();
  for (const resource of matched)
    for (const group of groupsOf(resource, by)) expected.set(group, [...(expected.get(group) ?? []), resource]);
  if (by === undefined && matched.length === 0) expected.set('', []);
  const found = new Map(groups.map((group) => [group.by === undefined ? '' : JSON.stringify(group.by), group]));
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, resources] of expected) {
    expect(found.get(key)?.total).toBe(resources.length);
    fields.forEach((field, place) => {
      const having = resources.filter(({ entries }) => entries.some(({ parameter }) => parameter === field.code));
      const counts = new Map<string, number>();
      for (const { entries } of having) {
        const values = entries.filter(({ parameter }) => parameter === field.code).map(({ value }) => textOf(value));
        for (const value of new Set(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
      }
      const tallied = found.get(key)?.fields[place];
      expect(tallied?.present, field.code).toBe(having.length);
      expect(new Map(tallied?.values.map(({ value, count }) => [textOf(value), count])), field.code).toEqual(counts);
    });
  }
}

function groupsOf({ entries }: Indexed, by: Parameter | undefined): readonly string[] {
  if (by === undefined) return [''];
  const codes = entries.flatMap(({ parameter, value }) => {
    return parameter === by.code && value.kind === 'token'
      ? [JSON.stringify({ system: value.system, value: value.value })]
      : [];
  });
  return codes.length === 0 ? [''] : [...new Set(codes)];
}

/** Members in one order. */
function textOf(value: object): string {
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
