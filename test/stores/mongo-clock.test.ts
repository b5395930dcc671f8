/** Change numbers without a common counter. https://hl7.org/fhir/R4/resource.html#Meta */
import { describe, expect, it } from 'vitest';
import { Clock, changeAt, instantOf, visible } from '../../src/store/mongo/clock.ts';

const start = Date.parse('2026-01-31T08:00:00Z');

describe('a clock', () => {
  it('gives rising numbers that a double holds, and tells their time', () => {
    const clock = new Clock(() => start, 3);
    const first = clock.begin(1);
    const second = clock.begin(1);
    expect(second.first).toBeGreaterThan(first.first);
    expect(Number.isSafeInteger(second.first)).toBe(true);
    expect([first.updated, second.updated]).toEqual([start, start]);
    expect(instantOf(changeAt(start))).toBe(start);
    expect(Number.isSafeInteger(changeAt(Date.parse('2089-01-01T00:00:00Z')))).toBe(true);
  });

  it('never gives the numbers of another process', () => {
    const blocks = Array.from({ length: 32 }, (_, process) => new Clock(() => start, process).begin(200));
    const numbers = blocks.flatMap((block) => Array.from({ length: 200 }, (_, n) => block.at(n)));
    expect(new Set(numbers).size).toBe(32 * 200);
  });

  it('never goes back, and goes on from what it has seen', () => {
    let now = start;
    const clock = new Clock(() => now, 0);
    const first = clock.begin(1);
    now -= 10_000;
    const second = clock.begin(1);
    expect(second.first).toBeGreaterThan(first.first);
    expect(second.updated).toBe(start);
    clock.observe(changeAt(start + 5000));
    expect(clock.begin(1)).toMatchObject({ updated: start + 5000 });
    now = start + 60_000;
    expect(clock.begin(1).updated).toBe(now);
  });

  it('goes ahead of the time where a commit has more numbers than a millisecond', () => {
    const clock = new Clock(() => start, 0);
    const large = clock.begin(25_000);
    expect(large.updated).toBe(start);
    const next = clock.begin(1);
    expect(next.first).toBeGreaterThan(large.at(24_999));
    expect(next.updated - start).toBe(195);
  });

  it('knows what is in flight: walks leave it out, and its floor is below it', async () => {
    const clock = new Clock(() => start, 0);
    const done = clock.begin(1);
    clock.end(done);
    const [slow, quick] = [clock.begin(1), clock.begin(1)];
    clock.end(quick);
    expect(clock.snapshot()).toEqual({ at: quick.first, except: [slow.first] });
    expect(visible(clock.snapshot())).toEqual({ change: { $lte: quick.first }, commit: { $nin: [slow.first] } });
    expect(clock.floor()).toBe(slow.first - 1);
    const passed = clock.passed(quick.first, 60_000);
    clock.end(slow);
    await passed;
    expect(clock.floor()).toBe(quick.first);
  });
});
