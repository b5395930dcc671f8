import { expect, test } from 'vitest';
import { isId } from '../../src/fhir/id.ts';

test.each(['a', '1', 'A-b.c-1', '..', '-', 'x'.repeat(64), '0198f000-0000-7000-8000-000000000000'])(
  '%s is an id',
  (text) => {
    expect(isId(text)).toBe(true);
  },
);

test.each(['', 'x'.repeat(65), 'a b', 'a_b', 'a/b', 'ä', 'a\n', '__proto__', 'a%20b'])('%j is no id', (text) => {
  expect(isId(text)).toBe(false);
});
