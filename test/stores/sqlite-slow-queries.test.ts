/** Which searches go to a reader's thread at once, and for how long. https://hl7.org/fhir/R4/search.html */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SlowQueries } from '../../src/store/sqlite/slow-queries.ts';

describe('a search that took long', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is soon tried again', () => {
    const slow = new SlowQueries();
    slow.add('a');
    expect(slow.has(() => 'a')).toBe(true);
    expect(slow.has(() => 'b')).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(slow.has(() => 'a')).toBe(false);
  });

  it('is left alone for longer each time, up to a minute', () => {
    const slow = new SlowQueries();
    for (const lasting of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      slow.add('a');
      vi.advanceTimersByTime(lasting - 1);
      expect(slow.has(() => 'a')).toBe(true);
      vi.advanceTimersByTime(1);
      expect(slow.has(() => 'a')).toBe(false);
    }
  });

  it('begins anew where it was quick for a while', () => {
    const slow = new SlowQueries();
    slow.add('a');
    vi.advanceTimersByTime(2_000);
    slow.add('a');
    vi.advanceTimersByTime(1_000);
    expect(slow.has(() => 'a')).toBe(false);
  });
});
