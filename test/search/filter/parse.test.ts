/** The grammar of `_filter`. https://hl7.org/fhir/R4/search_filter.html */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutcomeError } from '../../../src/fhir/outcome.ts';
import { parseFilter } from '../../../src/search/filter/parse.ts';
import { type Filter, filterOperators, testsOf } from '../../../src/search/filter/tree.ts';

/** A filter as text: joins within others stand in parentheses, values in quotes unless they are plain. */
function print(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.of.map((part) => (isJoin(part) ? `(${print(part)})` : print(part))).join(` ${filter.kind} `);
    case 'not':
      return `not (${print(filter.of)})`;
    case 'test': {
      const path = filter.path.map(({ name, within }) => (within === undefined ? name : `${name}[${print(within)}]`));
      const value = /^[\w:|./-]+$/.test(filter.value) ? filter.value : JSON.stringify(filter.value);
      return `${path.join('.')} ${filter.operator} ${value}`;
    }
  }
}

const isJoin = ({ kind }: Filter): boolean => kind === 'and' || kind === 'or';

const names = fc.constantFrom('name', '_id', 'value-quantity', 'a1', 'and', 'or', 'eq', 'relatesTo');
const values = fc.oneof(
  fc.constantFrom(
    '2014-10-10',
    '5.40',
    'http://loinc.org|1234-5',
    'true',
    'a"b',
    'a)b]',
    '\\',
    'é\u{1f600}',
    ' x ',
    '',
  ),
  fc.string({ unit: 'grapheme' }).filter((text) => !/\0|\p{Surrogate}/u.test(text)),
);

function arbitraryFilter(depth: number): fc.Arbitrary<Filter> {
  const within = depth === 0 ? fc.constant(undefined) : fc.option(arbitraryFilter(depth - 1), { nil: undefined });
  const leaf = fc
    .record({
      steps: fc.array(fc.record({ name: names, within }), { maxLength: 2 }),
      last: names,
      operator: fc.constantFrom(...filterOperators),
      value: values,
    })
    .map(
      ({ steps, last, operator, value }): Filter => ({
        kind: 'test',
        path: [...steps, { name: last, within: undefined }],
        operator,
        value,
      }),
    );
  if (depth === 0) return leaf;
  const part = arbitraryFilter(depth - 1);
  return fc.oneof(
    leaf,
    fc.record({ kind: fc.constantFrom('and', 'or'), of: fc.array(part, { minLength: 2, maxLength: 4 }) }),
    fc.record({ kind: fc.constant('not'), of: part }),
  );
}

/** What a filter is refused with. */
function refusal(text: string): { readonly code: string | undefined; readonly diagnostics: string } {
  try {
    parseFilter(text);
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    expect(error.status).toBe(400);
    return { code: error.issues[0]?.code, diagnostics: error.message };
  }
  throw new Error(`was not refused: ${text}`);
}

const one = (name: string, operator: string, value: string) => ({
  kind: 'test',
  path: [{ name, within: undefined }],
  operator,
  value,
});

test('a printed filter is parsed to the same one', () => {
  fc.assert(
    fc.property(arbitraryFilter(3), (filter) => {
      fc.pre(testsOf(filter) <= 200);
      expect(parseFilter(print(filter))).toEqual(filter);
    }),
  );
});

test('no text does more than be refused', () => {
  const pieces = fc.constantFrom('name', ' ', 'eq', 'and', 'or', 'not', '(', ')', '[', ']', '.', '"', '\\', 'x', '5');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          parseFilter(text);
        } catch (error) {
          expect(error).toBeInstanceOf(OutcomeError);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

describe('the examples of R4', () => {
  test.each<[string, unknown]>([
    ['name co "pet"', one('name', 'co', 'pet')],
    [
      'given eq "peter" and birthdate ge 2014-10-10',
      { kind: 'and', of: [one('given', 'eq', 'peter'), one('birthdate', 'ge', '2014-10-10')] },
    ],
    ['code eq http://loinc.org|1234-5', one('code', 'eq', 'http://loinc.org|1234-5')],
    [
      'subject.name co "pet"',
      { ...one('', 'co', 'pet'), path: ['subject', 'name'].map((name) => ({ name, within: undefined })) },
    ],
    [
      'related[type eq has-component].target re Observation/4',
      {
        ...one('', 're', 'Observation/4'),
        path: [
          { name: 'related', within: one('type', 'eq', 'has-component') },
          { name: 'target', within: undefined },
        ],
      },
    ],
  ])('%s', (text, expected) => {
    expect(parseFilter(text)).toEqual(expected);
  });
});

describe('and, or, not', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => one(name, 'eq', '1'));

  test.each<[string, unknown]>([
    ['a eq 1 and b eq 1 and c eq 1', { kind: 'and', of: [a, b, c] }],
    ['a eq 1 or b eq 1 and c eq 1', { kind: 'and', of: [{ kind: 'or', of: [a, b] }, c] }],
    [
      'a eq 1 and b eq 1 or c eq 1 and d eq 1',
      { kind: 'and', of: [{ kind: 'or', of: [{ kind: 'and', of: [a, b] }, c] }, d] },
    ],
    ['a eq 1 or (b eq 1 and c eq 1)', { kind: 'or', of: [a, { kind: 'and', of: [b, c] }] }],
    ['(a eq 1 and b eq 1) and c eq 1', { kind: 'and', of: [{ kind: 'and', of: [a, b] }, c] }],
    ['not (a eq 1) and b eq 1', { kind: 'and', of: [{ kind: 'not', of: a }, b] }],
    ['not(a eq 1)and(b eq 1)', { kind: 'and', of: [{ kind: 'not', of: a }, b] }],
    ['((a eq 1))', a],
    ['\t a  eq\n1 ', a],
  ])('%s', (text, expected) => {
    expect(parseFilter(text)).toEqual(expected);
  });
});

describe('values', () => {
  const read = (text: string): string => {
    const filter = parseFilter(`a eq ${text}`);
    return filter.kind === 'test' ? filter.value : '';
  };

  test.each([
    ['"a \\"b\\" \\\\ \\u00e9 \\n"', 'a "b" \\ é \n'],
    ['"a) and b] or c"', 'a) and b] or c'],
    ['a(b', 'a(b'],
    ['a"b', 'a"b'],
    ['2014-10-10T10:00:00+02:00', '2014-10-10T10:00:00+02:00'],
    ['2014-10-10T10:00:00 02:00', '2014-10-10T10:00:00 02:00'],
    ['and', 'and'],
    ['""', ''],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });
});

describe('what is malformed is told with its place', () => {
  test.each([
    ['', 1, 'search parameter'],
    ['name', 5, 'operator'],
    ['name ', 6, 'operator'],
    ['name is x', 6, 'not "is"'],
    ['name eqx', 6, 'operator'],
    ['name EQ x', 6, 'operator'],
    ['name eq', 8, 'value'],
    ['name eq ', 9, 'value'],
    ['name eq )', 9, 'value'],
    ['name eq "x', 9, '"'],
    ['name eq "\\x"', 9, 'JSON'],
    ['name eq "\\u0000"', 9, 'whole characters'],
    ['name eq "\\ud800"', 9, 'whole characters'],
    ['name eq "x"y', 12, 'space'],
    ['name eq x y', 11, 'and, or'],
    ['name eq x and', 14, 'search parameter'],
    ['name eq x andy eq z', 11, 'and, or'],
    ['name eq x)', 10, 'and, or'],
    ['(name eq x', 11, ')'],
    ['(name eq x]', 11, ')'],
    ['()', 2, 'search parameter'],
    ['not name eq x', 5, '('],
    ['name:exact eq x', 5, 'space'],
    ['5 eq x', 1, 'search parameter'],
    ['a[b eq x] eq y', 10, '.'],
    ['a[b eq x].', 11, 'search parameter'],
    ['a[b eq x.c eq y', 12, 'and, or'],
    ['a[b eq x', 9, ']'],
    ['a. eq y', 3, 'search parameter'],
    ['\u{1f600} eq x', 1, 'search parameter'],
    ['a eq "\u{1f600}" or', 12, 'search parameter'],
  ])('%s', (text, place, named) => {
    const { code, diagnostics } = refusal(text);
    expect(code).toBe('invalid');
    expect(diagnostics).toContain(`_filter, character ${place}: `);
    expect(diagnostics).toContain(named);
    expect(diagnostics.length).toBeLessThan(250);
  });
});

describe('bounds', () => {
  const nested = (depth: number) => `${'('.repeat(depth)}a eq 1${')'.repeat(depth)}`;
  const negated = (depth: number) => `${'not ('.repeat(depth)}a eq 1${')'.repeat(depth)}`;
  const within = (depth: number) => `${'a['.repeat(depth)}a eq 1${'].a eq 1'.repeat(depth)}`;
  const mixed = (joins: number) =>
    Array.from({ length: joins }, (_, n) => `a eq 1 ${n % 2 === 0 ? 'and' : 'or'} `)
      .join('')
      .concat('a eq 1');

  test.each([
    ['parentheses', nested, 50],
    ['not', negated, 49],
    ['brackets', within, 24],
    ['and and or in turn', mixed, 49],
    ['names of a path', (length: number) => `${'a.'.repeat(length)}a eq 1`, 49],
  ])('%s', (_, build, most) => {
    parseFilter(build(most));
    expect(refusal(build(most + 1)).code).toBe('too-costly');
    expect(refusal(build(1500)).code).toBe('too-costly');
  });

  test('comparisons', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `a eq ${n}`).join(' or ');
    parseFilter(many(200));
    expect(refusal(many(201)).code).toBe('too-costly');
  });

  test('characters', () => {
    parseFilter(`a eq ${'x'.repeat(16_379)}`);
    expect(refusal(`a eq ${'x'.repeat(16_380)}`).code).toBe('too-long');
  });
});
