import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BundleOutline,
  outlineBundle,
  outlineBundleInSlices,
  parseJson,
  resourceTypeOf,
} from '../../src/fhir/json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { anyJson, spaced } from './json-arbitrary.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const text = (of: Uint8Array) => Buffer.from(of).toString('utf8');

function failureOf(run: () => unknown): OutcomeError {
  try {
    run();
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseJson', () => {
  test('gives the text without white space, and the value of JSON.parse', () => {
    const spaces = fc.array(fc.constantFrom('', ' ', '\n', '\r\n  ', '\t'), { maxLength: 7 });
    fc.assert(
      fc.property(anyJson, spaces, (value, between) => {
        const compact = JSON.stringify(value);
        const parsed = parseJson(bytes(spaced(compact, between)));
        expect(text(parsed.bytes)).toBe(compact);
        expect(JSON.stringify(parsed.value)).toBe(compact);
        expect(parsed.indexed).toBe(parsed.value);
      }),
    );
  });

  test('does not copy what has no white space', () => {
    const source = bytes('{"resourceType":"Patient","id":"with space"}');
    expect(parseJson(source).bytes).toBe(source);
  });

  test('reads a part of a larger buffer', () => {
    const source = bytes('xx{"a": "é"}xx').subarray(2, 13);
    expect(parseJson(source).value).toEqual({ a: 'é' });
    expect(text(parseJson(source).bytes)).toBe('{"a":"é"}');
  });

  test.each(['1.00', '-0.0', '1e-20', '1.0e+3', '1E5', '0.000', '123456789012345678901234567890.123'])(
    'keeps the text of %s',
    (number) => {
      expect(text(parseJson(bytes(`{"value": ${number} }`)).bytes)).toBe(`{"value":${number}}`);
    },
  );

  test('keeps escapes as they were sent', () => {
    const source = '{"\\u0061":"\\u0041\\/\\ud800"}';
    expect(text(parseJson(bytes(` ${source}`)).bytes)).toBe(source);
  });

  test('indexes as text what a double does not hold', () => {
    const { value, indexed } = parseJson(
      bytes(
        '{"a":[1.50,123456789012345678901234567890.5,{"b":0.1234567890123456789}],"c":9007199254740993,"d":1e-399}',
      ),
    );
    expect(indexed).not.toBe(value);
    expect(indexed).toEqual({
      a: [1.5, '123456789012345678901234567890.5', { b: '0.1234567890123456789' }],
      c: '9007199254740993',
      d: '1e-399',
    });
  });

  test.each([
    '0.30000000000000004',
    '1e21',
    '100000000000000000000',
    '1.7976931348623157e308',
    '5e-324',
    '4.50000000000000000',
  ])('indexes %s as a number', (number) => {
    const { value, indexed } = parseJson(bytes(`[${number}]`));
    expect(indexed).toBe(value);
  });

  test('skips a byte order mark', () => {
    expect(text(parseJson(Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), bytes('{"a":1}')])).bytes)).toBe('{"a":1}');
  });

  test('keeps __proto__ as a property', () => {
    const { value } = parseJson(bytes('{"__proto__":{"a":1},"b":{"__proto__":2}}'));
    expect(Object.keys(value ?? {})).toEqual(['__proto__', 'b']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each([
    ['{"resourceType":"Patient","name":[{},{"family":"a","family":"b"}]}', 'Patient.name[1].family'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"a":{"__proto__":1,"__proto__":2}}', 'a.__proto__'],
    ['[{"x y":1,"x y":2}]', '[0].`x y`'],
    ['{"resourceType":"A","resourceType":"A"}', 'A.resourceType'],
  ])('refuses the duplicate property in %s', (source, expression) => {
    const error = failureOf(() => parseJson(bytes(source)));
    expect(error.status).toBe(400);
    expect(error.issues).toEqual([
      expect.objectContaining({
        code: 'structure',
        diagnostics: expect.stringMatching(/^Duplicate property/),
        expression: [expression],
      }),
    ]);
  });

  test('says where a text is not JSON, and nothing of what it holds', () => {
    const error = failureOf(() => parseJson(bytes('{\n  "name": "secret",\n  "x": tru }')));
    expect(error.status).toBe(400);
    expect(error.message).toBe('The body is not valid JSON: a value was expected at line 3, column 8.');
  });

  test.each([
    '',
    ' ',
    '{',
    '}',
    '{}}',
    '[1,]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    'NaN',
    '"\t"',
    '"\\x"',
    '"abc',
    '"abc\\"',
    '{"a":1}{"b":2}',
    '[1 2]',
    'nul',
    '[1}',
    '\u00a0{}',
  ])('refuses %j', (source) => {
    const error = failureOf(() => parseJson(bytes(source)));
    expect(error.status).toBe(400);
    expect(error.issues[0]?.code).toBe('structure');
  });

  test('refuses what JSON.parse refuses, and takes what it takes, apart from duplicates', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-',
      '.',
      'e5',
      'true',
      'null',
      ' ',
      '"',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const source = pieces.join('');
        let value: unknown;
        try {
          value = JSON.parse(source);
        } catch {
          expect(failureOf(() => parseJson(bytes(source))).status).toBe(400);
          return;
        }
        try {
          expect(JSON.stringify(parseJson(bytes(source)).value)).toBe(JSON.stringify(value));
        } catch (error) {
          expect(error).toBeInstanceOf(OutcomeError);
          expect(String(error)).toContain('Duplicate property');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a wrong byte', Buffer.from([0x22, 0xff, 0x22])],
    ['a cut character', Buffer.from([0x22, 0xc3, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
  ])('refuses %s as not UTF-8', (_, source) => {
    expect(failureOf(() => parseJson(source)).message).toMatch(/UTF-8/);
  });

  test('takes 90 levels and refuses 91', () => {
    const nested = (depth: number) =>
      bytes('[{"a":'.repeat(depth / 2) + (depth % 2 ? '[]' : '1') + '}]'.repeat(depth / 2));
    expect(() => parseJson(nested(90))).not.toThrow();
    expect(failureOf(() => parseJson(nested(91))).message).toMatch(/nests more than 90 levels/);
  });

  test('refuses a megabyte of brackets without a deep stack', () => {
    expect(failureOf(() => parseJson(bytes('['.repeat(1 << 20)))).status).toBe(400);
    expect(failureOf(() => parseJson(bytes('{"a":'.repeat(1 << 18)))).status).toBe(400);
  });

  test('limits numbers to 400 characters and exponents to ±400', () => {
    expect(() => parseJson(bytes(`[${'1'.repeat(400)},1e400,1e-400,-1.5E+400]`))).not.toThrow();
    for (const number of ['1'.repeat(401), '1e401', '1e-401', `1e${'9'.repeat(50)}`, '1E+401']) {
      const error = failureOf(() => parseJson(bytes(`{"resourceType":"Observation","v":${number}}`)));
      expect(error.status).toBe(400);
      expect(error.issues[0]?.expression).toEqual(['Observation.v']);
    }
    expect(() => parseJson(bytes(`["${'1'.repeat(500)}"]`))).not.toThrow();
  });

  test('finds the end of long strings, whatever backslashes they end with', () => {
    for (const length of [90, 94, 95, 96, 97, 98, 99, 200, 100_000]) {
      for (const end of ['', '\\', '\\\\', '"', '\\"', '\\\\"', '\\""', '":{'.repeat(40)]) {
        const value = [{ a: 'x'.repeat(length) + end, b: ' y ' }];
        const source = JSON.stringify(value);
        expect(text(parseJson(bytes(spaced(source, [' ']))).bytes)).toBe(source);
      }
    }
  });
});

describe('resourceTypeOf', () => {
  test.each([
    ['{"resourceType":"Patient"}', 'Patient'],
    [' { "a" : [{"resourceType":"X"}, "}"], "resourceType" : "Bundle" , "b":', 'Bundle'],
    ['\ufeff{"resourceType":"Patient"', 'Patient'],
    ['{"a":1}', undefined],
    ['{"resourceType":1}', undefined],
    ['[{"resourceType":"Patient"}]', undefined],
    ['', undefined],
    ['{"a"', undefined],
    ['{"a" 1, "resourceType":"Patient"}', undefined],
    ['{"\\u0072esourceType":"Patient"}', 'Patient'],
    ['{"\\xresourceTypeXX":1,"resourceType":"Patient"}', 'Patient'],
  ])('of %s is %s', (source, type) => {
    expect(resourceTypeOf(bytes(source))).toBe(type);
  });
});

describe('outlineBundle', () => {
  const bundle = `{ "type":"batch",
    "entry" : [ {"fullUrl":"urn:uuid:1","resource" : {"resourceType":"Patient", "active":true} ,"request":{"method":"POST","url":"Patient"}},
                {"request":{"method":"GET","url":"Patient?a=]}\\""}}, {} ],
    "resourceType":"Bundle", "total": 1.0 }`;

  test('gives members, and the bytes of each resource as a part of the source', () => {
    const source = bytes(bundle);
    const { members, entries } = outlineBundle(source);
    expect(members).toEqual({ type: 'batch', resourceType: 'Bundle', total: 1 });
    expect(entries.map((entry) => entry.members)).toEqual([
      { fullUrl: 'urn:uuid:1', request: { method: 'POST', url: 'Patient' } },
      { request: { method: 'GET', url: 'Patient?a=]}"' } },
      {},
    ]);
    const [first, second] = entries;
    expect(text(first?.resource ?? bytes(''))).toBe('{"resourceType":"Patient", "active":true}');
    expect(first?.resource?.buffer).toBe(source.buffer);
    expect(second?.resource).toBeUndefined();
  });

  test('agrees with JSON.parse on any Bundle', () => {
    const entry = fc.record(
      { fullUrl: fc.string(), resource: anyJson, request: anyJson, x: anyJson },
      { requiredKeys: [] },
    );
    const anyBundle = fc.record(
      {
        resourceType: fc.constant('Bundle'),
        entry: fc.array(entry, { minLength: 1, maxLength: 4 }),
        type: anyJson,
        link: anyJson,
      },
      { requiredKeys: ['resourceType'] },
    );
    const spaces = fc.array(fc.constantFrom('', ' ', '\n'), { maxLength: 5 });
    fc.assert(
      fc.property(anyBundle, spaces, (value, between) => {
        const { members, entries } = outlineBundle(bytes(spaced(JSON.stringify(value), between)));
        const together = entries.map(({ members: rest, resource }) =>
          resource === undefined ? rest : { ...rest, resource: parseJson(resource).value },
        );
        const { entry: sent, ...others } = JSON.parse(JSON.stringify(value));
        expect(members).toEqual(others);
        expect(together).toEqual(sent ?? []);
      }),
    );
  });

  test.each([
    ['{"resourceType":"Bundle","entry":[{},{"resource":{},"resource":{}}]}', 'Bundle.entry[1].resource'],
    ['{"resourceType":"Bundle","entry":[{"fullUrl":"a","fullUrl":"b"}]}', 'Bundle.entry[0].fullUrl'],
    ['{"resourceType":"Bundle","entry":[{"request":{"url":"a","url":"b"}}]}', 'Bundle.entry[0].request.url'],
    ['{"resourceType":"Bundle","entry":[],"entry":[]}', 'Bundle.entry'],
    ['{"resourceType":"Bundle","type":"a","type":"b"}', 'Bundle.type'],
    ['{"resourceType":"Bundle","entry":[{},[]]}', 'Bundle.entry[1]'],
    ['{"resourceType":"Bundle","entry":[{"fullUrl":tru}]}', 'Bundle.entry[0]'],
    ['{"resourceType":"Bundle","entry":{}}', 'Bundle.entry'],
    ['{"resourceType":"Patient"}', 'resourceType'],
  ])('refuses %s at %s', (source, expression) => {
    const error = failureOf(() => outlineBundle(bytes(source)));
    expect(error.status).toBe(400);
    expect(error.issues[0]?.expression).toEqual([expression]);
  });

  test('refuses what is not JSON at any place', () => {
    const whole = JSON.stringify(JSON.parse(bundle));
    for (let end = 0; end < whole.length; end++) {
      const error = failureOf(() => outlineBundle(bytes(whole.slice(0, end))));
      expect(error.status).toBe(400);
    }
    expect(failureOf(() => outlineBundle(bytes(`${whole},`))).message).toMatch(/the end was expected/);
  });

  test('with its resources is JSON exactly when the whole text is', () => {
    const whole = JSON.stringify(JSON.parse(bundle)).replace('"fullUrl"', '"full\\u0055rl"');
    const mutation = fc.tuple(
      fc.nat(whole.length),
      fc.nat(3),
      fc.constantFrom('', '{', '}', '[', ']', ',', ':', '"', '\\', ' ', '1'),
    );
    let valid = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
        let source = whole;
        for (const [at, length, piece] of mutations) source = source.slice(0, at) + piece + source.slice(at + length);
        let isBundle = false;
        try {
          isBundle = Object(JSON.parse(source)).resourceType === 'Bundle';
          valid++;
        } catch {}
        let outlined = true;
        try {
          for (const { resource } of outlineBundle(bytes(source)).entries)
            if (resource !== undefined) parseJson(resource);
        } catch (error) {
          if (!(error instanceof OutcomeError)) throw error;
          // What JSON.parse takes may still not have the form of a Bundle.
          outlined =
            isBundle &&
            /Duplicate property|not a valid Bundle in JSON: an (array|object) was expected/.test(error.message);
        }
        expect(outlined).toBe(isBundle);
      }),
      { numRuns: 3000 },
    );
    expect(valid).toBeGreaterThan(20);
  });

  test('pauses between slices of a large Bundle and gives the same', async () => {
    const resource = JSON.stringify({ resourceType: 'Binary', data: 'QUJD'.repeat(100_000) });
    const large = bytes(`{"resourceType":"Bundle","entry":[${Array(40).fill(`{"resource":${resource}}`).join()}]}`);
    let pauses = 0;
    const sliced = await outlineBundleInSlices(large, async () => {
      pauses++;
    });
    expect(pauses).toBeGreaterThanOrEqual(3);
    const places = (outline: BundleOutline) =>
      outline.entries.map((entry) => [entry.resource?.byteOffset, entry.resource?.length]);
    expect(places(sliced)).toEqual(places(outlineBundle(large)));
    expect(sliced.entries.length).toBe(40);
  });
});
