/** The formats of the primitive types, each checked in linear time. https://hl7.org/fhir/R4/datatypes.html#primitive */
import { isDate, isDateTime, isInstant, isTime } from './calendar.ts';
import { isBase64, isCode, isText, isUri } from './text.ts';

export interface Primitive {
  /** What JSON has for it. */
  readonly json: 'string' | 'number' | 'boolean';
  /** What is expected, for people: `a date (YYYY, YYYY-MM or YYYY-MM-DD)`. */
  readonly expected: string;
  /** Whether a value of the right JSON type is one. */
  readonly accepts: (value: string | number | boolean) => boolean;
  /** The anchored pattern of its text, where one works in linear time and says all but calendar and range. */
  readonly pattern?: RegExp;
}

function textual(expected: string, accepts: (text: string) => boolean, pattern?: RegExp): Primitive {
  return {
    json: 'string',
    expected,
    accepts: (value) => typeof value === 'string' && accepts(value),
    ...(pattern === undefined ? {} : { pattern }),
  };
}

function matching(expected: string, pattern: RegExp): Primitive {
  return textual(expected, (text) => pattern.test(text), pattern);
}

function whole(expected: string, low: number, pattern: RegExp): Primitive {
  return {
    json: 'number',
    expected,
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= low && value <= 2 ** 31 - 1,
    pattern,
  };
}

const year = '(?!0000)[0-9]{4}';
const day = `${year}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])`;
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?';
const zone = '(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))';

const text = textual('a text that is not blank, at most 1 MB long, without control characters', isText);
const uri = textual('a URI without white space', isUri, /^\S+$/);

/** All primitive types of R4 by name. */
export const primitives: ReadonlyMap<string, Primitive> = new Map<string, Primitive>([
  ['base64Binary', textual('base64 (RFC 4648)', isBase64)],
  [
    'boolean',
    {
      json: 'boolean',
      expected: 'true or false',
      accepts: (value) => typeof value === 'boolean',
      pattern: /^(?:true|false)$/,
    },
  ],
  ['canonical', uri],
  ['code', textual('a code: no white space at its ends, and only single spaces within', isCode)],
  [
    'date',
    textual(
      'a date of the calendar as YYYY, YYYY-MM or YYYY-MM-DD',
      isDate,
      new RegExp(`^(?:${day}|${year}(?:-(?:0[1-9]|1[0-2]))?)$`),
    ),
  ],
  [
    'dateTime',
    textual(
      'a date of the calendar as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone',
      isDateTime,
      new RegExp(`^(?:${day}(?:T${time}${zone})?|${year}(?:-(?:0[1-9]|1[0-2]))?)$`),
    ),
  ],
  [
    'decimal',
    {
      json: 'number',
      expected: 'a number',
      accepts: (value) => typeof value === 'number',
      pattern: /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/,
    },
  ],
  ['id', matching('an id: 1 to 64 letters A-Z a-z, digits, "-" and "."', /^[A-Za-z0-9\-.]{1,64}$/)],
  [
    'instant',
    textual(
      'an instant of the calendar as YYYY-MM-DDThh:mm:ss with a time zone',
      isInstant,
      new RegExp(`^${day}T${time}${zone}$`),
    ),
  ],
  ['integer', whole('a whole number from -2147483648 to 2147483647', -(2 ** 31), /^-?(?:0|[1-9][0-9]*)$/)],
  ['markdown', text],
  ['oid', matching('an OID as urn:oid:1.2.3', /^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/)],
  ['positiveInt', whole('a whole number from 1 to 2147483647', 1, /^[1-9][0-9]*$/)],
  ['string', text],
  ['time', textual('a time as hh:mm:ss', isTime, new RegExp(`^${time}$`))],
  ['unsignedInt', whole('a whole number from 0 to 2147483647', 0, /^(?:0|[1-9][0-9]*)$/)],
  ['uri', uri],
  ['url', uri],
  [
    'uuid',
    matching(
      'a UUID in lower case as urn:uuid:…',
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    ),
  ],
  ['xhtml', textual('XHTML within one <div>', (value) => /^\s*<div[\s>/]/.test(value))],
]);
