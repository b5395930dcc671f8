/** https://hl7.org/fhir/R4/search.html#string */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldToken, normaliseString } from '../../src/search/normalise.ts';

describe('normaliseString', () => {
  test.each([
    ['Müller', 'muller'],
    ['MÜLLER', 'muller'],
    ['Mu\u0308ller', 'muller'],
    ["O'Neil", 'oneil'],
    ['O’Neil', 'oneil'],
    ['O´Neil', 'oneil'],
    ['Mary-Jane', 'maryjane'],
    ['  Mary \t\n Jane  ', 'mary jane'],
    ['Smith, John', 'smith john'],
    ['a - b', 'a b'],
    ['Straße', 'strasse'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδός', 'οδοσ'],
    ['İstanbul', 'istanbul'],
    ['김', '김'],
    ['किताब', 'किताब'],
    ['李 雷', '李 雷'],
    ['100% + 5', '100 + 5'],
    ['---', ''],
    ['', ''],
  ])('%j is %j', (text, norm) => {
    expect(normaliseString(text)).toBe(norm);
  });

  test('is idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(normaliseString(normaliseString(text))).toBe(normaliseString(text));
      }),
    );
  });

  test('ASCII with and without the short cut gives the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'B', '1', ' ') }), (text) => {
        expect(normaliseString(text)).toBe(normaliseString(`${text}.`));
      }),
    );
  });
});

test('foldToken is idempotent and forgets case', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aBcß-ΣÄ1') }), (text) => {
      expect(foldToken(foldToken(text))).toBe(foldToken(text));
      expect(foldToken(text.toUpperCase())).toBe(foldToken(text));
    }),
  );
});
