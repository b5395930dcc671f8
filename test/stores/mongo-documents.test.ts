/** Index entries and resources as documents have them. https://hl7.org/fhir/R4/json.html#decimal */
import { BSON, Decimal128 } from 'mongodb';
import { describe, expect, it } from 'vitest';
import type { IndexEntry, IndexValue } from '../../src/search/entry.ts';
import { documentOf } from '../../src/store/mongo/bson.ts';
import { pathPart } from '../../src/store/mongo/fields.ts';
import { entriesOf, indexedBy } from '../../src/store/mongo/values.ts';

describe('entries', () => {
  const values: readonly IndexValue[] = [
    { kind: 'token', system: 'urn:s', value: 'Code' },
    { kind: 'token', system: '', value: '' },
    { kind: 'identifier', system: '', value: 'ß' },
    { kind: 'string', norm: 'a b', exact: 'A, b' },
    { kind: 'string', norm: 'b', exact: null },
    { kind: 'date', low: -9e15, high: 1_769_846_400_123 },
    { kind: 'number', low: 'b54', high: 'b55' },
    { kind: 'quantity', low: 'b54', high: 'b54', system: '', code: 'kg', unit: 'Kilo' },
    { kind: 'reference', type: 'Patient', id: '1', version: '' },
    { kind: 'reference', type: '#Patient', id: 'p/q', version: '7' },
    { kind: 'uri', value: 'http://x|1' },
    { kind: 'position', latitude: -33.5, longitude: 151.25 },
    {
      kind: 'composite',
      components: [
        { kind: 'token', system: 's', value: 'c' },
        { kind: 'quantity', low: 'b1', high: 'b1', system: '', code: '', unit: '' },
      ],
    },
  ];

  it('come back as they were, through BSON', () => {
    const entries: readonly IndexEntry[] = values.map((value) => ({ parameter: value.kind, value }));
    const stored = BSON.deserialize(BSON.serialize(indexedBy(entries, (entry) => entry)));
    expect(entriesOf(stored)).toEqual(entries);
  });

  it('have the ends that sorts go by', () => {
    const entries: readonly IndexEntry[] = [
      { parameter: 'name', value: { kind: 'string', norm: '\u{1f600}', exact: '\u{1f600}' } },
      { parameter: 'name', value: { kind: 'string', norm: '\uff5e', exact: '\uff5e' } },
      // A word of a longer one.
      { parameter: 'name', value: { kind: 'string', norm: 'a', exact: null } },
      { parameter: 'date', value: { kind: 'date', low: 5, high: 9 } },
      { parameter: 'date', value: { kind: 'date', low: 7, high: 8 } },
      { parameter: 'of', value: { kind: 'identifier', system: '', value: 'x' } },
      { parameter: 'of', value: { kind: 'reference', type: 'Patient', id: '1', version: '' } },
    ];
    // By code points, as MongoDB compares texts.
    expect(indexedBy(entries, (entry) => entry).sort).toEqual({
      name: { low: '\uff5e', high: '\u{1f600}' },
      date: { low: 5, high: 9 },
      of: { il: 'x', ih: 'x', low: 'Patient/1', high: 'Patient/1' },
    });
  });

  it('of a parameter that is not indexed are refused', () => {
    const entries: readonly IndexEntry[] = [{ parameter: 'x', value: { kind: 'uri', value: 'y' } }];
    expect(() => indexedBy(entries, () => undefined)).toThrow('an entry of x');
  });
});

describe('a resource as a document', () => {
  const read = (text: string) => documentOf(Buffer.from(text)).document;

  it('has numbers that a double holds as such, others as Decimal128 or text', () => {
    const long = '1.2345678901234567890123456789012345678901';
    expect(read(`{"a":1,"b":1.50,"c":0.1,"d":12345678901234567890.5,"e":${long}}`)).toEqual({
      a: 1,
      b: 1.5,
      c: 0.1,
      d: Decimal128.fromString('12345678901234567890.5'),
      e: long,
    });
  });

  it('keeps names and nesting', () => {
    expect(read('{"resourceType":"Patient","name":[{"given":["A",null]}],"x":{}}')).toEqual({
      resourceType: 'Patient',
      name: [{ given: ['A', null] }],
      x: {},
    });
  });

  it('is none where BSON has no such name', () => {
    expect(read('{"a\\u0000b":1}')).toBeUndefined();
  });
});

describe('a field', () => {
  it('is a part of a path', () => {
    expect(['code:text', 'a.b', '$x', '50%'].map(pathPart)).toEqual(['code:text', 'a%2eb', '%24x', '50%25']);
  });
});
