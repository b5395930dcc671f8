/** What is remembered of a search is forgotten when resources change that it may find. https://hl7.org/fhir/R4/search.html#total */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { SearchQuery, Store, TypeQuery } from '../../src/store/port.ts';
import { LastChanges, Remembered } from '../../src/store/sqlite/remembered.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import {
  code,
  commit,
  day,
  erase,
  identified,
  link,
  observation,
  patient,
  put,
  remove,
  subject,
} from '../contract/subject.ts';

const ofPatient = (id: string): Criterion => {
  return { kind: 'value', parameter: subject, anyOf: [{ kind: 'reference', type: 'Patient', id }] };
};
const withCode = (value: string): Criterion => {
  return { kind: 'value', parameter: code, anyOf: [{ kind: 'token', system: 'urn:codes', code: value, fold: false }] };
};

describe('a search that comes again', () => {
  let store: Store;
  beforeEach(async () => {
    store = await openSqliteStore('sqlite::memory:', {
      cursorLifetime: day,
      timezone: 'UTC',
      parameters: [code, subject, link, { type: 'Patient', code: 'identifier' }].map((parameter) => {
        return { type: parameter.type, code: parameter.code, definition: '1' };
      }),
    });
  });
  afterEach(() => store.close());

  async function counted(type: string, criterion: Criterion): Promise<number | undefined> {
    const parts = [{ type, criterion, sort: [] }];
    const query: SearchQuery = { parts, count: 1, total: 'bounded', totalBound: 100, budget: 60_000 };
    const page = await store.search(query);
    expect(page.matches.length).toBe(Math.min(page.total ?? 0, 1));
    expect((await store.search({ ...query, count: 0, total: 'accurate' })).total).toBe(page.total);
    return page.total;
  }

  it('finds what was made, changed and deleted since', async () => {
    expect(await counted('Observation', withCode('weight'))).toBe(0);
    await commit(store, [patient('p', 'p')]);
    expect(await counted('Observation', withCode('weight'))).toBe(0);
    await commit(store, [observation('a', 'p'), observation('b', 'p'), observation('c', 'p', 'height')]);
    expect(await counted('Observation', withCode('weight'))).toBe(2);
    expect(await counted('Observation', ofPatient('p'))).toBe(3);
    await commit(store, [observation('c', 'p')]);
    expect(await counted('Observation', withCode('weight'))).toBe(3);
    await commit(store, [patient('q', 'q'), remove('Patient', 'q')]);
    expect(await counted('Observation', withCode('weight'))).toBe(3);
    await commit(store, [remove('Observation', 'a')]);
    expect(await counted('Observation', withCode('weight'))).toBe(2);
  });

  it('finds what refers to a resource that was erased and made again', async () => {
    await commit(store, [patient('p', 'p'), patient('q', 'q')]);
    expect(await counted('Observation', ofPatient('p'))).toBe(0);
    await commit(store, [erase('Patient', 'p')]);
    expect(await counted('Patient', identified('p'))).toBe(0);
    await commit(store, [patient('r', 'r'), patient('p', 'p')]);
    expect(await counted('Patient', identified('p'))).toBe(1);
    await commit(store, [observation('a', 'p'), observation('b', 'r')]);
    expect(await counted('Observation', ofPatient('p'))).toBe(1);
    await commit(store, [erase('Observation', 'a')]);
    expect(await counted('Observation', ofPatient('p'))).toBe(0);
  });

  it('looks at other types where the criterion does', async () => {
    const referenced: Criterion = { kind: 'referenced', parameter: subject, by: ['a'] };
    const either: Criterion = { kind: 'not', of: { kind: 'and', of: [referenced] } };
    await commit(store, [patient('p', 'p'), patient('q', 'q')]);
    expect(await counted('Patient', referenced)).toBe(0);
    expect(await counted('Patient', either)).toBe(2);
    await commit(store, [observation('a', 'p')]);
    expect(await counted('Patient', referenced)).toBe(1);
    expect(await counted('Patient', either)).toBe(1);
  });

  it('looks at the hierarchy that the criterion follows', async () => {
    const below: Criterion = { kind: 'hierarchy', parameter: subject, by: link, direction: 'below', from: ['p'] };
    await commit(store, [patient('p', 'p'), patient('q', 'q'), observation('a', 'p'), observation('b', 'q')]);
    expect(await counted('Observation', below)).toBe(1);
    const toP = { kind: 'reference', type: 'Patient', id: 'p', version: '' } as const;
    await commit(store, [put('Patient', 'q', {}, [{ parameter: 'link', value: toP }])]);
    expect(await counted('Observation', below)).toBe(2);
    await commit(store, [patient('q', 'q')]);
    expect(await counted('Observation', below)).toBe(1);
  });
});

describe('Remembered', () => {
  it('finds out again only after a change of the type', () => {
    const changes = new Map([['Patient', 3]]);
    const remembered = new Remembered<object>(new LastChanges((type) => changes.get(type) ?? 0), 10);
    const queries = [{ type: 'Patient', criterion: identified('p'), sort: [] }];
    const first = remembered.get(queries, 3, () => ({}));
    expect(remembered.get(queries, 3, () => ({}))).toBe(first);
    expect(remembered.get(queries, 4, () => ({}))).toBe(first);
    expect(remembered.get([...queries], 4, () => ({}))).toBe(first);
    changes.set('Patient', 5);
    const second = remembered.get(queries, 5, () => ({}));
    expect(second).not.toBe(first);
    expect(remembered.get([...queries], 5, () => ({}))).toBe(second);
  });

  it('knows a search of many values by its object alone', () => {
    const changes = new Map([['Patient', 3]]);
    const remembered = new Remembered<object>(new LastChanges((type) => changes.get(type) ?? 0), 10);
    const ids = Array.from({ length: 65 }, (_, index) => `p${index}`);
    const queries: readonly TypeQuery[] = [{ type: 'Patient', criterion: { kind: 'id', ids }, sort: [] }];
    const first = remembered.get(queries, 3, () => ({}));
    expect(remembered.get(queries, 4, () => ({}))).toBe(first);
    expect(remembered.get([...queries], 4, () => ({}))).not.toBe(first);
    changes.set('Patient', 5);
    expect(remembered.get(queries, 5, () => ({}))).not.toBe(first);
  });
});
