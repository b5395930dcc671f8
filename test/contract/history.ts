/** Histories. https://hl7.org/fhir/R4/http.html#history */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryPage, HistoryQuery, Position, Store, Version } from '../../src/store/port.ts';
import { commit, erase, observation, patient, remove, type Subject, usual, write } from './subject.ts';

/** `Patient/a/2` of each version. */
function names(versions: readonly Version[]): readonly string[] {
  return versions.map(({ type, id, versionId }) => `${type}/${id}/${versionId}`);
}

/** Every version that a walk shows, page by page from its first. */
async function walk(store: Store, query: HistoryQuery): Promise<readonly Version[]> {
  const versions: Version[] = [];
  for (let position: Position | undefined = query.position; ; ) {
    const page: HistoryPage = await store.history(position === undefined ? query : { ...query, position });
    versions.push(...page.versions);
    if (page.next === undefined) return versions;
    position = page.next;
  }
}

export function historyRules(under: Subject): void {
  describe('history', () => {
    let store: Store;
    let now = Date.parse('2026-01-01T00:00:00Z');
    const start = now;
    beforeAll(async () => {
      store = await under.open({ ...usual, clock: () => now });
      // One version each hour.
      for (const step of [
        patient('a', '1', 'v1'),
        patient('b', '1', 'v1'),
        patient('a', '1', 'v2'),
        observation('o', 'a'),
        remove('Patient', 'b'),
        patient('a', '1', 'v3'),
        patient('b', '1', 'v3'),
      ]) {
        await write(store, step);
        now += 3_600_000;
      }
    });
    afterAll(() => store.close());

    const all = [
      'Patient/b/3',
      'Patient/a/3',
      'Patient/b/2',
      'Observation/o/1',
      'Patient/a/2',
      'Patient/b/1',
      'Patient/a/1',
    ];
    const hour = (count: number) => start + count * 3_600_000;

    it('is newest first, of an instance, a type, or everything', async () => {
      expect(names((await store.history({ count: 10 })).versions)).toEqual(all);
      expect(names((await store.history({ type: 'Patient', count: 10 })).versions)).toEqual(
        all.filter((name) => name.startsWith('Patient')),
      );
      const { versions } = await store.history({ type: 'Patient', id: 'b', count: 10 });
      expect(names(versions)).toEqual(['Patient/b/3', 'Patient/b/2', 'Patient/b/1']);
      expect(versions[1]).toMatchObject({ method: 'DELETE', body: undefined, lastUpdated: hour(4) });
    });

    it('has a total', async () => {
      expect((await store.history({ type: 'Patient', id: 'a', count: 1 })).total).toBe(3);
      expect((await store.history({ type: 'Patient', count: 1 })).total).toBe(6);
      expect(await store.history({ count: 0 })).toEqual({ versions: [], total: 7 });
    });

    it('of an unknown id or type has no versions', async () => {
      expect(await store.history({ type: 'Patient', id: 'never', count: 10 })).toEqual({ versions: [], total: 0 });
      expect(await store.history({ type: 'Basic', count: 10 })).toEqual({ versions: [], total: 0 });
    });

    it('takes versions since an instant, inclusive', async () => {
      expect(names((await store.history({ since: hour(4), count: 10 })).versions)).toEqual(all.slice(0, 3));
      expect(names((await store.history({ since: hour(4) + 1, count: 10 })).versions)).toEqual(all.slice(0, 2));
      expect((await store.history({ since: hour(4), count: 10 })).total).toBe(3);
      const instance = await store.history({ type: 'Patient', id: 'a', since: hour(1), count: 10 });
      expect([names(instance.versions), instance.total]).toEqual([['Patient/a/3', 'Patient/a/2'], 2]);
      expect((await store.history({ since: hour(100), count: 10 })).versions).toEqual([]);
    });

    it('takes versions that were current at any moment of a period', async () => {
      const at = (low: number, high: number) => store.history({ at: { low, high }, count: 10 });
      expect(names((await at(hour(2) + 1, hour(3))).versions)).toEqual(['Patient/a/2', 'Patient/b/1']);
      expect(names((await at(hour(2), hour(2) + 1)).versions)).toEqual(['Patient/a/2', 'Patient/b/1']);
      expect(names((await at(hour(1) + 1, hour(2) + 1)).versions)).toEqual([
        'Patient/a/2',
        'Patient/b/1',
        'Patient/a/1',
      ]);
      expect((await at(hour(-2), hour(0))).versions).toEqual([]);
      expect(names((await at(hour(50), hour(51))).versions)).toEqual(['Patient/b/3', 'Patient/a/3', 'Observation/o/1']);
      const instance = await store.history({
        type: 'Patient',
        id: 'b',
        at: { low: hour(1), high: hour(4) },
        count: 10,
      });
      expect([names(instance.versions), instance.total]).toEqual([['Patient/b/1'], 1]);
    });

    it('takes listed resources only', async () => {
      const ids = [
        { type: 'Observation', id: 'o' },
        { type: 'Patient', id: 'b' },
        { type: 'Patient', id: 'never' },
      ];
      expect(names((await store.history({ ids, count: 10 })).versions)).toEqual([
        'Patient/b/3',
        'Patient/b/2',
        'Observation/o/1',
        'Patient/b/1',
      ]);
      expect(names((await store.history({ type: 'Patient', ids, count: 10 })).versions)).toEqual([
        'Patient/b/3',
        'Patient/b/2',
        'Patient/b/1',
      ]);
      expect((await store.history({ ids: [], count: 10 })).versions).toEqual([]);
    });

    it.each([1, 2, 3, 7])('comes in pages of %i, forwards and backwards', async (count) => {
      for (const query of [{ count }, { type: 'Patient', count }, { type: 'Patient', id: 'a', count }] as const) {
        const whole = names((await store.history({ ...query, count: 100 })).versions);
        expect(names(await walk(store, query))).toEqual(whole);
        const pages: HistoryPage[] = [await store.history(query)];
        for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
          pages.push(await store.history({ ...query, position: next }));
        }
        expect(pages[0]?.previous).toBeUndefined();
        expect(pages[0]?.first === undefined).toBe(pages.length === 1);
        for (let page = pages.length - 1; page > 0; page--) {
          const previous = pages[page]?.previous;
          if (previous === undefined) throw new Error('a later page leads back');
          const before = await store.history({ ...query, position: previous });
          expect(names(before.versions)).toEqual(names(pages[page - 1]?.versions ?? []));
          expect(before.previous === undefined).toBe(page === 1);
          expect(before.total).toBe(pages[0]?.total);
        }
        const first = pages.at(-1)?.first;
        if (first !== undefined) {
          expect(names((await store.history({ ...query, position: first })).versions)).toEqual(whole.slice(0, count));
        }
      }
    });

    it('pages through a period', async () => {
      const query = { at: { low: hour(0), high: hour(4) }, count: 2 };
      expect(names(await walk(store, query))).toEqual(['Observation/o/1', 'Patient/a/2', 'Patient/b/1', 'Patient/a/1']);
    });

    it('a walk shows the state of its first page', async () => {
      const page = await store.history({ count: 2 });
      if (page.next === undefined || page.first === undefined) throw new Error('there is a next page');
      await commit(store, [patient('a', '1', 'later'), patient('new', '1'), remove('Patient', 'b')]);
      now += 3_600_000;
      const rest = await walk(store, { count: 2, position: page.next });
      expect(names([...page.versions, ...rest])).toEqual(all);
      const again = await store.history({ count: 2, position: page.first });
      expect(names(again.versions)).toEqual(all.slice(0, 2));
      expect(again.total).toBe(7);
    });

    it('erased resources are simply gone, also from a walk', async () => {
      await commit(store, [patient('x', '1'), patient('y', '1'), patient('z', '1')]);
      const page = await store.history({ type: 'Patient', count: 1 });
      await write(store, erase('Patient', 'y'));
      const next = await store.history({ type: 'Patient', count: 1, ...(page.next ? { position: page.next } : {}) });
      expect(names([...page.versions, ...next.versions])).toEqual(['Patient/z/1', 'Patient/x/1']);
    });
  });
}
