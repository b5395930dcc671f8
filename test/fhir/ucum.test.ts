/** Conversions between units, exact where they can be. https://hl7.org/fhir/R4/search.html#quantity */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalKey, decimalText } from '../../src/fhir/decimal.ts';
import { mapKey } from '../../src/fhir/linear.ts';
import { conversion } from '../../src/fhir/ucum.ts';

function converted(value: string, from: string, to: string): string | undefined {
  const map = conversion(from, to);
  return map === undefined ? undefined : decimalText(mapKey(decimalKey(value), map));
}

describe('a linear map', () => {
  test('is exact', () => {
    const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -40, max: 40 }));
    fc.assert(
      fc.property(decimal, decimal, decimal, ([x, ex], [factor, ef], [plus, ep]) => {
        const map = { before: `${plus}e${ep}`, times: `${factor}e${ef}`, over: '8', after: `${plus}e${ep}` };
        const scale = (units: bigint, exponent: number) => units * 10n ** BigInt(exponent + 40);
        // In units of 10^-40 before and 10^-83 after: an eighth has three decimals.
        const product = (scale(x, ex) + scale(plus, ep)) * scale(factor, ef) * 125n;
        const wanted = product + scale(plus, ep) * 10n ** 43n;
        expect(mapKey(decimalKey(`${x}e${ex}`), map)).toBe(decimalKey(`${wanted}e-83`));
      }),
    );
  });

  test('of a quotient without an end has sixty digits', () => {
    const map = { before: '0', times: '1', over: '3', after: '0' };
    expect(decimalText(mapKey(decimalKey('1'), map))).toMatch(/^0\.3{60,}$/);
    expect(decimalText(mapKey(decimalKey('-600'), map))).toBe('-200');
  });
});

describe('a linear map beyond the range of keys', () => {
  test.each([
    ['1e400', '1e700', '1e998'],
    ['-1e400', '1e700', '-1e998'],
    ['1e-400', '1e-700', '1e-1000'],
    ['-1e-400', '1e-700', '-1e-1000'],
    ['0', '1e700', '0'],
  ])('%s times %s is at its end, %s', (value, times, expected) => {
    const map = { before: '0', times, over: '1', after: '0' };
    expect(decimalText(mapKey(decimalKey(value), map))).toBe(expected);
  });
});

describe('a conversion', () => {
  test.each<[string, string, string, string]>([
    ['5.4', 'mg', 'g', '0.0054'],
    ['123456789012345678901234567890.5', 'm', 'km', '1.234567890123456789012345678905e26'],
    ['1', 'mg/dL', 'g/L', '0.01'],
    ['100', 'mg/dL', 'ug/mL', '1000'],
    ['1', '[lb_av]', 'kg', '0.45359237'],
    ['0.45359237', 'kg', '[lb_av]', '1'],
    ['60', 'min', 'h', '1'],
    ['1', 'h', 'min', '60'],
    ['60', '/h', '/min', '1'],
    ['1', 'mL/min', 'L/h', '0.06'],
    ['37', 'Cel', '[degF]', '98.6'],
    ['98.6', '[degF]', 'Cel', '37'],
    ['0', 'Cel', 'K', '273.15'],
    ['310.15', 'K', 'Cel', '37'],
    ['-40', '[degF]', 'Cel', '-40'],
    ['98.6', '[degF]', 'K', '310.15'],
    ['1', '{beats}/min', '/min', '1'],
    ['95', '%', '1', '0.95'],
    ['5', 'm[IU]/L', 'u[IU]/mL', '5'],
    ['760', 'mm[Hg]', 'kPa', '101.32472'],
    ['1', 'wk', 'd', '7'],
    ['7', 'd', 'wk', '1'],
    ['1', '[ft_i]', '[in_i]', '12'],
    ['72', '[in_i]', '[ft_i]', '6'],
    ['5', 'mmol/L', 'umol/mL', '5'],
    ['1', '10*9/L', '10*3/uL', '1'],
    ['1', 'U/L', 'mU/mL', '1'],
  ])('%s %s is, in %s, %s', (value, from, to, expected) => {
    expect(converted(value, from, to)).toBe(expected);
  });

  test.each<[string, string]>([
    ['mg', 'mL'],
    ['mg', 'mmol'],
    ['[pH]', 'mol/L'],
    ['[IU]', 'mg'],
    ['[IU]/L', 'cd/L'],
    ['milligrams', 'g'],
    ['MG', 'g'],
    ['no unit', 'g'],
    ['', 'g'],
    ['m(', 'm'],
    ['Cel/min', 'K/min'],
    ['Ym10', 'ym10'],
    ['Ym7', 'ym7'],
  ])('%s to %s there is none', (from, to) => {
    expect(conversion(from, to)).toBeUndefined();
    expect(conversion(to, from)).toBeUndefined();
  });

  test('keeps nothing of codes that are too long, nor of the texts that they are parts of', () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('no gc');
    const heap = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    expect(conversion('m', 'km')).toBeDefined();
    const before = heap();
    for (let n = 0; n < 400; n++) {
      const text = Buffer.alloc(250_000, `z${n} `).toString('latin1');
      conversion(text, 'km');
      conversion(text.slice(n, n + 50), 'km');
    }
    // All of them are 100 MB.
    expect(heap() - before).toBeLessThan(30_000_000);
  });

  test('there and back gives the same number', () => {
    const kinds = [
      ['g', 'mg', 'kg', 'ug', '[lb_av]', '[oz_av]', '[gr]', 't'],
      ['s', 'min', 'h', 'd', 'wk', 'ms'],
      ['Cel', 'K', '[degF]'],
      ['mmol/L', 'mol/m3', 'umol/dL'],
      ['mm[Hg]', 'kPa', 'bar', 'cm[H2O]'],
    ] as const;
    const pair = fc
      .constantFrom(...kinds)
      .chain((kind) => fc.tuple(fc.constantFrom(...kind), fc.constantFrom(...kind)));
    const value = fc.tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: -8, max: 3 }));
    fc.assert(
      fc.property(pair, value, ([from, to], [units, exponent]) => {
        const there = converted(`${units}e${exponent}`, from, to) ?? '';
        const back = Number(converted(there, to, from));
        const wanted = Number(`${units}e${exponent}`);
        // An offset takes digits from what is small beside it.
        expect(Math.abs(back - wanted)).toBeLessThanOrEqual(1e-12 * Math.max(Math.abs(wanted), 1e-3));
      }),
    );
  });
});
