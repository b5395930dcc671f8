/** Texts kept for links that would be too long. https://hl7.org/fhir/R4/http.html#paging */
import { describe, expect, it } from 'vitest';
import { PreconditionFailed } from '../../src/store/errors.ts';
import { commit, patient, type Subject, usual } from './subject.ts';

export function noteRules(under: Subject): void {
  describe('kept notes', () => {
    it('are there until their instant has passed', async () => {
      let now = 1_000_000;
      const store = await under.open({ ...usual, clock: () => now });
      await store.keep('key', 'a text', now + 1000);
      expect(await store.kept('key')).toBe('a text');
      now += 999;
      expect(await store.kept('key')).toBe('a text');
      now += 1;
      expect(await store.kept('key')).toBeUndefined();
      await store.close();
    });

    it('live longer when kept again, never shorter', async () => {
      let now = 1_000_000;
      const store = await under.open({ ...usual, clock: () => now });
      await store.keep('key', 'a text', now + 1000);
      await store.keep('key', 'a text', now + 5000);
      await store.keep('key', 'a text', now + 10);
      now += 4999;
      expect(await store.kept('key')).toBe('a text');
      await store.close();
    });

    it('that may be written later are there at once', async () => {
      let now = 1_000_000;
      const store = await under.open({ ...usual, clock: () => now });
      await store.keep('key', 'a text', now + 1000, true);
      expect(await store.kept('key')).toBe('a text');
      await store.keep('key', 'a text', now + 5000, true);
      now += 4999;
      expect(await store.kept('key')).toBe('a text');
      await store.close();
    });

    it('stay, where their instant never comes', async () => {
      const store = await under.open(usual);
      await store.keep('key', 'a text', Number.MAX_SAFE_INTEGER);
      expect(await store.kept('key')).toBe('a text');
      await store.close();
    });

    it('of a commit are kept with its writes, or not at all', async () => {
      const now = 1_000_000;
      const store = await under.open({ ...usual, clock: () => now });
      const notes = [{ key: 'stored', text: 'yes', until: now + 1000 }];
      const refused = [patient('p1', 'a', '', { ifMatch: '*' })];
      await expect(commit(store, refused, { notes })).rejects.toThrow(PreconditionFailed);
      expect(await store.kept('stored')).toBeUndefined();
      await commit(store, [patient('p1', 'a')], { notes });
      expect(await store.kept('stored')).toBe('yes');
      await store.close();
    });

    it('that nobody kept are undefined', async () => {
      const store = await under.open(usual);
      expect(await store.kept('nothing')).toBeUndefined();
      await store.close();
    });
  });
}
