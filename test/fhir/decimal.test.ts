import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approximateRange, decimalKey, decimalText, isDecimal, precisionRange } from '../../src/fhir/decimal.ts';

const anyDecimal = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.nat(1200).map(String), fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String)),
    fc.oneof(
      fc.constant(''),
      fc.stringMatching(/^[0-9]{1,30}$/).map((digits) => `.${digits}`),
      fc.constantFrom('.0', '.00', '.5', '.50'),
    ),
    fc.oneof(
      fc.constant(''),
      fc.integer({ min: -400, max: 400 }).map((e) => `e${e}`),
      fc.integer({ min: -3, max: 3 }).map((e) => `E${e < 0 ? '' : '+'}${e}`),
    ),
  )
  .map((parts) => parts.join(''));

/** The decimal as an integer of units of 10^-900. */
function units(text: string): bigint {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const value = BigInt(whole + fraction) * 10n ** BigInt(900 + Number(exponent) - fraction.length);
  return sign === '-' ? -value : value;
}

const order = (a: string | bigint, b: string | bigint) => (a < b ? -1 : a > b ? 1 : 0);

describe('decimalKey', () => {
  test('orders as the numbers do, and equal numbers have one key', () => {
    fc.assert(
      fc.property(anyDecimal, anyDecimal, (a, b) => {
        expect(order(decimalKey(a), decimalKey(b))).toBe(order(units(a), units(b)));
      }),
      { numRuns: 3000 },
    );
  });

  test('orders neighbours', () => {
    const near = fc.tuple(anyDecimal, fc.integer({ min: -2, max: 2 }), fc.integer({ min: -420, max: 420 }));
    fc.assert(
      fc.property(near, ([a, step, place]) => {
        const sum = units(a) + BigInt(step) * 10n ** BigInt(900 + Math.max(place, -420));
        const b = `${sum}e-900`;
        expect(order(decimalKey(a), decimalKey(b))).toBe(order(units(a), sum));
      }),
    );
  });

  test('orders by bytes as by UTF-16 units', () => {
    fc.assert(
      fc.property(anyDecimal, (a) => {
        expect(decimalKey(a)).toMatch(/^[0-9A-Za-z]+~?$/);
      }),
    );
  });

  test.each([
    ['1.0', '1.00'],
    ['1', '10e-1'],
    ['0', '-0.0'],
    ['0e5', '0.000'],
    ['-1200', '-1.2E+3'],
  ])('of %s is that of %s', (a, b) => {
    expect(decimalKey(a)).toBe(decimalKey(b));
  });

  test('is short for short numbers', () => {
    for (const text of ['0', '5.4', '-5.4', '120', '0.001', '98.6', '37.25']) {
      expect(decimalKey(text).length).toBeLessThanOrEqual(6);
    }
  });

  test('refuses what is no decimal', () => {
    for (const text of ['', '-', 'NaN', 'Infinity', '1.', '.5', '+1', '01', ' 1', '1e', '0x1', '1e99999']) {
      expect(() => decimalKey(text)).toThrow(RangeError);
    }
  });
});

describe('decimalText', () => {
  test('gives the number back', () => {
    fc.assert(
      fc.property(anyDecimal, (a) => {
        const text = decimalText(decimalKey(a));
        expect(units(text)).toBe(units(a));
        expect(decimalKey(text)).toBe(decimalKey(a));
      }),
    );
  });

  test.each(['0', '5.4', '-5.4', '120', '0.001', '1e30', '-1.5e-20', '123456789012345678901'])(
    'of the key of %s is the same',
    (text) => {
      expect(decimalText(decimalKey(text))).toBe(text);
    },
  );

  test('refuses what is no key', () => {
    for (const key of ['', '0', 'h', 'x', 'h5x', 'V1', '~']) expect(() => decimalText(key)).toThrow(RangeError);
  });
});

describe('precisionRange', () => {
  test.each([
    ['5.40', '5.395', '5.405'],
    ['5.4', '5.35', '5.45'],
    ['100', '99.5', '100.5'],
    ['100.00', '99.995', '100.005'],
    ['1e2', '95', '105'],
    ['1.0e2', '95', '105'],
    ['1.00e2', '99.5', '100.5'],
    ['5.40e-3', '0.005395', '0.005405'],
    ['-5.4', '-5.45', '-5.35'],
    ['0', '-0.5', '0.5'],
    ['0.0', '-0.05', '0.05'],
  ])('of %s is [%s, %s)', (text, low, high) => {
    expect(precisionRange(text)).toEqual({ low: decimalKey(low), high: decimalKey(high) });
  });

  test('contains the number, and a more precise text means no wider range', () => {
    fc.assert(
      fc.property(anyDecimal, (text) => {
        const { low, high } = precisionRange(text);
        const key = decimalKey(text);
        expect(low < key && key < high).toBe(true);
        const [mantissa = '', exponent] = text.split(/[eE]/);
        const finer = `${mantissa}${mantissa.includes('.') ? '' : '.'}0${exponent === undefined ? '' : `e${exponent}`}`;
        const inner = precisionRange(finer);
        expect(low <= inner.low && inner.high <= high).toBe(true);
      }),
    );
  });
});

describe('approximateRange', () => {
  test.each([
    ['100', '90', '110'],
    ['-100', '-110', '-90'],
    ['5.40', '4.86', '5.94'],
    ['0', '0', '0'],
    ['1e2', '90', '110'],
  ])('of %s is [%s, %s]', (text, low, high) => {
    expect(approximateRange(text)).toEqual({ low: decimalKey(low), high: decimalKey(high) });
  });
});

describe('isDecimal', () => {
  test.each(['0', '-0.0', '1.00', '1e-20', '1.0E+3', '1e400', '9'.repeat(400)])('takes %s', (text) => {
    expect(isDecimal(text)).toBe(true);
  });
  test.each([
    '',
    '1,5',
    '+5',
    ' 5',
    '5.',
    '.5',
    '05',
    '1e401',
    'e5',
    '5e',
    'abc',
    '٥',
    '9'.repeat(401),
    '1e1e1',
    '--1',
  ])('refuses %j', (text) => {
    expect(isDecimal(text)).toBe(false);
  });
});
