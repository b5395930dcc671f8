/** JSON Patch. https://datatracker.ietf.org/doc/html/rfc6902 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExactJson, isExactObject } from '../../src/fhir/exact-json.ts';
import { sameValue } from '../../src/fhir/patch/exact-compare.ts';
import { applyJsonPatch } from '../../src/fhir/patch/json-patch.ts';
import { exact, outcomeOf, readCases, textOf } from './patch-cases.ts';

const apply = (document: unknown, patch: unknown): string =>
  textOf(applyJsonPatch(exact(document), exact(patch), 'Patient'));

describe('the cases of fhir-test-cases', () => {
  const cases = readCases('json-patch-cases.json');
  it('are there', () => expect(cases).toHaveLength(16));
  for (const { comment, doc, patch, expected } of cases) {
    it(String(comment), () => {
      if (doc === undefined || patch === undefined) throw new Error('a case has a document and a patch');
      const before = textOf(doc);
      if (expected === undefined) expect(outcomeOf(() => applyJsonPatch(doc, patch, 'Patient')).status).toBe(422);
      else expect(sameValue(applyJsonPatch(doc, patch, 'Patient'), expected)).toBe(true);
      expect(textOf(doc)).toBe(before);
    });
  }
});

describe('numbers', () => {
  it('keep their text, in the document and in the patch', () => {
    expect(
      apply(
        '{"a":1.00,"b":[1e-20,-0.0],"c":123456789012345678901234567890.10}',
        '[{"op":"add","path":"/b/1","value":5.40}]',
      ),
    ).toBe('{"a":1.00,"b":[1e-20,5.40,-0.0],"c":123456789012345678901234567890.10}');
    expect(
      apply('{"a":{"b":1.0e+3}}', '[{"op":"copy","from":"/a","path":"/c"},{"op":"move","from":"/a/b","path":"/d"}]'),
    ).toBe('{"a":{},"c":{"b":1.0e+3},"d":1.0e+3}');
  });

  it('are compared by their value in a test', () => {
    expect(
      apply('{"a":1.0}', '[{"op":"test","path":"/a","value":1.00},{"op":"test","path":"","value":{"a":10e-1}}]'),
    ).toBe('{"a":1.0}');
    const patch = exact('[{"op":"test","path":"/a","value":1.00000000000000000001}]');
    expect(outcomeOf(() => applyJsonPatch(exact('{"a":1}'), patch, 'Patient')).status).toBe(422);
  });
});

describe('order', () => {
  it('of members stays, and a new member comes last', () => {
    expect(
      apply(
        '{"z":1,"a":2,"m":3}',
        '[{"op":"replace","path":"/a","value":4},{"op":"add","path":"/b","value":5},{"op":"add","path":"/z","value":6}]',
      ),
    ).toBe('{"z":6,"a":4,"m":3,"b":5}');
  });
});

describe('a malformed patch is 400 and names the operation', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['not an array', { op: 'add', path: '/a', value: 1 }],
    ['an operation that is no object', [3]],
    ['no op', [{ path: '/a' }]],
    ['an unknown op', [{ op: 'increase', path: '/a' }]],
    ['an op that objects inherit', [{ op: 'constructor', path: '/a' }]],
    ['no path', [{ op: 'remove' }]],
    ['a path without a slash', [{ op: 'remove', path: 'a' }]],
    ['a path with a bad escape', [{ op: 'remove', path: '/a~2b' }]],
    ['a path that ends in a tilde', [{ op: 'remove', path: '/a~' }]],
    ['no value', [{ op: 'add', path: '/a' }]],
    ['no from', [{ op: 'move', path: '/a' }]],
    ['a move into itself', [{ op: 'move', from: '/a', path: '/a/b' }]],
  ];
  for (const [title, patch] of cases) {
    it(title, () => {
      const error = outcomeOf(() => apply({ a: { b: 1 } }, patch));
      expect(error.status).toBe(400);
      if (Array.isArray(patch)) expect(error.message).toContain('Operation 1');
    });
  }

  it('before anything is done: the second one counts though the first would fail', () => {
    const error = outcomeOf(() =>
      apply({}, [
        { op: 'remove', path: '/a' },
        { op: 'nope', path: '' },
      ]),
    );
    expect(error.status).toBe(400);
    expect(error.message).toContain('Operation 2');
  });
});

describe('an operation that fails is 422 and names its place', () => {
  const document = { name: [{ family: 'a' }], active: true };
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['remove what is not there', { op: 'remove', path: '/gender' }, 'Patient.gender'],
    ['replace what is not there', { op: 'replace', path: '/name/0/text', value: 'x' }, 'Patient.name[0].text'],
    ['an index past the end', { op: 'add', path: '/name/2', value: {} }, 'Patient.name[2]'],
    ['an index with a leading zero', { op: 'replace', path: '/name/00', value: {} }, 'Patient.name[00]'],
    ["'-' in a remove", { op: 'remove', path: '/name/-' }, 'Patient.name'],
    ['a member of a primitive', { op: 'add', path: '/active/x', value: 1 }, 'Patient.active.x'],
    ['a test of another value', { op: 'test', path: '/active', value: false }, 'Patient.active'],
    ['a test of what is not there', { op: 'test', path: '/gender', value: null }, 'Patient.gender'],
    ['a copy of what is not there', { op: 'copy', from: '/gender', path: '/a' }, 'Patient.gender'],
    ['what objects inherit', { op: 'test', path: '/constructor', value: {} }, 'Patient.constructor'],
    ["an array's length", { op: 'remove', path: '/name/length' }, 'Patient.name.length'],
  ];
  for (const [title, operation, expression] of cases) {
    it(title, () => {
      const error = outcomeOf(() => apply(document, [operation]));
      expect(error.status).toBe(422);
      expect(error.message).toContain('Operation 1');
      expect(error.issues[0]?.expression).toEqual([expression]);
    });
  }

  it('more than there is time for', () => {
    const patch = Array.from({ length: 200_000 }, () => ({ op: 'add', path: '/name/0', value: {} }));
    const error = outcomeOf(() => apply({ name: [] }, patch));
    expect(error.status).toBe(422);
    expect(error.issues[0]?.code).toBe('too-costly');
  });

  it('a copy of itself into itself, again and again', () => {
    const bomb = Array.from({ length: 60 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(outcomeOf(() => apply({ a: [{ text: 'x'.repeat(100) }] }, bomb)).issues[0]?.code).toBe('too-costly');
  });
});

describe('__proto__', () => {
  it('is a name like any other, and prototypes stay as they are', () => {
    const patch =
      '[{"op":"add","path":"/__proto__","value":{"polluted":true}},{"op":"add","path":"/__proto__/more","value":1}]';
    expect(apply('{"a":1}', patch)).toBe('{"a":1,"__proto__":{"polluted":true,"more":1}}');
    expect(outcomeOf(() => apply({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).status).toBe(422);
    expect('polluted' in {}).toBe(false);
  });
});

describe('properties', () => {
  const values = [fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), fc.boolean(), fc.constant(null)];
  const documents = fc.object({ maxDepth: 4, values, withObjectString: true }).map((plain) => JSON.stringify(plain));

  it('every place can be tested for its value, and replaced by it, without a change', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const document = exact(text);
        for (const [path, value] of placesOf(document, '')) {
          const patch = [
            `{"op":"test","path":${path},"value":${value}}`,
            `{"op":"replace","path":${path},"value":${value}}`,
          ];
          expect(apply(text, `[${patch.join(',')}]`)).toBe(textOf(document));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('what is removed and added again is the same document', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const document = exact(text);
        for (const [path, value] of placesOf(document, '')) {
          if (path === '""') continue;
          const patch = exact(`[{"op":"remove","path":${path}},{"op":"add","path":${path},"value":${value}}]`);
          expect(sameValue(applyJsonPatch(document, patch, 'X'), document)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** Every place in a document: its pointer and its value, both as JSON. */
function* placesOf(value: ExactJson, pointer: string): Generator<readonly [string, string]> {
  yield [JSON.stringify(pointer), textOf(value)];
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* placesOf(item, `${pointer}/${index}`);
  } else if (isExactObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      yield* placesOf(member, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    }
  }
}
