/** How far the embedded store follows a hierarchy. https://hl7.org/fhir/R4/search.html#reference */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Criterion, HierarchyCriterion } from '../../src/search/criteria.ts';
import { TooCostly } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { code, commit, day, failureOf, link, observation, put, remove, subject } from '../contract/subject.ts';

let store: Store;
beforeEach(async () => {
  store = await openSqliteStore('sqlite::memory:', {
    cursorLifetime: day,
    timezone: 'UTC',
    parameters: [code, subject, link].map((each) => ({ type: each.type, code: each.code, definition: '1' })),
  });
});
afterEach(() => store.close());

const part = (id: string, of: string) =>
  put('Patient', id, {}, [{ parameter: 'link', value: { kind: 'reference', type: 'Patient', id: of, version: '' } }]);
const from = (direction: HierarchyCriterion['direction'], id: string): Criterion => {
  return { kind: 'hierarchy', parameter: subject, by: link, direction, from: [id] };
};

it('a chain of thousands is followed to its end, what is deleted ends it', async () => {
  const chain = Array.from({ length: 3000 }, (_, n) => part(`p${n + 1}`, `p${n}`));
  await commit(store, [...chain, observation('first', 'p0'), observation('last', 'p3000')]);
  expect(await store.matches('Observation', from('below', 'p0'), 9)).toEqual(['first', 'last']);
  expect(await store.matches('Observation', from('above', 'p3000'), 9)).toEqual(['first', 'last']);
  await commit(store, [remove('Patient', 'p1500')]);
  expect(await store.matches('Observation', from('below', 'p0'), 9)).toEqual(['first']);
  expect(await store.matches('Observation', from('above', 'p3000'), 9)).toEqual(['last']);
  // What refers to it is still below it.
  expect(await store.matches('Observation', from('below', 'p1500'), 9)).toEqual(['last']);
});

it('more than 10,000 resources are too costly', async () => {
  const parts = Array.from({ length: 10_000 }, (_, n) => part(`p${n}`, 'whole'));
  await commit(store, [...parts, observation('o', 'p5')]);
  expect(await failureOf(store.matches('Observation', from('below', 'whole'), 9))).toBeInstanceOf(TooCostly);
  expect(await store.matches('Observation', from('below', 'p5'), 9)).toEqual(['o']);
  await commit(store, [remove('Patient', 'p7')]);
  expect(await store.matches('Observation', from('below', 'whole'), 9)).toEqual(['o']);
});
