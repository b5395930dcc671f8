/** Referential integrity. https://hl7.org/fhir/R4/http.html#delete */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IntegrityViolation } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { commit, failureOf, link, observation, patient, remove, type Subject, usual, write } from './subject.ts';

export function integrityRules(under: Subject): void {
  describe('integrity', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    const key = (id: string) => ({ type: 'Patient', id });

    it('what must exist may come with the same commit', async () => {
      await commit(store, [observation('a', 'a'), patient('a', 'a')], { mustExist: [key('a')] });
      await commit(store, [observation('a2', 'a')], { mustExist: [key('a')] });
      expect((await store.read('Observation', 'a2'))?.versionId).toBe(1);
    });

    it('what must exist and does not is a violation, and nothing is written', async () => {
      const failure = await failureOf(commit(store, [observation('b', 'b')], { mustExist: [key('b')] }));
      expect(failure).toBeInstanceOf(IntegrityViolation);
      expect(failure).toMatchObject({ rule: 'missing', key: key('b'), referrers: [] });
      expect(await store.read('Observation', 'b')).toBeUndefined();
    });

    it('a deleted resource does not exist, nor one that the commit deletes', async () => {
      await write(store, patient('c', 'c'));
      const both = commit(store, [remove('Patient', 'c'), observation('c', 'c')], { mustExist: [key('c')] });
      expect(await failureOf(both)).toBeInstanceOf(IntegrityViolation);
      await write(store, remove('Patient', 'c'));
      expect(await failureOf(commit(store, [observation('c', 'c')], { mustExist: [key('c')] }))).toBeInstanceOf(
        IntegrityViolation,
      );
    });

    it('a deletion of what others refer to names up to ten of them', async () => {
      await commit(store, [patient('d', 'd'), ...Array.from({ length: 12 }, (_, n) => observation(`d${n}`, 'd'))]);
      const failure = await failureOf(commit(store, [remove('Patient', 'd')], { mustBeUnreferenced: [key('d')] }));
      expect(failure).toMatchObject({ name: 'IntegrityViolation', rule: 'referenced', key: key('d') });
      const referrers = failure instanceof IntegrityViolation ? failure.referrers : [];
      expect(referrers).toHaveLength(10);
      expect(referrers.every(({ type, id }) => type === 'Observation' && id.startsWith('d'))).toBe(true);
      expect((await store.read('Patient', 'd'))?.method).toBe('PUT');
    });

    it('a deletion passes when its referrers go with it, no longer refer, or are itself', async () => {
      const self = { kind: 'reference', type: 'Patient', id: 'e', version: '' } as const;
      await commit(store, [
        { ...patient('e', 'e'), entries: [{ parameter: link.code, value: self }] },
        observation('e1', 'e'),
        observation('e2', 'e'),
      ]);
      await commit(store, [remove('Observation', 'e1'), observation('e2', 'other'), remove('Patient', 'e')], {
        mustBeUnreferenced: [key('e')],
      });
      expect((await store.read('Patient', 'e'))?.method).toBe('DELETE');
    });

    it('of what was never stored holds', async () => {
      await commit(store, [remove('Patient', 'never')], { mustBeUnreferenced: [key('never')] });
      expect(await store.read('Patient', 'never')).toBeUndefined();
    });
  });
}
