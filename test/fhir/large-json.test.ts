/** Large JSON bodies are read in pieces, like small ones at once. https://hl7.org/fhir/R4/json.html */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExact, parseStored, writeExact } from '../../src/fhir/exact-json.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { parseExactInSlices, parseJsonInSlices, parseStoredInSlices } from '../../src/fhir/large-json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { anyJson, spaced } from './json-arbitrary.ts';

const none = () => undefined;

async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof OutcomeError) return error.issues;
    throw error;
  }
}

/** Texts, some of which are no JSON: numbers of all spellings in it, pieces left out, put in or doubled. */
const anyJsonText = fc
  .tuple(
    anyJson,
    fc.array(fc.constantFrom('', ' ', '\n', '\t '), { maxLength: 3 }),
    fc.constantFrom('', '1.0', '1e2', '0.1234567890123456789', '1e999', '01', '-', '😀"'),
    fc.option(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        cut: fc.nat(3),
        put: fc.constantFrom('', ',', ']', '}', '{', '[', ':', '"', '1', '"id":1,', '\\', '\u0001', 'é'),
      }),
    ),
  )
  .map(([value, spaces, number, fault]) => {
    const whole = JSON.stringify(['id', value, { id: value, meta: [value] }, value, [[[value, value]]]]);
    const text = spaced(number === '' ? whole : whole.replace(/-?\b\d+(?:\.\d+)?(?=[,\]}])/, number), spaces);
    if (fault === null) return text;
    const at = Math.floor(fault.at * text.length);
    return text.slice(0, at) + fault.put + text.slice(at + fault.cut);
  });

test('whatever the size of the pieces, it is what reading at once gives or says', async () => {
  await fc.assert(
    fc.asyncProperty(anyJsonText, fc.integer({ min: 0, max: 60 }), async (text, slice) => {
      const bytes = Buffer.from(text);
      const options = { slice, large: 0 };
      expect(await outcome(() => parseJsonInSlices(bytes, none, options))).toEqual(
        await outcome(() => parseJson(bytes)),
      );
      const exact = await outcome(() => parseExact(bytes));
      expect(await outcome(() => parseExactInSlices(bytes, none, options))).toEqual(exact);
    }),
    { numRuns: 2000 },
  );
});

test('what is stored is read like that, too', async () => {
  await fc.assert(
    fc.asyncProperty(anyJson, fc.integer({ min: 0, max: 60 }), async (value, slice) => {
      const bytes = Buffer.from(JSON.stringify([value, 1.5, value]));
      const read = await parseStoredInSlices(bytes, none, { slice, large: 0 });
      expect(read).toEqual(parseStored(bytes));
      expect(Buffer.from(writeExact(read)).equals(bytes)).toBe(true);
    }),
  );
});

test.each([
  ['a name that comes in two pieces', '{"resourceType":"Patient","name":[{"text":"a"}],"active":true,"name":[]}'],
  ['a large member that comes again', '{"resourceType":"Patient","name":[{"text":"a"},{}],"name":[{"text":"a"},{}]}'],
  ['a name that comes twice behind other items', '{"name":[{},{},{"given":["a","b","c"],"text":"a","text":"b"}]}'],
  ['a name that comes twice in a later item', '{"name":[{"a":[1,2,3,4]},{"a":[1,2,3,4]},{"b":[1,2],"b":1}],"c":1}'],
  ['an array that ends with a comma', '{"name":[{"a":1},{"b":2},]}'],
  ['an object that ends with a comma', '{"name":[{"a":1},{"b":2}],}'],
  ['an item that is lacking', '[[1,2,3],,[4,5,6]]'],
  ['what follows', '[[1,2,3],[4,5,6]] [1]'],
  ['another closing bracket', '[[1,2,3],[4,5,6}]'],
  ['no end', '{"name":[{"a":1},{"b":2}'],
  ['what nests too deep', `${'[1,'.repeat(95)}1${']'.repeat(95)}`],
  ['what nests as deep as it may', `${'[1,'.repeat(90)}1${']'.repeat(90)}`],
  ['a member without a name', '{"a":[1,2],[1,2]}'],
  ['a second line with characters of several bytes', '{"é":["ä",\n"😀",1,{"b" 1}]}'],
])('%s is told as if it was read at once', async (_, text) => {
  const bytes = Buffer.from(text);
  const expected = await outcome(() => parseJson(bytes));
  for (let slice = 0; slice < text.length; slice++)
    expect(await outcome(() => parseJsonInSlices(bytes, none, { slice, large: 0 }))).toEqual(expected);
});

test('others run after each piece, however deep it nests, and no byte is gone through again for each level', async () => {
  const concept = (depth: number): object => ({
    code: String(depth),
    display: 'y'.repeat(300),
    ...(depth === 0 ? {} : { concept: [concept(depth - 1)] }),
  });
  const system = { resourceType: 'CodeSystem', concept: Array.from({ length: 80 }, () => concept(40)) };
  const bytes = Buffer.from(JSON.stringify(system));
  let pauses = 0;
  const { value } = await parseJsonInSlices(bytes, () => {
    pauses++;
    return undefined;
  });
  expect(value).toEqual(system);
  expect(pauses).toBeGreaterThan(bytes.length / (66 << 10) - 2);
});
