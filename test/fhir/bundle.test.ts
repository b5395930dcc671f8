import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aroundMatch, bundleBytes } from '../../src/fhir/bundle.ts';
import { pretty } from '../../src/fhir/pretty.ts';
import { anyJson, anyText, spaced } from './json-arbitrary.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const text = (of: Uint8Array) => Buffer.from(of).toString('utf8');

describe('bundleBytes', () => {
  test('a search page, with resources as stored', () => {
    const page = bundleBytes({
      id: 'p1',
      type: 'searchset',
      total: 2,
      lastUpdated: 1_769_846_400_000,
      links: [{ relation: 'self', url: 'http://h/fhir/Patient?name="é"' }],
      entries: [
        { fullUrl: 'http://h/fhir/Patient/1', resource: bytes('{"v":1.00}'), search: { mode: 'match', score: 0.5 } },
        { resource: bytes('{"é":1}'), search: { mode: 'outcome' } },
      ],
    });
    expect(text(page)).toBe(
      '{"resourceType":"Bundle","id":"p1","meta":{"lastUpdated":"2026-01-31T08:00:00.000Z"},"type":"searchset","total":2,' +
        '"link":[{"relation":"self","url":"http://h/fhir/Patient?name=\\"é\\""}],' +
        '"entry":[{"fullUrl":"http://h/fhir/Patient/1","resource":{"v":1.00},"search":{"mode":"match","score":0.5}},' +
        '{"resource":{"é":1},"search":{"mode":"outcome"}}]}',
    );
  });

  test('entries that are bytes already are those that it would write', () => {
    const outcome = { resource: bytes('{"v":3}'), search: { mode: 'outcome' } } as const;
    const match = (id: string) => ({
      fullUrl: `http://h/"é"/Patient/${id}`,
      resource: bytes(`{"é":${id}}`),
      search: { mode: 'match' } as const,
    });
    const { before, between, after } = aroundMatch('http://h/"é"/Patient/');
    const [first = '', second = ''] = ['1', '2'].map((id) => `${before}${id}${between}{"é":${id}}${after}`);
    const spliced = [first, bytes(`,${second}`)];
    for (const others of [[], [outcome]]) {
      const page = bundleBytes({ type: 'searchset', links: [], spliced, entries: others });
      const written = bundleBytes({ type: 'searchset', links: [], entries: [match('1'), match('2'), ...others] });
      expect(text(page)).toBe(text(written));
    }
  });

  test('a history, and a transaction response', () => {
    const lastModified = '2026-01-31T08:00:00.000Z';
    expect(
      text(
        bundleBytes({
          type: 'history',
          links: [],
          entries: [
            {
              fullUrl: 'http://h/Patient/1',
              request: { method: 'DELETE', url: 'Patient/1' },
              response: { status: '204', etag: 'W/"2"', lastModified },
            },
          ],
        }),
      ),
    ).toBe(
      '{"resourceType":"Bundle","type":"history","entry":[{"fullUrl":"http://h/Patient/1","request":{"method":"DELETE","url":"Patient/1"},' +
        `"response":{"status":"204","etag":"W/\\"2\\"","lastModified":"${lastModified}"}}]}`,
    );
    expect(
      text(
        bundleBytes({
          type: 'transaction-response',
          links: [],
          entries: [
            {
              response: { status: '201 Created', location: 'http://h/Patient/1/_history/1', outcome: bytes('{"o":1}') },
            },
            { response: { status: '204' } },
            {},
          ],
        }),
      ),
    ).toBe(
      '{"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"201 Created","location":"http://h/Patient/1/_history/1","outcome":{"o":1}}},' +
        '{"response":{"status":"204"}},{}]}',
    );
  });

  test('leaves empty lists out', () => {
    expect(text(bundleBytes({ type: 'searchset', total: 0, links: [], entries: [] }))).toBe(
      '{"resourceType":"Bundle","type":"searchset","total":0}',
    );
  });

  test('is the JSON of its parts', () => {
    const resource = fc.array(anyJson).map((of) => ({ of }));
    const anyEntry = fc.record(
      {
        fullUrl: anyText,
        resource,
        search: fc.record(
          { mode: fc.constantFrom('match', 'include', 'outcome'), score: fc.nat(9) },
          { requiredKeys: ['mode'] },
        ),
        request: fc.record({ method: anyText, url: anyText }),
        response: fc.record(
          { status: anyText, location: anyText, etag: anyText, lastModified: anyText, outcome: resource },
          { requiredKeys: ['status'] },
        ),
      },
      { requiredKeys: [] },
    );
    const anyBundle = fc.record(
      {
        id: anyText,
        type: fc.constantFrom('searchset', 'history', 'transaction-response', 'batch-response'),
        total: fc.nat(),
        links: fc.array(fc.record({ relation: anyText, url: anyText }), { maxLength: 3 }),
        entries: fc.array(anyEntry, { maxLength: 4 }),
      },
      { requiredKeys: ['type', 'links', 'entries'] },
    );
    fc.assert(
      fc.property(anyBundle, ({ links, entries, ...rest }) => {
        const made = bundleBytes({
          ...rest,
          links,
          entries: entries.map(({ resource: content, response, ...others }) => ({
            ...others,
            ...(content === undefined ? {} : { resource: bytes(JSON.stringify(content)) }),
            ...(response === undefined ? {} : { response: withBytes(response) }),
          })),
        });
        const expected = {
          resourceType: 'Bundle',
          ...rest,
          ...(links.length > 0 ? { link: links } : {}),
          ...(entries.length > 0 ? { entry: entries } : {}),
        };
        expect(JSON.parse(text(made))).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
    );
  });
});

function withBytes<R extends { readonly status: string; readonly outcome?: unknown }>({ outcome, ...response }: R) {
  return outcome === undefined ? response : { ...response, outcome: bytes(JSON.stringify(outcome)) };
}

describe('pretty', () => {
  test('indents as JSON.stringify does', () => {
    const spaces = fc.array(fc.constantFrom('', ' ', '\n'), { maxLength: 5 });
    fc.assert(
      fc.property(anyJson, spaces, (value, between) => {
        const source = bytes(spaced(JSON.stringify(value), between));
        expect(text(pretty(source))).toBe(`${JSON.stringify(value, null, 2)}\n`);
      }),
    );
  });

  test('leaves numbers and strings as they are', () => {
    expect(text(pretty(bytes('{"a":[1.00,-0.0,1e-20],"b":"\\u0041","c":{},"d":[]}')))).toBe(
      '{\n  "a": [\n    1.00,\n    -0.0,\n    1e-20\n  ],\n  "b": "\\u0041",\n  "c": {},\n  "d": []\n}\n',
    );
  });

  test('finds room for any depth', () => {
    const deep = `${'['.repeat(90)}1,2${']'.repeat(90)}`;
    expect(text(pretty(bytes(deep)))).toBe(`${JSON.stringify(JSON.parse(deep), null, 2)}\n`);
  });
});
