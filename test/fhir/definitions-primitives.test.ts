import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitives } from '../../src/fhir/definitions/primitives.ts';

const accepts = (type: string, value: string | number | boolean): boolean => {
  const primitive = primitives.get(type);
  if (primitive === undefined) throw new Error(type);
  return primitive.accepts(value);
};

const uuid = 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520';

const sound: Record<string, readonly (string | number | boolean)[]> = {
  base64Binary: ['AAAA', 'AA==', 'AAA=', 'ab+/', 'AAAA BBBB', 'AAAA\r\nBB==\n'],
  boolean: [true, false],
  canonical: ['http://a.org/b|1.0', '#local'],
  code: ['a', 'a b', 'höher', 'a/b;c=d'],
  date: ['2024', '2024-12', '2024-02-29', '2000-02-29', '0001-01-01', '1905-08-23'],
  dateTime: [
    '2018',
    '1973-06',
    '1905-08-23',
    '2015-02-07T13:28:17-05:00',
    '2017-01-01T00:00:00.000Z',
    '2016-12-31T23:59:60Z',
    '2015-02-07T13:28:17.239123456789+14:00',
  ],
  decimal: [1, 1.5, -0.01, 1e-20, 0, 1e300],
  id: ['a', 'A-1.b', '0'.repeat(64)],
  instant: ['2015-02-07T13:28:17.239+02:00', '2017-01-01T00:00:00Z'],
  integer: [0, -1, 2147483647, -2147483648],
  markdown: ['# Head\n\ntext', ' a '],
  oid: ['urn:oid:1.2.3.4.5', 'urn:oid:2.16.840.1.113883.6.1'],
  positiveInt: [1, 2147483647],
  string: ['a', ' a ', 'tab\tline\nreturn\r', '😀', '\u00a0', 'x'.repeat(1024 * 1024)],
  time: ['00:00:00', '23:59:59', '13:28:17.239', '23:59:60'],
  unsignedInt: [0, 2147483647],
  uri: ['http://a.org/b?c=d#e', uuid, 'urn:oid:1.2', 'a', '#x', 'mailto:a@b.c'],
  url: ['https://a.org', 'mllp://a:1'],
  uuid: [uuid],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>', '\n <div>a</div>', '<div/>'],
};

const faulty: Record<string, readonly (string | number | boolean)[]> = {
  base64Binary: ['', 'A', 'AA', 'AAA', '=AAA', 'A===', 'AA=A', 'AA==AAAA', 'AA-_', ' ', 'AAAA,', 1],
  boolean: ['true', 1, 0, ''],
  canonical: ['', ' http://a.org', 'http://a.org/b c'],
  code: ['', ' a', 'a ', 'a  b', 'a\tb', 'a\nb', ' '],
  date: [
    '',
    '24',
    '0000',
    '2024-13',
    '2024-00',
    '2024-1',
    '2024-02-30',
    '2023-02-29',
    '1900-02-29',
    '2024-04-31',
    '2024-01-00',
    '2024-01-32',
    '2024-1-01',
    '2024/01/01',
    '2024-01-01T00:00:00Z',
    '20240101',
    '2024-',
    '+2024',
    2024,
  ],
  dateTime: [
    '2015-02-07T13:28:17',
    '2015-02-07T13:28Z',
    '2015-02-30T13:28:17Z',
    '2015-02-07T24:00:00Z',
    '2015-02-07T13:60:00Z',
    '2015-02-07T13:28:61Z',
    '2015-02-07T13:28:17.Z',
    '2015-02-07T13:28:17+14:01',
    '2015-02-07T13:28:17+15:00',
    '2015-02-07T13:28:17+0200',
    '2015-02-07T13:28:17z',
    '2015-02-07 13:28:17Z',
    '2015-02-07T',
    '2015-02T13:28:17Z',
    '2015-02-07T13:28:17Zx',
    'now',
  ],
  decimal: ['1', true, ''],
  id: ['', 'a'.repeat(65), 'a b', 'a_b', 'a/b', 'ä', 'a\n'],
  instant: ['2015-02-07', '2015', '2015-02-07T13:28:17', '2015-02-30T00:00:00Z'],
  integer: [1.5, 2147483648, -2147483649, '1', Number.POSITIVE_INFINITY],
  markdown: ['', ' \n', 'a\u0000'],
  oid: ['1.2.3', 'urn:oid:3.1', 'urn:oid:1.02', 'urn:oid:1', 'urn:oid:1.2.', 'URN:OID:1.2'],
  positiveInt: [0, -1, 1.5, 2147483648],
  string: ['', ' ', '\t\n', 'a\u0000b', 'a\u001b', 'x'.repeat(1024 * 1024 + 1), 1, true],
  time: ['24:00:00', '12:00', '12:60:00', '1:00:00', '12:00:00Z', '12:00:00.', ''],
  unsignedInt: [-1, 0.5, 2147483648],
  uri: ['', ' ', 'a b', 'a\n', '\u0000'],
  url: ['', 'a b'],
  uuid: [uuid.toUpperCase(), uuid.slice(9), `${uuid}0`, 'urn:uuid:x'],
  xhtml: ['', 'text', '<p>a</p>', '<divx>', ' ', '<!-- a --><div/>'],
};

describe('primitive types', () => {
  it('are all listed', () => {
    expect([...primitives.keys()].sort()).toEqual(Object.keys(sound).sort());
    expect(Object.keys(faulty).sort()).toEqual(Object.keys(sound).sort());
  });

  it.each(Object.entries(sound))('%s accepts', (type, values) => {
    for (const value of values) expect(accepts(type, value), String(value).slice(0, 60)).toBe(true);
  });

  it.each(Object.entries(faulty))('%s refuses', (type, values) => {
    for (const value of values) expect(accepts(type, value), String(value).slice(0, 60)).toBe(false);
  });

  it('a sound text matches its pattern', () => {
    for (const [type, { pattern }] of primitives)
      for (const value of sound[type] ?? [])
        if (pattern !== undefined) expect(String(value).replace('e+300', 'e300')).toMatch(pattern);
  });
});

// As R4's definitions have them, anchored.
const r4: Record<string, RegExp> = {
  date: /^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?$/,
  dateTime:
    /^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?$/,
  instant:
    /^([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))$/,
  time: /^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?$/,
};

const daysExist = (text: string): boolean => {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d{2})-(\d{2})/.exec(text) ?? [];
  if (day === '') return true;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1;
};

const piece = fc.constantFrom(
  '0',
  '1',
  '2',
  '3',
  '5',
  '9',
  '-',
  ':',
  '.',
  'T',
  'Z',
  '+',
  '00',
  '12',
  '29',
  '31',
  '60',
  '2024',
);
const nearly = fc.oneof(
  fc.stringMatching(/^\d{4}(-[01]\d(-[0-3]\d(T[0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,12})?(Z|[+-][01]\d:[0-6]\d)?)?)?)?$/),
  fc.stringMatching(/^[0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,3})?$/),
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
);

describe('dates and times', () => {
  it.each(Object.entries(r4))('%s: what R4 matches and the calendar has', (type, pattern) => {
    fc.assert(
      fc.property(nearly, (text) => {
        const exists = type === 'time' || daysExist(text);
        expect(accepts(type, text)).toBe(pattern.test(text) && exists);
        if (pattern.test(text)) expect(primitives.get(type)?.pattern?.test(text)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('long values', () => {
  it('base64 of 50 MB', () => {
    const long = Buffer.alloc(50_000_001, 7).toString('base64');
    expect(accepts('base64Binary', long)).toBe(true);
    expect(accepts('base64Binary', `${long}A`)).toBe(false);
    expect(accepts('base64Binary', `${long.slice(0, -4)}AA*=`)).toBe(false);
    expect(accepts('base64Binary', long.replaceAll(/(.{76})/g, '$1\r\n'))).toBe(true);
  });

  it.each(['code', 'uri', 'oid', 'uuid', 'id', 'date', 'instant', 'time', 'xhtml'])('%s of 20 MB', (type) => {
    for (const part of ['a', ' ', '0', 'urn:oid:1.2', '1.1', 'a '])
      expect(typeof accepts(type, part.repeat(20_000_000 / part.length))).toBe('boolean');
  });

  it('base64 is what Buffer makes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) =>
        accepts('base64Binary', Buffer.from(bytes).toString('base64')),
      ),
    );
  });
});
