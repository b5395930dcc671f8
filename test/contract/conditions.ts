/** Conditions: criteria with the matches that a commit was planned on. https://hl7.org/fhir/R4/http.html#ccreate */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conflict, PreconditionFailed } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { commit, failureOf, identified, patient, remove, type Subject, usual, write } from './subject.ts';

export function conditionRules(under: Subject): void {
  describe('conditions', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    const condition = (value: string, matches: readonly string[], limit = 2) => ({
      type: 'Patient',
      criterion: identified(value),
      matches,
      limit,
    });

    it('hold when the matches are those of planning', async () => {
      await commit(store, [patient('a1', 'a')], { conditions: [condition('a', [])] });
      await commit(store, [patient('a1', 'a', 'de')], { conditions: [condition('a', ['a1'])] });
      expect((await store.read('Patient', 'a1'))?.versionId).toBe(2);
    });

    it('are a Conflict naming the condition when the matches differ', async () => {
      await write(store, patient('b1', 'b'));
      const failure = await failureOf(
        commit(store, [patient('b2', 'b')], { conditions: [condition('nobody', []), condition('b', [])] }),
      );
      expect(failure).toBeInstanceOf(Conflict);
      expect(failure).toMatchObject({ of: 'condition', index: 1 });
      expect(await store.read('Patient', 'b2')).toBeUndefined();
    });

    it('compare the first matches up to the limit', async () => {
      await commit(store, [patient('c3', 'c'), patient('c1', 'c'), patient('c2', 'c')]);
      const first = await store.matches('Patient', identified('c'), 2);
      expect(first).toHaveLength(2);
      expect(first.toSorted()).toEqual(first);
      await commit(store, [patient('c4', 'x')], { conditions: [condition('c', first)] });
      expect(await store.matches('Patient', identified('c'), 10)).toEqual(['c1', 'c2', 'c3']);
    });

    it('are evaluated before the writes', async () => {
      await commit(store, [patient('d1', 'd'), patient('d2', 'd')], { conditions: [condition('d', [])] });
      expect(await store.matches('Patient', identified('d'), 10)).toEqual(['d1', 'd2']);
    });

    it('are evaluated before the preconditions', async () => {
      await write(store, patient('e1', 'e'));
      const writes = [patient('e1', 'e', 'de', { ifMatch: ['9'] })];
      expect(await failureOf(commit(store, writes, { conditions: [condition('e', [])] }))).toBeInstanceOf(Conflict);
      const failure = await failureOf(commit(store, writes, { conditions: [condition('e', ['e1'])] }));
      expect(failure).toBeInstanceOf(PreconditionFailed);
    });

    it('do not see deleted resources, nor replaced values', async () => {
      await commit(store, [patient('f1', 'f'), patient('f2', 'f')]);
      await commit(store, [remove('Patient', 'f1'), patient('f2', 'g')]);
      await commit(store, [patient('f3', 'f')], { conditions: [condition('f', []), condition('g', ['f2'])] });
      expect(await store.matches('Patient', identified('f'), 10)).toEqual(['f3']);
    });

    it('of simultaneous conditional creates, one makes the resource', async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) =>
          commit(store, [patient(`h${n}`, 'h')], { conditions: [condition('h', [])] }),
        ),
      );
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(failures).toHaveLength(9);
      expect(failures.every((failure) => failure instanceof Conflict)).toBe(true);
      expect(await store.matches('Patient', identified('h'), 10)).toHaveLength(1);
    });
  });
}
