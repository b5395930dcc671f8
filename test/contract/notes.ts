/** Texts kept for links that would be too long. https://hl7.org/fhir/R4/http.html#paging */
import { describe, expect, it } from 'vitest';
import { type Subject, usual } from './subject.ts';

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

    it('that nobody kept are undefined', async () => {
      const store = await under.open(usual);
      expect(await store.kept('nothing')).toBeUndefined();
      await store.close();
    });
  });
}
