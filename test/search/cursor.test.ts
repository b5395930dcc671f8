/** https://hl7.org/fhir/R4/http.html#paging */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCursor, signCursor } from '../../src/search/cursor.ts';

const secret = new Uint8Array(32).fill(7);

describe('a cursor', () => {
  test('opens to what was signed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (content) => {
        const plain: unknown = JSON.parse(JSON.stringify(content));
        expect(openCursor(signCursor(JSON.stringify(plain), secret), secret)).toEqual(plain);
      }),
    );
  });

  test('is signed with HMAC-SHA256', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 64 }), (text, key) => {
        const json = JSON.stringify(text);
        const signature = createHmac('sha256', key).update(json).digest().subarray(0, 16);
        expect(signCursor(json, key)).toBe(Buffer.concat([signature, Buffer.from(json)]).toString('base64url'));
      }),
    );
  });

  test('has only characters that a URL takes as they are', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(signCursor(JSON.stringify({ text }), secret)).toMatch(/^[A-Za-z0-9_-]+$/);
      }),
    );
  });

  test('does not open with another secret', () => {
    expect(openCursor(signCursor('{"at":1}', secret), new Uint8Array(32).fill(8))).toBeUndefined();
  });

  test('does not open once any character is changed, added or taken', () => {
    const token = signCursor('{"at":12,"key":["a",1]}', secret);
    const change = fc.tuple(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'AZaz09-_=. '));
    fc.assert(
      fc.property(change, ([at, character]) => {
        fc.pre(token[at] !== character);
        expect(openCursor(token.slice(0, at) + character + token.slice(at + 1), secret)).toBeUndefined();
        expect(openCursor(token.slice(0, at) + token.slice(at + 1), secret)).toBeUndefined();
        expect(openCursor(token.slice(0, at) + character + token.slice(at), secret)).toBeUndefined();
      }),
    );
  });

  test.each(['', 'a', '!!!', 'AAAAAAAAAAAAAAAAAAAAAA'])('%j does not open', (token) => {
    expect(openCursor(token, secret)).toBeUndefined();
  });
});
