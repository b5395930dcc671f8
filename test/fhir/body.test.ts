import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Body, bodyBytes, makeBody, sameContent } from '../../src/fhir/body.ts';
import { anyJson, anyName, type Json, jsonOf } from './json-arbitrary.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const text = (of: Uint8Array) => Buffer.from(of).toString('utf8');
const stored = (source: string, id = 'x1') => text(bodyBytes(makeBody(bytes(source), id), 3, 1_769_846_400_000));
const SERVER = '"versionId":"3","lastUpdated":"2026-01-31T08:00:00.000Z"';

describe('makeBody and bodyBytes', () => {
  test.each([
    [
      'no id, no meta',
      '{"resourceType":"Patient","active":true}',
      `{"resourceType":"Patient","id":"x1","meta":{${SERVER}},"active":true}`,
    ],
    ['nothing else', '{"resourceType":"Patient"}', `{"resourceType":"Patient","id":"x1","meta":{${SERVER}}}`],
    [
      'another id',
      '{"resourceType":"Patient","id":"abc","a":1}',
      `{"resourceType":"Patient","id":"x1","meta":{${SERVER}},"a":1}`,
    ],
    [
      'an empty meta',
      '{"resourceType":"P","id":"a","meta":{},"b":1.00}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER}},"b":1.00}`,
    ],
    ['id at the end', '{"resourceType":"P","b":1,"id":"a"}', `{"resourceType":"P","b":1,"id":"x1","meta":{${SERVER}}}`],
    [
      'id behind meta',
      '{"resourceType":"P","meta":{"tag":[]},"b":1,"id":"a"}',
      `{"resourceType":"P","meta":{${SERVER},"tag":[]},"b":1,"id":"x1"}`,
    ],
    [
      'meta, no id',
      '{"resourceType":"P","meta":{"tag":[]}}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER},"tag":[]}}`,
    ],
    [
      'meta before the type',
      '{"meta":{"tag":[]},"resourceType":"P"}',
      `{"meta":{${SERVER},"tag":[]},"resourceType":"P","id":"x1"}`,
    ],
    ['no type', '{"a":1}', `{"id":"x1","meta":{${SERVER}},"a":1}`],
    ['no type, meta', '{"a":1,"meta":{}}', `{"id":"x1","a":1,"meta":{${SERVER}}}`],
    ['nothing at all', '{}', `{"id":"x1","meta":{${SERVER}}}`],
    [
      'a sent version and date',
      '{"resourceType":"P","meta":{"versionId":"9","profile":["a"],"lastUpdated":"x","tag":[{"code":"\\"}"}],"_lastUpdated":{}}}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER},"profile":["a"],"tag":[{"code":"\\"}"}],"_lastUpdated":{}}}`,
    ],
    [
      'nothing but a sent version',
      '{"resourceType":"P","meta":{"versionId":"9"}}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER}}}`,
    ],
    [
      'escaped names',
      '{"resourceType":"P","\\u0069d":"a","m\\u0065ta":{"version\\u0049d":"3"}}',
      `{"resourceType":"P","\\u0069d":"x1","m\\u0065ta":{${SERVER}}}`,
    ],
    [
      'names that are near',
      '{"resourceType":"P","_id":{"id":"a"},"idx":1,"metal":{"meta":{}}}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER}},"_id":{"id":"a"},"idx":1,"metal":{"meta":{}}}`,
    ],
    [
      'contained id and meta',
      '{"resourceType":"P","contained":[{"id":"c","meta":{"versionId":"1"}}]}',
      `{"resourceType":"P","id":"x1","meta":{${SERVER}},"contained":[{"id":"c","meta":{"versionId":"1"}}]}`,
    ],
  ])('with %s', (_, source, expected) => {
    expect(stored(source)).toBe(expected);
  });

  test('change nothing but id, versionId and lastUpdated, and keep the order of the rest', () => {
    const metaMember = fc.oneof(
      fc.tuple(fc.constantFrom('versionId', 'lastUpdated', 'profile', 'tag', 'extension', '_versionId'), anyJson),
      fc.tuple(anyName, anyJson),
    );
    const meta = fc.uniqueArray(metaMember, { selector: ([name]) => name, maxLength: 6 });
    const others = fc.uniqueArray(fc.tuple(anyName, anyJson), { selector: ([name]) => name, maxLength: 6 });
    const anyResource = fc
      .record({ meta: fc.option(meta), id: fc.option(fc.string()), others, type: fc.boolean() })
      .chain(({ meta: metaMembers, id, others: rest, type }) => {
        const members: [string, string][] = rest
          .filter(([name]) => name !== 'id' && name !== 'meta' && name !== 'resourceType')
          .map(([name, value]): [string, string] => [name, JSON.stringify(value)]);
        if (metaMembers !== null) members.push(['meta', jsonOf(metaMembers)]);
        if (id !== null) members.push(['id', JSON.stringify(id)]);
        if (type) members.push(['resourceType', '"Patient"']);
        return fc.shuffledSubarray(members, { minLength: members.length });
      });
    fc.assert(
      fc.property(anyResource, (members) => {
        const source = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`;
        const result = stored(source);
        const sent: { [name: string]: Json } = JSON.parse(source);
        const kept: { [name: string]: Json } = JSON.parse(result);
        expect(kept.id).toBe('x1');
        const { versionId, lastUpdated, ...restOfMeta } = Object(kept.meta);
        expect([versionId, lastUpdated]).toEqual(['3', '2026-01-31T08:00:00.000Z']);
        const { versionId: _v, lastUpdated: _l, ...sentMeta } = Object(sent.meta ?? {});
        expect(JSON.stringify(restOfMeta)).toBe(JSON.stringify(sentMeta));
        const rest = (value: object, drop: readonly string[]) =>
          JSON.stringify(Object.entries(value).filter(([name]) => !drop.includes(name)));
        expect(rest(kept, ['id', 'meta'])).toBe(rest(sent, ['id', 'meta']));
        // What was there keeps its place; what is new comes where it is stated.
        const expectedNames = Object.keys(sent);
        if (!('id' in sent)) expectedNames.splice(expectedNames.indexOf('resourceType') + 1, 0, 'id');
        if (!('meta' in sent)) expectedNames.splice(expectedNames.indexOf('id') + 1, 0, 'meta');
        const order = (names: readonly string[]) => names.filter((name) => !/^[0-9]+$/.test(name));
        expect(order(Object.keys(kept))).toEqual(order(expectedNames));
      }),
      { numRuns: 500 },
    );
  });

  test('do not share memory with the request', () => {
    const source = bytes('{"resourceType":"Patient","id":"abc","meta":{"tag":[]},"a":"first"}');
    const body = makeBody(source, 'x1');
    source.fill(0);
    expect(text(bodyBytes(body, 3, 1_769_846_400_000))).toContain('"a":"first"');
  });

  test('refuse what is no resource', () => {
    expect(() => makeBody(bytes('[]'), 'x')).toThrow(TypeError);
    expect(() => makeBody(bytes('{"meta":1}'), 'x')).toThrow(TypeError);
  });
});

describe('sameContent', () => {
  const body = (source: string): Body => makeBody(bytes(source), 'x1');
  const source = '{"resourceType":"P","id":"x1","meta":{"tag":[{"code":"a"}]},"a":1.0}';
  const current = bodyBytes(body(source), 12, 1e12);

  test('holds whatever version and date the stored bytes and the sent ones have', () => {
    expect(sameContent(body(source), current)).toBe(true);
    expect(sameContent(body(source), bodyBytes(body(source), 123456789, 0))).toBe(true);
    expect(sameContent(body(text(current)), current)).toBe(true);
  });

  test.each([
    '{"resourceType":"P","id":"x1","meta":{"tag":[{"code":"a"}]},"a":1.00}',
    '{"resourceType":"P","id":"x1","meta":{"tag":[{"code":"b"}]},"a":1.0}',
    '{"resourceType":"P","id":"x1","meta":{},"a":1.0}',
    '{"resourceType":"Q","id":"x1","meta":{"tag":[{"code":"a"}]},"a":1.0}',
    '{"resourceType":"P","id":"x1","a":1.0,"meta":{"tag":[{"code":"a"}]}}',
    '{"resourceType":"P","id":"x1","meta":{"source":"","tag":[{"code":"a"}]},"a":1.0}',
  ])('does not hold for %s', (other) => {
    expect(sameContent(body(other), current)).toBe(false);
    expect(sameContent(body(source), bodyBytes(body(other), 3, 0))).toBe(false);
  });
});
