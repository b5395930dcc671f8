import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatInstant, httpDate } from '../../src/fhir/instant.ts';

const anyInstant = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') });

test('formatInstant writes what Date does, in any order', () => {
  fc.assert(
    fc.property(fc.array(anyInstant), fc.nat(86_400_000), (instants, near) => {
      for (const ms of [...instants, ...instants.map((instant) => Math.min(instant + near, 253_402_300_799_999))]) {
        expect(formatInstant(ms)).toBe(new Date(ms).toISOString());
      }
    }),
  );
});

test('formatInstant cuts what is below a millisecond', () => {
  expect(formatInstant(1.9)).toBe('1970-01-01T00:00:00.001Z');
  expect(formatInstant(-0.1)).toBe('1969-12-31T23:59:59.999Z');
});

test('httpDate writes what Date does, in any order', () => {
  fc.assert(
    fc.property(fc.array(anyInstant), fc.nat(86_400_000), (instants, near) => {
      for (const ms of [...instants, ...instants.map((instant) => Math.min(instant + near, 253_402_300_799_999))]) {
        expect(httpDate(ms)).toBe(new Date(ms).toUTCString());
      }
    }),
  );
});

test('httpDate is the form of HTTP headers', () => {
  expect(httpDate(Date.parse('2026-01-31T08:00:00.999Z'))).toBe('Sat, 31 Jan 2026 08:00:00 GMT');
});
