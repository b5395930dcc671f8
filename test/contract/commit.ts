/** Commits. https://hl7.org/fhir/R4/http.html#transaction */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import {
  commit,
  contentOf,
  failureOf,
  observation,
  patient,
  put,
  remove,
  type Subject,
  usual,
  write,
} from './subject.ts';

export function commitRules(under: Subject): void {
  describe('commit', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('commits all writes or none', async () => {
      const refused = commit(store, [
        patient('a1', '1'),
        patient('a2', '2', '', { ifMatch: ['1'] }),
        patient('a3', '3'),
      ]);
      await expect(refused).rejects.toThrow();
      expect(await store.read('Patient', 'a1')).toBeUndefined();
      expect((await store.history({ type: 'Patient', id: 'a1', count: 10 })).versions).toEqual([]);
      await commit(store, [patient('a1', '1'), patient('a2', '2'), patient('a3', '3')]);
      expect(
        await Promise.all(['a1', 'a2', 'a3'].map(async (id) => (await store.read('Patient', id))?.versionId)),
      ).toEqual([1, 1, 1]);
    });

    it('gives one result for each write, in order', async () => {
      await commit(store, [patient('b1', '1'), patient('b2', '2')]);
      const { written } = await commit(
        store,
        [
          patient('b3', '3'),
          patient('b1', '1', 'de'),
          patient('b2', '2'),
          remove('Patient', 'nobody'),
          remove('Patient', 'b2'),
        ].filter((_, index) => index !== 2),
      );
      expect(written.map(({ versionId, outcome }) => [versionId, outcome])).toEqual([
        [1, 'created'],
        [2, 'updated'],
        [0, 'unchanged'],
        [2, 'deleted'],
      ]);
    });

    it('puts versionId and lastUpdated into the body', async () => {
      await write(store, patient('c1', '1'));
      const { lastUpdated } = await write(store, patient('c1', '1', 'de'));
      const content = contentOf((await store.read('Patient', 'c1'))?.body);
      expect(content.meta).toEqual({ versionId: '2', lastUpdated: new Date(lastUpdated).toISOString() });
    });

    it('keeps the method of each version', async () => {
      await write(store, { ...patient('c2', '1'), method: 'POST' });
      await write(store, { ...patient('c2', '1', 'de'), method: 'PATCH' });
      const { versions } = await store.history({ type: 'Patient', id: 'c2', count: 10 });
      expect(versions.map(({ method }) => method)).toEqual(['PATCH', 'POST']);
    });

    it('gives writes that are copied the times they had elsewhere', async () => {
      const copy = await under.open(usual);
      const times = [1_000, 1_000, 5_000];
      const { written } = await commit(copy, [patient('a', '1'), patient('b', '2'), patient('c', '3')], { times });
      expect(written.map(({ lastUpdated }) => lastUpdated)).toEqual(times);
      const { written: later } = await commit(copy, [patient('b', '2', 'de'), remove('Patient', 'a')], {
        times: [5_000, 7_000],
      });
      expect(later.map(({ lastUpdated }) => lastUpdated)).toEqual([5_000, 7_000]);
      const { versions } = await copy.history({ count: 10 });
      expect(versions.map(({ id, versionId, lastUpdated }) => `${id}/${versionId} ${lastUpdated}`)).toEqual([
        'a/2 7000',
        'b/2 5000',
        'c/1 5000',
        'b/1 1000',
        'a/1 1000',
      ]);
      expect(contentOf(versions[1]?.body).meta).toEqual({ versionId: '2', lastUpdated: '1970-01-01T00:00:05.000Z' });
      await copy.close();
    });

    it('gives change numbers in the order of the writes', async () => {
      await commit(store, [observation('d2', 'p'), observation('d1', 'p'), observation('d3', 'p')]);
      const { versions } = await store.history({ type: 'Observation', count: 3 });
      expect(versions.map(({ id }) => id)).toEqual(['d3', 'd1', 'd2']);
    });

    it('takes simultaneous commits, each whole', async () => {
      const commits = Array.from({ length: 40 }, (_, n) =>
        commit(store, [patient(`e${n}`, 'e'), observation(`e${n}`, `e${n}`)]),
      );
      const results = await Promise.all(commits);
      expect(results.every(({ written }) => written.every(({ outcome }) => outcome === 'created'))).toBe(true);
      expect((await store.read('Observation', 'e39'))?.versionId).toBe(1);
    });

    it('a failing commit leaves the others alone', async () => {
      const results = await Promise.allSettled([
        commit(store, [patient('f1', '1'), put('Basic', 'f', {}, [])]),
        commit(store, [patient('f2', '2'), patient('f3', '3', '', { ifMatch: '*' })]),
        commit(store, [patient('f4', '4'), put('Basic', 'g', {}, [])]),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      const found = await Promise.all(['f1', 'f2', 'f3', 'f4'].map((id) => store.read('Patient', id)));
      expect(found.map((version) => version?.versionId)).toEqual([1, undefined, undefined, 1]);
    });

    it('indexes with what a failed commit had named first', async () => {
      const fresh = { kind: 'token', system: 'urn:fresh', value: 'new' } as const;
      const one = { ...observation('h1', 'fresh-patient'), entries: [{ parameter: 'code', value: fresh }] };
      await expect(commit(store, [one, patient('nobody', '1', '', { ifMatch: '*' })])).rejects.toThrow();
      await commit(store, [one]);
      const criterion = {
        kind: 'value',
        parameter: { type: 'Observation', code: 'code', kind: 'token', multiple: true, textual: false, components: [] },
        anyOf: [{ kind: 'token', system: 'urn:fresh', code: 'new', fold: false }],
      } as const;
      expect(await store.matches('Observation', criterion, 10)).toEqual(['h1']);
    });

    it('takes a large commit', async () => {
      const many = Array.from({ length: 3000 }, (_, n) => observation(`large-${n}`, `large-${n % 7}`));
      const { written } = await commit(store, many);
      expect(written).toHaveLength(3000);
      expect(new Set(written.map(({ lastUpdated }) => lastUpdated)).size).toBe(1);
      expect(contentOf((await store.read('Observation', 'large-2999'))?.body).subject).toEqual({
        reference: 'Patient/large-3',
      });
    });

    it('a large commit is all or nothing too', async () => {
      const many = Array.from({ length: 600 }, (_, n) => observation(`whole-${n}`, 'p'));
      await expect(commit(store, [...many, patient('nobody', '1', '', { ifMatch: '*' })])).rejects.toThrow();
      expect(await store.read('Observation', 'whole-0')).toBeUndefined();
    });

    it('takes an empty commit', async () => {
      expect(await commit(store, [])).toEqual({ written: [] });
    });
  });

  describe('lastUpdated', () => {
    it('rises with the order of commits, also when the clock goes back', async () => {
      let now = Date.parse('2026-01-31T08:00:00Z');
      const store = await under.open({ ...usual, clock: () => now });
      const instants = [];
      for (const step of [0, 1000, -5000, 1, 10_000]) {
        now += step;
        instants.push((await write(store, patient(`t${instants.length}`, '1'))).lastUpdated);
      }
      await store.close();
      expect(instants[0]).toBe(Date.parse('2026-01-31T08:00:00Z'));
      expect(instants.toSorted((a, b) => a - b)).toEqual(instants);
      expect(instants.at(-1)).toBe(now);
    });

    it('is one instant for all writes of a commit', async () => {
      const store = await under.open(usual);
      const { written } = await commit(store, [patient('u1', '1'), patient('u2', '2')]);
      await store.close();
      expect(written[0]?.lastUpdated).toBe(written[1]?.lastUpdated);
    });
  });

  describe('close', () => {
    it('finishes what is in flight', async () => {
      const store = await under.open(usual);
      const many = Array.from({ length: 20 }, (_, n) => commit(store, [patient(`w${n}`, 'w')]));
      await store.close();
      const results = await Promise.all(many);
      expect(results.map(({ written }) => written[0]?.outcome)).toEqual(Array(20).fill('created'));
    });

    it('makes later calls throw StoreUnavailable', async () => {
      const store = await under.open(usual);
      await store.ready();
      await store.close();
      await store.close();
      for (const call of [
        () => store.read('Patient', 'a'),
        () => store.vread('Patient', 'a', 1),
        () => store.history({ count: 1 }),
        () => commit(store, []),
        () => store.counts(),
        () => store.kept('a'),
        () => store.keep('a', 'b', 1),
        () => store.ready(),
      ]) {
        expect(await failureOf(call())).toBeInstanceOf(StoreUnavailable);
      }
    });
  });
}
