import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ExactJson,
  ExactNumber,
  exactObject,
  isExactObject,
  parseExact,
  parseStored,
  plain,
  simplePlain,
  writeExact,
} from '../../src/fhir/exact-json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { anyJson, anyName, jsonOf } from './json-arbitrary.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const written = (value: ExactJson) => Buffer.from(writeExact(value)).toString('utf8');

const numberText = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 40n }),
    fc.constantFrom('', '.0', '.50', '.000123', '.123456789012345678901234567890'),
    fc.constantFrom('', 'e5', 'E-20', 'e+3', 'e400', 'e-400'),
  )
  .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction}${exponent}`);

const anyTree = fc
  .tuple(anyJson, fc.array(numberText), fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })))
  .map(
    ([value, texts, numbers]) => `{"a":${JSON.stringify(value)},"b":[${texts.join()}],"c":${JSON.stringify(numbers)}}`,
  );

/** As most resources are: texts, and numbers that a double has. */
const simpleTree = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,9}$/), fc.array(fc.oneof(fc.integer(), fc.string(), fc.boolean())))
  .map((value) => JSON.stringify(value));

describe('the fast ways give what the careful ones give', () => {
  test('parseStored', () => {
    fc.assert(
      fc.property(anyTree, (text) => {
        expect(parseStored(bytes(text))).toEqual(parseExact(bytes(text)));
      }),
    );
    const { a, ...rest } = { a: 0, b: [0, -1, 12], c: '1.0', 'd:1.0': true };
    expect(written(parseStored(bytes(JSON.stringify({ a, ...rest }))))).toBe(
      '{"a":0,"b":[0,-1,12],"c":"1.0","d:1.0":true}',
    );
    expect(written(parseStored(bytes('{"a":1.50,"b":-0}')))).toBe('{"a":1.50,"b":-0}');
  });

  test('simplePlain, where it gives anything', () => {
    let given = 0;
    fc.assert(
      fc.property(fc.oneof(anyTree, simpleTree), (text) => {
        const tree = parseExact(bytes(text));
        const simple = simplePlain(tree);
        if (simple === undefined) return;
        given += 1;
        expect(JSON.stringify(simple)).toBe(text);
      }),
    );
    expect(given).toBeGreaterThan(0);
    for (const number of ['0', '1', '-5', '1.5', '-0.25', '12345678'])
      expect(simplePlain(new ExactNumber(number))).toBe(Number(number));
    for (const number of ['1.0', '-0', '1e2', '0.10', '12345678901234567890'])
      expect(simplePlain(new ExactNumber(number))).toBeUndefined();
  });
});

describe('parseExact and writeExact', () => {
  test('give back any compact JSON', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = JSON.stringify(value);
        expect(written(parseExact(bytes(text)))).toBe(text);
      }),
    );
  });

  test('give back the text of any number, in order of the properties', () => {
    const members = fc.uniqueArray(fc.tuple(anyName, numberText), { selector: ([name]) => name }).map((list) =>
      // JavaScript moves names that are array indexes to the front; R4 has none.
      list.filter(([name]) => !/^[0-9]+$/.test(name)),
    );
    fc.assert(
      fc.property(members, (list) => {
        const text = `{${list.map(([name, number]) => `${JSON.stringify(name)}:${number}`).join()}}`;
        expect(written(parseExact(bytes(text)))).toBe(text);
      }),
    );
  });

  test('normalise escapes but not what they mean', () => {
    expect(written(parseExact(bytes('["\\u0041\\/","\\ud83d\\ude00","\\ud800"]')))).toBe('["A/","😀","\\ud800"]');
  });

  test('every number is an ExactNumber, every object safe for any name', () => {
    const tree = parseExact(bytes('{"a":1.00,"__proto__":{"toString":1}}'));
    if (!isExactObject(tree)) throw new Error('an object was expected');
    expect(tree.a).toEqual(new ExactNumber('1.00'));
    expect(isExactObject(tree.a)).toBe(false);
    expect(Object.keys(tree)).toEqual(['a', '__proto__']);
    const made = exactObject();
    // biome-ignore lint/suspicious/noProto: the name is what is tested
    made.__proto__ = 'x';
    expect(written(made)).toBe('{"__proto__":"x"}');
  });

  test('refuse what parseJson refuses', () => {
    for (const text of ['{"a":1,"a":2}', '[', '', '01', '[1e401]', '['.repeat(91), '"\u0001"', '1 1']) {
      expect(() => parseExact(bytes(text))).toThrow(OutcomeError);
    }
    expect(() => parseExact(Buffer.of(0x22, 0xff, 0x22))).toThrow(/UTF-8/);
  });
});

describe('plain', () => {
  test('is what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(anyName, anyJson), { selector: ([name]) => name }), (members) => {
        const text = jsonOf(members);
        expect(plain(parseExact(bytes(text)))).toEqual(JSON.parse(text));
      }),
    );
    expect(plain(parseExact(bytes('[1.00,1e2,-0.0]')))).toEqual([1, 100, -0]);
  });
});
