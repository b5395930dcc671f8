/** Counts of current resources. https://hl7.org/fhir/R4/http.html#summary */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { commit, erase, observation, patient, remove, type Subject, usual } from './subject.ts';

export function countRules(under: Subject): void {
  describe('counts', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('are of current resources by type, without deleted ones and without empty types', async () => {
      expect(await store.counts()).toEqual(new Map());
      await commit(store, [patient('a', '1'), patient('b', '1'), observation('a', 'a'), observation('b', 'c')]);
      expect(await store.counts()).toEqual(
        new Map([
          ['Observation', 2],
          ['Patient', 2],
        ]),
      );
      await commit(store, [
        patient('a', '1', 'de'),
        patient('b', '1'),
        remove('Observation', 'a'),
        remove('Observation', 'x'),
      ]);
      expect(await store.counts()).toEqual(
        new Map([
          ['Observation', 1],
          ['Patient', 2],
        ]),
      );
      await commit(store, [observation('a', 'a'), remove('Patient', 'a'), erase('Patient', 'b')]);
      expect(await store.counts()).toEqual(new Map([['Observation', 2]]));
    });

    it('do not count what a failed commit would have made', async () => {
      const before = await store.counts();
      await expect(commit(store, [patient('x', '1'), patient('y', '1', '', { ifMatch: '*' })])).rejects.toThrow();
      expect(await store.counts()).toEqual(before);
    });
  });
}
