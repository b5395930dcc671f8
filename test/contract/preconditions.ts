/** Preconditions. https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#cond-update */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conflict, PreconditionFailed } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { commit, failureOf, patient, remove, type Subject, usual, write } from './subject.ts';

export function preconditionRules(under: Subject): void {
  describe('preconditions', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('ifMatch holds when one of the versions is the current one', async () => {
      await write(store, patient('a', '1'));
      expect((await write(store, patient('a', '1', 'de', { ifMatch: ['7', '1'] }))).versionId).toBe(2);
      const failure = await failureOf(write(store, patient('a', '1', 'fr', { ifMatch: ['1'] })));
      expect(failure).toBeInstanceOf(PreconditionFailed);
      expect(failure).toMatchObject({ write: 0, rule: 'ifMatch', current: 2 });
    });

    it('ifMatch * holds for any version that is no deletion', async () => {
      await write(store, patient('b', '1'));
      expect((await write(store, patient('b', '1', 'de', { ifMatch: '*' }))).versionId).toBe(2);
      await write(store, remove('Patient', 'b'));
      expect(await failureOf(write(store, patient('b', '1', 'fr', { ifMatch: '*' })))).toMatchObject({ current: 3 });
      expect(await failureOf(write(store, patient('never', '1', 'fr', { ifMatch: '*' })))).toMatchObject({
        rule: 'ifMatch',
        current: undefined,
      });
    });

    it('ifMatch of a deletion is checked too, also when it is deleted already', async () => {
      await write(store, patient('c', '1'));
      expect(await failureOf(write(store, remove('Patient', 'c', { ifMatch: ['2'] })))).toBeInstanceOf(
        PreconditionFailed,
      );
      await write(store, remove('Patient', 'c', { ifMatch: ['1'] }));
      expect(await failureOf(write(store, remove('Patient', 'c', { ifMatch: ['2'] })))).toBeInstanceOf(
        PreconditionFailed,
      );
    });

    it('ifNoneMatch * holds where there is no version, or a deletion', async () => {
      expect((await write(store, patient('d', '1', '', { ifNoneMatch: '*' }))).outcome).toBe('created');
      expect(await failureOf(write(store, patient('d', '1', 'de', { ifNoneMatch: '*' })))).toMatchObject({
        rule: 'ifNoneMatch',
        current: 1,
      });
      await write(store, remove('Patient', 'd'));
      expect((await write(store, patient('d', '1', 'de', { ifNoneMatch: '*' }))).versionId).toBe(3);
    });

    it('fails also where the write would change nothing', async () => {
      await write(store, patient('e', '1'));
      expect(await failureOf(write(store, patient('e', '1', '', { ifMatch: ['9'] })))).toBeInstanceOf(
        PreconditionFailed,
      );
    });

    it('computedFrom another version than the current one is a Conflict', async () => {
      await write(store, patient('f', '1'));
      expect((await write(store, patient('f', '1', 'de', { computedFrom: 1 }))).versionId).toBe(2);
      const failure = await failureOf(commit(store, [patient('g', '1'), patient('f', '1', 'fr', { computedFrom: 1 })]));
      expect(failure).toBeInstanceOf(Conflict);
      expect(failure).toMatchObject({ of: 'write', index: 1 });
      await write(store, remove('Patient', 'f'));
      expect(await failureOf(write(store, patient('f', '1', 'fr', { computedFrom: 2 })))).toBeInstanceOf(Conflict);
    });

    it('names the write that failed', async () => {
      await write(store, patient('h', '1'));
      const writes = [patient('i', '1'), patient('j', '1'), patient('h', '1', 'x', { ifMatch: ['5'] })];
      expect(await failureOf(commit(store, writes))).toMatchObject({ write: 2, current: 1 });
    });

    it('of simultaneous updates of one version, one wins', async () => {
      await write(store, patient('k', '1'));
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) => write(store, patient('k', '1', `l${n}`, { ifMatch: ['1'] }))),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await store.read('Patient', 'k'))?.versionId).toBe(2);
    });
  });
}
