/** Large JSON read in pieces. https://hl7.org/fhir/R4/json.html */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInSlices } from '../../src/fhir/json-slices.ts';

async function read(text: string): Promise<{ readonly value: unknown; readonly pauses: number }> {
  let pauses = 0;
  const value = await parseInSlices(Buffer.from(text), () => {
    pauses++;
    return undefined;
  });
  return { value, pauses };
}

const large = 'x'.repeat(70_000);

test('it is what JSON.parse gives, however large its parts are', async () => {
  const { tree } = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.string({ unit: 'binary' }), fc.constant(large), fc.double(), fc.boolean(), fc.constant(null)),
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      tie('leaf'),
      fc.array(tie('tree'), { maxLength: 6 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'concept', 'a"b')), tie('tree'), { maxKeys: 6 }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(tree, fc.constantFrom(undefined, 1), async (value, space) => {
      const text = JSON.stringify(value, null, space);
      expect((await read(text)).value).toEqual(JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});

test('no piece is large', async () => {
  const concept = (code: number, within: readonly object[]) => ({
    code: String(code),
    display: 'y'.repeat(80),
    concept: within,
  });
  const chapter = Array.from({ length: 5000 }, (_, n) => concept(n, []));
  const system = { resourceType: 'CodeSystem', concept: [concept(0, []), concept(1, chapter), concept(2, [])] };
  const text = JSON.stringify(system);
  const { value, pauses } = await read(text);
  expect(value).toEqual(system);
  expect(pauses).toBeGreaterThan(text.length / (128 << 10));
});

test.each([
  '',
  '[1',
  '{"a":1',
  '[1 2]',
  `["${large}", }`,
  `["${large}"`,
  `{"${large}" 1}`,
  `{"${large}":1}x`,
  `{${large}`,
])('what is no JSON is told: %#', async (text) => {
  await expect(read(text)).rejects.toThrow(SyntaxError);
});
