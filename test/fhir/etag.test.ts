import fc from 'fast-check';
import { expect, test } from 'vitest';
import { etag, parseETags } from '../../src/fhir/etag.ts';

test.each([
  ['W/"3"', ['3']],
  ['"3"', ['3']],
  [' W/"3" , "4",W/"a,b" ', ['3', '4', 'a,b']],
  ['"1",,"2",', ['1', '2']],
  ['""', ['']],
  ['*', '*'],
  [' * ', '*'],
])('parseETags takes %s', (header, tags) => {
  expect(parseETags(header)).toEqual(tags);
});

test.each(['', ' ', '3', 'W/3', "'3'", 'w/"3"', '"3', '3"', '"3" "4"', '*, "3"', '"3", *', ',', '"a b"', 'W/ "3"'])(
  'parseETags refuses %j',
  (header) => {
    expect(parseETags(header)).toBeUndefined();
  },
);

test('parseETags reads what etag writes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (versions) => {
      expect(parseETags(versions.map(etag).join(', '))).toEqual(versions.map(String));
    }),
  );
});

test('a long malformed header is refused at once', () => {
  expect(parseETags(`${'"a",'.repeat(10_000)}"`)).toBeUndefined();
  expect(parseETags(`${' '.repeat(100_000)}x`)).toBeUndefined();
});
