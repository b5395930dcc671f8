/** How long no server took commands. https://hl7.org/fhir/R4/http.html#Status-Codes */
import { beforeEach, expect, test } from 'vitest';
import { StoreUnavailable, TooCostly } from '../../src/store/errors.ts';
import { Absence } from '../../src/store/mongo/absence.ts';

let now: number;
let absence: Absence;
beforeEach(() => {
  now = 1000;
  absence = new Absence(() => now);
});

/** The driver hears of servers, after some milliseconds. */
function hears(after: number, ...writable: readonly boolean[]): void {
  now += after;
  absence.hear(writable.map((isWritable) => ({ isWritable })));
}

test('counts from the beginning until a server takes commands, and while none does', () => {
  now += 5;
  expect(absence.total).toBe(5);
  hears(5, false, false);
  hears(10, false, true);
  now += 1000;
  expect(absence.total).toBe(20);
  hears(0, false, false);
  hears(3, false);
  now += 4;
  expect(absence.total).toBe(27);
});

test.each([
  ['more than half of the time', 60, 40, StoreUnavailable],
  ['half of the time', 50, 50, TooCostly],
  ['before it began alone', 0, 100, TooCostly],
])('what takes too long while none does for %s', async (_, away, present, expected) => {
  hears(1000, true);
  const read = absence.within(async () => {
    hears(0, false);
    hears(away, true);
    now += present;
    throw new TooCostly('Search for less.');
  });
  await expect(read).rejects.toBeInstanceOf(expected);
});

test('other failures stay what they are', async () => {
  const failure = new RangeError();
  const read = absence.within(async () => {
    now += 10;
    throw failure;
  });
  await expect(read).rejects.toBe(failure);
});
