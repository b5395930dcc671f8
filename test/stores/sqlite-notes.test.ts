/** Queries of page links on the embedded store: when they are written. https://hl7.org/fhir/R4/http.html#paging */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import { Notes } from '../../src/store/sqlite/notes.ts';
import { directory, openAt } from './files.ts';

const at = directory();

describe('notes that may be written later', () => {
  const reported: string[] = [];
  const written: string[] = [];
  let fails = false;
  let now = 0;
  let attempts = 0;
  const writer = {
    note: async (key: string): Promise<void> => {
      attempts++;
      if (fails) throw new StoreUnavailable('The disk is full.');
      written.push(key);
    },
  };
  let notes: Notes;
  beforeEach(() => {
    vi.useFakeTimers();
    reported.length = 0;
    written.length = 0;
    fails = false;
    attempts = 0;
    now = 0;
    notes = new Notes(
      writer,
      () => now,
      (text) => reported.push(text),
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are written together a moment after the first', async () => {
    await notes.keep('a', 'text a', 1000);
    await notes.keep('b', 'text b', 1000);
    expect(written).toEqual([]);
    expect(notes.kept('a')).toBe('text a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual(['a', 'b']);
    expect(notes.kept('a')).toBeUndefined();
  });

  it('aren’t written again while they live long enough', async () => {
    await notes.keep('a', 'text a', 1000);
    await notes.write();
    await notes.keep('a', 'text a', 5000);
    await notes.write();
    expect(written).toEqual(['a']);
    await notes.keep('a', 'text a', 10_000_000);
    await notes.write();
    expect(written).toEqual(['a', 'a']);
  });

  it('are tried again where they can’t be written, until they have expired', async () => {
    fails = true;
    await notes.keep('a', 'text a', 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reported.length).toBeGreaterThanOrEqual(1);
    expect(notes.kept('a')).toBe('text a');
    fails = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual(['a']);
    fails = true;
    await notes.keep('b', 'text b', 1000);
    now = 10_000_000;
    fails = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(notes.kept('b')).toBeUndefined();
    expect(written).toEqual(['a']);
  });

  it('are written once more at the end, and not tried again after it', async () => {
    await notes.keep('a', 'text a', 1000);
    fails = true;
    await notes.close();
    expect(reported).toHaveLength(1);
    const tried = attempts;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attempts).toBe(tried);
  });

  it('of which the end meets a write under way aren’t tried again after it', async () => {
    await notes.keep('a', 'text a', 1000);
    fails = true;
    const written = notes.write().catch(() => undefined);
    await notes.close();
    await written;
    const tried = attempts;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attempts).toBe(tried);
  });

  it('are refused while many wait that can’t be written, and don’t stay then', async () => {
    fails = true;
    await notes.keep('a', 'a'.repeat(3_000_000), 1000);
    for (let n = 0; n < 10; n++) {
      const before = attempts;
      await expect(notes.keep('b', 'b'.repeat(3_000_000), 1000)).rejects.toThrow(StoreUnavailable);
      expect(attempts - before).toBeLessThanOrEqual(1);
    }
    expect(notes.kept('b')).toBeUndefined();
    fails = false;
    await notes.keep('b', 'b'.repeat(3_000_000), 1000);
    expect(written).toEqual(['a']);
    await notes.write();
    expect(written).toEqual(['a', 'b']);
  });

  it('that come while others are written are on disk as well when all is', async () => {
    await notes.keep('a', 'text a', 1000);
    const first = notes.write();
    await notes.keep('b', 'text b', 1000);
    await Promise.all([first, notes.write()]);
    expect(written).toEqual(['a', 'b']);
  });
});

describe('a store in a file', () => {
  it('has them when it is opened again', async () => {
    const first = await openAt(at('notes.db'));
    await first.keep('key', 'a text', Date.now() + 60_000, true);
    await first.close();
    const second = await openAt(at('notes.db'));
    expect(await second.kept('key')).toBe('a text');
    await second.close();
  });
});
