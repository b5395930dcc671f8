/** Deletions and erasures. https://hl7.org/fhir/R4/http.html#delete */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import {
  commit,
  erase,
  identified,
  link,
  observation,
  patient,
  remove,
  type Subject,
  usual,
  write,
} from './subject.ts';

export function deleteRules(under: Subject): void {
  let store: Store;
  beforeAll(async () => {
    store = await under.open(usual);
  });
  afterAll(() => store.close());

  describe('delete', () => {
    it('takes the next version id; a put afterwards goes on counting', async () => {
      await write(store, patient('a', '1'));
      expect(await write(store, remove('Patient', 'a'))).toMatchObject({ versionId: 2, outcome: 'deleted' });
      expect(await write(store, patient('a', '1'))).toMatchObject({ versionId: 3, outcome: 'created' });
    });

    it('takes the resource out of searches until it is there again', async () => {
      await write(store, patient('b', 'b'));
      await write(store, remove('Patient', 'b'));
      expect(await store.matches('Patient', identified('b'), 10)).toEqual([]);
      await write(store, patient('b', 'b'));
      expect(await store.matches('Patient', identified('b'), 10)).toEqual(['b']);
    });
  });

  describe('erase', () => {
    it('removes a resource with all its versions and entries', async () => {
      await write(store, patient('c', 'c'));
      await write(store, patient('c', 'c', 'de'));
      expect(await write(store, erase('Patient', 'c'))).toMatchObject({ versionId: 0, outcome: 'deleted' });
      expect(await store.read('Patient', 'c')).toBeUndefined();
      expect(await store.vread('Patient', 'c', 1)).toBeUndefined();
      expect((await store.history({ type: 'Patient', id: 'c', count: 10 })).versions).toEqual([]);
      const { versions } = await store.history({ type: 'Patient', count: 100 });
      expect(versions.some(({ id }) => id === 'c')).toBe(false);
      expect(await store.matches('Patient', identified('c'), 10)).toEqual([]);
    });

    it('removes a deleted resource too', async () => {
      await write(store, patient('d', 'd'));
      await write(store, remove('Patient', 'd'));
      expect((await write(store, erase('Patient', 'd'))).outcome).toBe('deleted');
      expect(await store.read('Patient', 'd')).toBeUndefined();
    });

    it('of what is not there changes nothing', async () => {
      expect(await write(store, erase('Patient', 'never'))).toEqual({
        versionId: 0,
        lastUpdated: 0,
        outcome: 'unchanged',
      });
    });

    it('leaves what refers to it, which leads to it again if it comes again', async () => {
      await commit(store, [patient('e', 'e'), observation('e1', 'e')]);
      await write(store, erase('Patient', 'e'));
      expect((await store.read('Observation', 'e1'))?.versionId).toBe(1);
      expect(await write(store, patient('e', 'e'))).toMatchObject({ versionId: 1, outcome: 'created' });
      const referring = {
        kind: 'value',
        parameter: {
          type: 'Observation',
          code: 'subject',
          kind: 'reference',
          multiple: false,
          textual: false,
          components: [],
        },
        anyOf: [{ kind: 'reference', type: 'Patient', id: 'e' }],
      } as const;
      expect(await store.matches('Observation', referring, 10)).toEqual(['e1']);
    });

    it('works on what refers to itself', async () => {
      const self = {
        ...patient('f', 'f'),
        entries: [
          { parameter: link.code, value: { kind: 'reference', type: 'Patient', id: 'f', version: '' } as const },
        ],
      };
      await write(store, self);
      await write(store, erase('Patient', 'f'));
      expect((await write(store, self)).versionId).toBe(1);
      expect((await store.history({ type: 'Patient', id: 'f', count: 10 })).total).toBe(1);
    });

    it('goes on with rising instants and change numbers', async () => {
      const first = await write(store, patient('g', 'g'));
      await write(store, erase('Patient', 'g'));
      const second = await write(store, patient('h', 'h'));
      expect(second.lastUpdated).toBeGreaterThanOrEqual(first.lastUpdated);
      expect((await store.history({ type: 'Patient', count: 1 })).versions[0]?.id).toBe('h');
    });
  });
}
