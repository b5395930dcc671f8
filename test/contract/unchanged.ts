/** Writes that change nothing. https://hl7.org/fhir/R4/http.html#update */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { commit, patient, put, remove, type Subject, usual, write } from './subject.ts';

export function unchangedRules(under: Subject): void {
  describe('unchanged', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('a put whose body equals the current one apart from versionId and lastUpdated', async () => {
      const first = await write(store, patient('a', '1'));
      expect(await write(store, patient('a', '1'))).toEqual({ ...first, outcome: 'unchanged' });
      await write(store, patient('a', '1', 'de'));
      const third = await write(store, patient('a', '1'));
      expect(third).toMatchObject({ versionId: 3, outcome: 'updated' });
      expect(await write(store, patient('a', '1'))).toEqual({ ...third, outcome: 'unchanged' });
      expect((await store.history({ type: 'Patient', id: 'a', count: 10 })).total).toBe(3);
    });

    it('compares text: another order of properties or another form of a number is a change', async () => {
      await write(store, put('Basic', 'b', { a: 1, b: 2 }));
      expect((await write(store, put('Basic', 'b', { b: 2, a: 1 }))).outcome).toBe('updated');
      const body = (text: string) => ({
        head: Buffer.from('{"resourceType":"Basic","id":"c","meta":{'),
        tail: Buffer.from(text),
      });
      await write(store, { ...put('Basic', 'c', {}), body: body('},"n":1.0}') });
      expect((await write(store, { ...put('Basic', 'c', {}), body: body('},"n":1.00}') })).outcome).toBe('updated');
    });

    it('keeps the rest of meta in the comparison', async () => {
      await write(store, put('Basic', 'd', { meta: { tag: [{ code: 'x' }] } }));
      expect((await write(store, put('Basic', 'd', { meta: { tag: [{ code: 'x' }] } }))).outcome).toBe('unchanged');
      expect((await write(store, put('Basic', 'd', {}))).outcome).toBe('updated');
    });

    it('a deletion of what does not exist, or is deleted', async () => {
      expect(await write(store, remove('Patient', 'never'))).toEqual({
        versionId: 0,
        lastUpdated: 0,
        outcome: 'unchanged',
      });
      await write(store, patient('e', '1'));
      const deletion = await write(store, remove('Patient', 'e'));
      expect(await write(store, remove('Patient', 'e'))).toEqual({ ...deletion, outcome: 'unchanged' });
    });

    it('a put on a deleted resource is a change, whatever its content', async () => {
      await write(store, patient('f', '1'));
      await write(store, remove('Patient', 'f'));
      expect(await write(store, patient('f', '1'))).toMatchObject({ versionId: 3, outcome: 'created' });
    });

    it('beside changes in one commit', async () => {
      await commit(store, [patient('g', '1'), patient('h', '1')]);
      const { written } = await commit(store, [patient('g', '1'), patient('h', '1', 'de'), patient('i', '1')]);
      expect(written.map(({ outcome }) => outcome)).toEqual(['unchanged', 'updated', 'created']);
    });
  });
}
