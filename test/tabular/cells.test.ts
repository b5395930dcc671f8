/** Cells and elements say the same. https://hl7.org/fhir/R4/datatypes.html */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactNumber } from '../../src/fhir/exact-json.ts';
import { bodyMass } from '../../src/tabular/body-mass.ts';
import { cellOf, elementOf, textOf, textsOf } from '../../src/tabular/cell.ts';
import { readCsv, writeCsv } from '../../src/tabular/csv.ts';
import { neutralised, restored } from '../../src/tabular/formula.ts';
import type { Column } from '../../src/tabular/template.ts';

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
