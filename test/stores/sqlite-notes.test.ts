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
  const writer = {
    note: async (key: string): Promise<void> => {
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
    notes = new Notes(writer, (text) => reported.push(text));
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are written together a moment after the first', async () => {
    await notes.keep('a', 'text a', 1000);
    await notes.keep('b', 'text b', 1000);
    expect(written).toEqual([]);
    expect(notes.kept('a', 999)).toBe('text a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual(['a', 'b']);
    expect(notes.kept('a', 999)).toBeUndefined();
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

  it('wait on where they can’t be written, and are with the next', async () => {
    fails = true;
    await notes.keep('a', 'text a', 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reported).toHaveLength(1);
    expect(notes.kept('a', 999)).toBe('text a');
    fails = false;
    await notes.keep('b', 'text b', 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual(['a', 'b']);
  });

  it('are refused where too many can’t be written', async () => {
    fails = true;
    await notes.keep('a', 'a'.repeat(3_000_000), 1000);
    await expect(notes.keep('b', 'b'.repeat(3_000_000), 1000)).rejects.toThrow(StoreUnavailable);
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
