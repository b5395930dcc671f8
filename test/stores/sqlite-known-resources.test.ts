/** Lists of ids find what is live, whatever was found of them before. https://hl7.org/fhir/R4/search.html#id */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { KnownResources } from '../../src/store/sqlite/known-resources.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import {
  code,
  commit,
  day,
  erase,
  identifier,
  link,
  observation,
  patient,
  remove,
  subject,
} from '../contract/subject.ts';

const ids = Array.from({ length: 5 }, (_, index) => `p${index}`);

/** What happens to a resource, or a list of ids that is asked for. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), of: fc.subarray(ids, { minLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), id: fc.constantFrom(...ids) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refer' as const), id: fc.constantFrom(...ids) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('remove', 'erase'), id: fc.constantFrom(...ids) }) },
);

it('finds the live ones of a list, and what refers to any of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const store = await openSqliteStore('sqlite::memory:', {
        cursorLifetime: day,
        timezone: 'UTC',
        parameters: [code, subject, identifier, link].map(({ type, code }) => ({ type, code, definition: '1' })),
      });
      const found = async (type: string, criterion: Criterion): Promise<readonly string[]> => {
        const parts = [{ type, criterion, sort: [] }];
        const asked = { parts, count: 50, total: 'accurate', totalBound: 100, budget: 60_000 } as const;
        const { matches, total } = await store.search(asked);
        expect(total).toBe(matches.length);
        expect((await store.search({ ...asked, count: 0 })).total).toBe(matches.length);
        return matches.map(({ id }) => id).sort();
      };
      try {
        const live = new Set<string>();
        const referred = new Map<string, string>();
        let made = 0;
        for (const each of steps) {
          if (each.kind === 'ask') {
            const { of } = each;
            expect(await found('Patient', { kind: 'id', ids: of })).toEqual(of.filter((id) => live.has(id)).sort());
            const anyOf = of.map((id) => ({ kind: 'reference', type: 'Patient', id }) as const);
            const refer = [...referred].filter(([, id]) => of.includes(id)).map(([observed]) => observed);
            expect(await found('Observation', { kind: 'value', parameter: subject, anyOf })).toEqual(refer.sort());
            continue;
          }
          const { kind, id } = each;
          if (kind === 'put') {
            await commit(store, [patient(id, id, made % 2 === 0 ? 'en' : 'de')]);
            live.add(id);
          } else if (kind === 'refer') {
            await commit(store, [observation(`o${made}`, id)]);
            referred.set(`o${made}`, id);
          } else {
            await commit(store, [kind === 'erase' ? erase('Patient', id) : remove('Patient', id)]);
            live.delete(id);
          }
          made += 1;
        }
      } finally {
        await store.close();
      }
    }),
    { numRuns: 150 },
  );
});

it('finds hundreds of thousands of a list, more than are remembered', () => {
  const db = openDatabase(':memory:');
  migrate(db);
  const many = 250_000;
  db.exec(`WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${many})
    INSERT INTO entity SELECT value, 1, 'p' || value, value % 2, NULL, 0, NULL FROM n`);
  const resources = new KnownResources(db);
  const ids = Array.from({ length: many }, (_, index) => `p${index + 1}`);
  for (let round = 0; round < 2; round++) {
    expect(resources.numbers(1, [...ids, 'nobody'])).toHaveLength(many);
    expect(resources.live(1, ids)).toHaveLength(many / 2);
  }
  db.close();
});
