/** Cells and elements say the same. https://hl7.org/fhir/R4/datatypes.html */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactNumber } from '../../src/fhir/exact-json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { bodyMass } from '../../src/tabular/body-mass.ts';
import { cellOf, elementOf, type Resolve, textOf, textsOf } from '../../src/tabular/cell.ts';
import { readCsv, writeCsv } from '../../src/tabular/csv.ts';
import { neutralised, restored } from '../../src/tabular/formula.ts';
import { readHeader } from '../../src/tabular/header.ts';
import { type CellFault, readPart } from '../../src/tabular/row.ts';
import type { Column, Part, Step, Template } from '../../src/tabular/template.ts';

const column = (type: string, more: Partial<Column> = {}): Column => ({
  name: 'c',
  part: 0,
  index: 0,
  steps: [],
  path: 'Patient.c',
  type,
  codes: undefined,
  unit: undefined,
  targets: [],
  required: 'no',
  key: false,
  several: undefined,
  ...more,
});

const leaf = {
  ...{ slice: undefined, path: 'Patient.c', min: 0, max: 1, fixed: undefined, binding: undefined },
  ...{ profiles: [], targets: [], column: undefined, children: [] },
};

const observation: Part = {
  ...{ name: 'case', index: 0, time: undefined, profile: 'http://x.example/p', type: 'Observation' },
  ...{ content: {}, columns: [], key: [], link: undefined, patient: undefined },
};

const visible = fc
  .string({ unit: fc.constantFrom(...'abc=+-@＝＠\t\r\n\'"\\;,| é😀1') })
  .filter((text) => text.trim() !== '');

test('a text that a spreadsheet would take for a formula never stands at the beginning of a cell', () => {
  fc.assert(
    fc.property(visible, (text) => {
      expect(neutralised(text)).not.toMatch(/^[=+\-@＝＋－＠\t\r\n]/);
      expect(restored(neutralised(text))).toBe(text);
    }),
  );
});

test('texts come back from a cell, one or several', () => {
  fc.assert(
    fc.property(fc.array(visible, { minLength: 1, maxLength: 4 }), (texts) => {
      const several = column('string', { several: 0 });
      expect(textsOf(cellOf(texts, several), several)).toEqual(texts);
      const [one = ''] = texts;
      expect(textsOf(cellOf([one], column('string')), column('string'))).toEqual([one]);
    }),
  );
});

test('decimals keep their digits, and numbers stay numbers', () => {
  const number = fc.tuple(fc.boolean(), fc.nat(99_999), fc.stringMatching(/^[0-9]{0,6}$/));
  fc.assert(
    fc.property(number, ([negative, whole, decimals]) => {
      const text = `${negative ? '-' : ''}${whole}${decimals === '' ? '' : `.${decimals}`}`;
      for (const type of ['Quantity', 'decimal']) {
        const read = elementOf(text, column(type), () => ({ fault: '' }));
        if ('fault' in read) throw new Error(read.fault);
        expect(textOf(read.value, column(type), () => undefined)).toBe(text);
        expect(cellOf([text], column(type))).toBe(text);
      }
    }),
  );
});

test('rows come back from a file, with the lines on which they begin', async () => {
  const cells = fc.array(fc.array(visible, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(cells, fc.integer({ min: 1, max: 7 }), async (rows, size) => {
      const bytes = Buffer.from(writeCsv([['a', 'b'], ...rows]));
      const found: (readonly string[])[] = [];
      for await (const { cells: each } of readCsv(pieces(bytes, size))) found.push(each);
      expect(found).toEqual([['a', 'b'], ...rows]);
    }),
  );
  const lines: number[] = [];
  for await (const { line } of readCsv(pieces(Buffer.from('\ufeffa,b\r\n"x\r\ny",1\r\n\r\n2,3\r\n'), 3)))
    lines.push(line);
  expect(lines).toEqual([1, 2, 5]);
});

test('empty lines are counted and left out, in no time', async () => {
  const lines: number[] = [];
  const text = `a,b\n${'\n'.repeat(200_000)}1,2\n`;
  for await (const { line } of readCsv(pieces(Buffer.from(text), 65_536))) lines.push(line);
  expect(lines).toEqual([1, 200_002]);
}, 2000);

test('a file whose rows have too few cells leaves others their turn', async () => {
  const begun = performance.now();
  let longest = 0;
  let last = begun;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  let rows = 0;
  for await (const { cells } of readCsv(pieces(Buffer.from(`a,b\n${'x\n'.repeat(30_000)}`), 65_536)))
    rows += cells.length;
  clearInterval(timer);
  expect(rows).toBe(30_002);
  // In pieces of 64 KB the longest takes an eighth of all.
  expect(longest).toBeLessThan((performance.now() - begun) / 2);
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.each([
  ['172.5', 'cm', '60', 'kg', '20.2'],
  ['1.60', 'm', '64000', 'g', '25.0'],
  ['100', 'cm', '20.05', 'kg', '20.1'],
  ['100', 'cm', '20.04', 'kg', '20.0'],
  ['70', '[in_i]', '150', '[lb_av]', '21.5'],
  ['0', 'cm', '60', 'kg', undefined],
  ['170', 'mm', '60', 'kg', undefined],
])('%s %s and %s %s make a body mass index of %s', (tall, unit, heavy, weight, expected) => {
  const index = bodyMass({ value: new ExactNumber(tall), code: unit }, { value: new ExactNumber(heavy), code: weight });
  expect(index).toEqual(
    expected === undefined
      ? undefined
      : { value: new ExactNumber(expected), unit: 'kg/m2', system: 'http://unitsofmeasure.org', code: 'kg/m2' },
  );
});

describe('a reference', () => {
  const reference = column('Reference', { targets: ['Location', 'Organization'] });
  const nothing: Resolve = ({ system, value }) => ({ fault: `nothing has ${system}|${value}` });

  test.each(['Location/1', 'Location/1/_history/2', 'http://elsewhere.example/fhir/Thing/1', 'urn:uuid:1', '#inside'])(
    'that is written as resources have it comes back: %s',
    (text) => {
      const read = elementOf(text, reference, nothing);
      if ('fault' in read) throw new Error(read.fault);
      expect(read.value).toEqual({ reference: text });
      expect(textOf(read.value, reference, (each) => each)).toBe(text);
    },
  );

  test.each([
    ['Patient/1', 'must lead to a Location or Organization'],
    ['the theatre', 'must name a resource'],
    ['/Location/1', 'must name a resource'],
    ['urn:x|1', 'nothing has urn:x|1'],
  ])('%s is refused', (text, reason) => {
    expect(elementOf(text, reference, nothing)).toEqual({ fault: expect.stringContaining(reason) });
  });

  test('with a bar is none that a cell could say', () => {
    expect(textOf({ reference: 'http://x.example/a|1' }, reference, (each) => each)).toBeUndefined();
  });
});

test('of several faulty values of a cell one is told, and a cell has so many at most', () => {
  const codes = { systems: ['urn:x'], byCode: new Map([['a', [{ system: 'urn:x', code: 'a' }]]]), closed: true };
  const node = { ...leaf, property: 'category', type: 'CodeableConcept', array: true };
  const step: Step = { node, content: undefined, mark: undefined, others: [] };
  const category = column('CodeableConcept', { codes, steps: [step], several: 0 });
  const part = { ...observation, columns: [category] };
  const faultsOf = (cell: string) => {
    const faults: CellFault[] = [];
    readPart(part, [cell], () => ({ fault: '' }), faults);
    return faults;
  };
  expect(faultsOf('a;b;c;a')).toEqual([{ column: 'c', reason: 'must be one of a' }]);
  expect(faultsOf(Array.from({ length: 1000 }, () => 'a').join(';'))).toEqual([]);
  expect(faultsOf(Array.from({ length: 1001 }, () => 'a').join(';'))).toEqual([
    { column: 'c', reason: 'has more than 1000 values' },
  ]);
});

test('a header with half a million unknown names is refused at once', () => {
  const names = Array.from({ length: 500_000 }, (_, n) => `c${n}`);
  const columns = Array.from({ length: 300 }, (_, n) => column('string', { name: `column_${n}` }));
  const main = { ...observation, columns };
  const template: Template = {
    ...{ profile: main.profile, name: 'Wide', parts: [main], main, patient: undefined, columns, key: [] },
  };
  try {
    readHeader(names, template);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    expect(error.status).toBe(400);
    expect(error.issues).toHaveLength(50);
  }
}, 2000);
