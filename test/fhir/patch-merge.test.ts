/** JSON Merge Patch. https://datatracker.ietf.org/doc/html/rfc7386 */
import { describe, expect, it } from 'vitest';
import { applyMergePatch } from '../../src/fhir/patch/merge-patch.ts';
import { exact, exactResource, outcomeOf, textOf } from './patch-cases.ts';

describe('the examples of RFC 7386, appendix A, that are objects', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ];
  for (const [target, patch, expected] of cases) {
    it(`${target} with ${patch}`, () => {
      const resource = exactResource(target);
      expect(textOf(applyMergePatch(resource, exact(patch)))).toBe(expected);
      expect(textOf(resource)).toBe(target);
    });
  }
});

it('keeps the text of numbers and the order of members', () => {
  const merged = applyMergePatch(
    exactResource('{"z":1.00,"a":{"y":1e-20,"b":2.50}}'),
    exact('{"a":{"b":3.10,"c":0.10}}'),
  );
  expect(textOf(merged)).toBe('{"z":1.00,"a":{"y":1e-20,"b":3.10,"c":0.10}}');
});

it('takes __proto__ for a name like any other', () => {
  expect(textOf(applyMergePatch(exactResource('{"a":1}'), exact('{"__proto__":{"x":1}}')))).toBe(
    '{"a":1,"__proto__":{"x":1}}',
  );
  expect('x' in {}).toBe(false);
});

it('is 400 unless it is an object', () => {
  for (const patch of ['[]', '1', '"x"', 'null', 'true']) {
    expect(outcomeOf(() => applyMergePatch(exactResource('{}'), exact(patch))).status).toBe(400);
  }
});
