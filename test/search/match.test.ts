/** The meaning of criteria and sorts, apart from stores. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalKey } from '../../src/fhir/decimal.ts';
import type { Criterion, Parameter, SortKey } from '../../src/search/criteria.ts';
import type { IndexEntry, IndexValue } from '../../src/search/entry.ts';
import { compareBy, type Indexed, matches, type Others } from '../../src/search/match.ts';
import { arbitraryCriterion, arbitraryResources, arbitrarySort, parametersOf } from './arbitraries.ts';

function parameter(code: string): Parameter {
  const found = parametersOf('Patient').find((each) => each.code === code);
  if (found === undefined) throw new Error(`no parameter ${code}`);
  return found;
}

function indexed(id: string, ...entries: readonly (readonly [string, IndexValue])[]): Indexed {
  const list = entries.map(([code, value]): IndexEntry => ({ parameter: code, value }));
  return { type: 'Patient', id, lastUpdated: 1000, entries: list };
}

describe('criteria', () => {
  test('what holds and what does not hold are all', () => {
    fc.assert(
      fc.property(arbitraryResources, arbitraryCriterion('Patient'), (resources, criterion) => {
        for (const resource of resources) {
          expect(matches({ kind: 'not', of: criterion }, resource)).toBe(!matches(criterion, resource));
          expect(matches({ kind: 'and', of: [criterion, criterion] }, resource)).toBe(matches(criterion, resource));
          expect(matches({ kind: 'or', of: [criterion, criterion] }, resource)).toBe(matches(criterion, resource));
        }
      }),
    );
  });

  test('`and` of nothing holds always, `or` of nothing never', () => {
    expect(matches({ kind: 'and', of: [] }, indexed('a'))).toBe(true);
    expect(matches({ kind: 'or', of: [] }, indexed('a'))).toBe(false);
  });

  test('a referenced resource is found through its sources', () => {
    const subject = parametersOf('Observation').find(({ code }) => code === 'subject');
    if (subject === undefined) throw new Error('no parameter');
    const criterion: Criterion = { kind: 'referenced', parameter: subject, by: ['o'] };
    const value: IndexValue = { kind: 'reference', type: 'Patient', id: 'a', version: '' };
    const source = { type: 'Observation', id: 'o', lastUpdated: 0, entries: [{ parameter: 'subject', value }] };
    const others: Others = {
      get: (type, id) => (type === 'Observation' && id === 'o' ? source : undefined),
      of: (type) => (type === 'Observation' ? [source] : []),
    };
    expect(matches(criterion, indexed('a'), others)).toBe(true);
    expect(matches(criterion, indexed('b'), others)).toBe(false);
    expect(matches({ ...criterion, by: ['x'] }, indexed('a'), others)).toBe(false);
  });

  test('components of a composite are tested within one repetition', () => {
    const pair = (code: string, number: string): IndexValue => ({
      kind: 'composite',
      components: [
        { kind: 'token', system: '', value: code },
        { kind: 'quantity', low: decimalKey(number), high: decimalKey(number), system: '', code: '', unit: '' },
      ],
    });
    const resource = indexed('a', ['code-value-quantity', pair('x', '1')], ['code-value-quantity', pair('y', '2')]);
    const criterion = (code: string, number: string): Criterion => ({
      kind: 'value',
      parameter: parameter('code-value-quantity'),
      anyOf: [
        {
          kind: 'composite',
          components: [
            { kind: 'token', code, fold: false },
            { kind: 'quantity', interval: [[{ end: 'low', operator: '>=', value: decimalKey(number) }]] },
          ],
        },
      ],
    });
    expect(matches(criterion('x', '1'), resource)).toBe(true);
    expect(matches(criterion('x', '2'), resource)).toBe(false);
    expect(matches(criterion('y', '2'), resource)).toBe(true);
  });
});

describe('sorts', () => {
  const order = (sort: readonly SortKey[], ...resources: readonly Indexed[]): readonly string[] =>
    [...resources].sort(compareBy(sort)).map(({ id }) => id);

  test('lowest value ascending, highest descending, missing last in both', () => {
    const date = (low: number, high: number): readonly [string, IndexValue] => ['date', { kind: 'date', low, high }];
    const resources = [indexed('none'), indexed('wide', date(1, 9), date(3, 4)), indexed('middle', date(2, 5))];
    const by = parameter('date');
    expect(order([{ by, descending: false }], ...resources)).toEqual(['wide', 'middle', 'none']);
    expect(order([{ by, descending: true }], ...resources)).toEqual(['wide', 'middle', 'none']);
    const later = indexed('later', date(4, 6));
    expect(order([{ by, descending: true }], ...resources, later)).toEqual(['wide', 'later', 'middle', 'none']);
  });

  test('text by code points', () => {
    const string = (norm: string): readonly [string, IndexValue] => ['name', { kind: 'string', norm, exact: norm }];
    const resources = ['\u{1f600}', '\ufb01', 'z', 'a', 'ab'].map((text) => indexed(text, string(text)));
    expect(order([{ by: parameter('name'), descending: false }], ...resources)).toEqual([
      'a',
      'ab',
      'z',
      '\ufb01',
      '\u{1f600}',
    ]);
    const bytes = ['a', 'ab', 'z', '\ufb01', '\u{1f600}'].map((text) => Buffer.from(text));
    expect([...bytes].sort(Buffer.compare)).toEqual(bytes);
  });

  test('logical references do not count where references are sorted', () => {
    const identifier: IndexValue = { kind: 'identifier', system: '', value: 'A' };
    const reference: IndexValue = { kind: 'reference', type: 'Patient', id: 'x', version: '' };
    const resources = [indexed('logical', ['subject', identifier]), indexed('literal', ['subject', reference])];
    expect(order([{ by: parameter('subject'), descending: false }], ...resources)).toEqual(['literal', 'logical']);
  });

  test('any sort is an order', () => {
    fc.assert(
      fc.property(arbitraryResources, arbitrarySort('Patient'), (resources, sort) => {
        const compare = compareBy(sort);
        const patients = resources.filter(({ type }) => type === 'Patient');
        for (const a of patients) {
          expect(compare(a, a)).toBe(0);
          for (const b of patients) {
            expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).toBe(0);
            for (const c of patients)
              if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
          }
        }
      }),
    );
  });
});
