/** Quantities in units that convert into the one asked for, found by filters alone. https://hl7.org/fhir/R4/search.html#quantity */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decimalKey } from '../../src/fhir/decimal.ts';
import type { Criterion, Parameter, QuantityTest } from '../../src/search/criteria.ts';
import { quantity } from '../../src/store/mongo/compile/quantity.ts';
import { connect } from '../../src/store/mongo/open.ts';
import { openParts } from '../../src/store/mongo/parts.ts';
import { State } from '../../src/store/mongo/state.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { SearchQuery, Store } from '../../src/store/port.ts';
import { commit, put, remove } from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const { url } = databases();
afterEach(() => {
  vi.restoreAllMocks();
});

const ucum = 'http://unitsofmeasure.org';

const weight: Parameter = {
  type: 'Observation',
  code: 'value-quantity',
  kind: 'quantity',
  multiple: false,
  textual: false,
  components: [],
};

const atLeast = (number: string, code: string): QuantityTest => {
  const value = decimalKey(number);
  return { kind: 'quantity', system: ucum, code, interval: [[{ end: 'low', operator: '>=', value }]] };
};
const heavier = (number: string, code: string): Criterion => {
  return { kind: 'value', parameter: weight, anyOf: [atLeast(number, code)] };
};

function weighing(id: string, number: string, code: string, system = ucum) {
  const key = decimalKey(number);
  const value = { kind: 'quantity', low: key, high: key, system, code, unit: code } as const;
  return put('Observation', id, { status: 'final' }, [{ parameter: 'value-quantity', value }]);
}

it('a test is exact where the units that are stored are known', () => {
  const { anyOf, exact } = quantity([atLeast('1', 'kg')], ['kg', 'g', 'cm', 'nonsense']);
  expect(exact).toBe(true);
  // Those of its own unit, and of the one that converts into it.
  expect(anyOf).toHaveLength(2);
  expect(JSON.stringify(anyOf[1])).toContain(JSON.stringify({ c: 'g', s: ucum }));
  expect(quantity([atLeast('1', 'kg')])).toMatchObject({ exact: false });
});

describe('with values in several units', () => {
  let store: Store;
  beforeAll(async () => {
    store = await openMongoStore(url(), {
      cursorLifetime: 60_000,
      timezone: 'UTC',
      parameters: [{ type: weight.type, code: weight.code, definition: '1' }],
      indexes: { small: 0 },
    });
    await commit(store, [
      weighing('kg', '1.5', 'kg'),
      weighing('g', '1500', 'g'),
      weighing('few-g', '2', 'g'),
      weighing('mg', '1500000', 'mg'),
      weighing('lb', '3', '[lb_av]'),
      weighing('few-lb', '2', '[lb_av]'),
      weighing('length', '5000', 'cm'),
      weighing('other-system', '5000', 'g', 'urn:other'),
      weighing('no-code', '5000', ''),
    ]);
  });
  afterAll(() => store.close());

  it('finds them in each', async () => {
    const expected = ['g', 'kg', 'lb', 'mg'];
    expect(await store.matches('Observation', heavier('1', 'kg'), 99)).toEqual(expected);
    expect(await store.matches('Observation', heavier('1000', 'g'), 99)).toEqual(expected);
    const other: Criterion = { kind: 'not', of: heavier('1', 'kg') };
    const rest = ['few-g', 'few-lb', 'length', 'no-code', 'other-system'];
    expect(await store.matches('Observation', other, 99)).toEqual(rest);
  });

  it('without a system the text of the unit counts as its code', async () => {
    const key = decimalKey('5000');
    const value = { kind: 'quantity', low: key, high: key, system: ucum, code: 'g', unit: 'kg' } as const;
    await commit(store, [put('Observation', 'odd', { status: 'final' }, [{ parameter: 'value-quantity', value }])]);
    const found = (number: string) => {
      const interval = [[{ end: 'high', operator: '<=', value: decimalKey(number) }]] as const;
      const test: QuantityTest = { kind: 'quantity', code: 'kg', interval };
      return store.matches('Observation', { kind: 'value', parameter: weight, anyOf: [test] }, 99);
    };
    // 5000 kg, whatever its code says.
    expect(await found('10')).toEqual(['few-g', 'few-lb', 'g', 'kg', 'lb', 'mg']);
    expect(await found('5000')).toContain('odd');
    await commit(store, [remove('Observation', 'odd')]);
  });

  it('a unit that comes is found at once, and on later pages of a walk one that has gone', async () => {
    const criterion = heavier('0.9', 't');
    const query: SearchQuery = {
      parts: [{ type: 'Observation', criterion, sort: [] }],
      count: 1,
      budget: 60_000,
      total: 'none',
      totalBound: 0,
    };
    expect((await store.search(query)).matches).toEqual([]);
    await commit(store, [weighing('x-stone', '200', '[stone_av]'), weighing('a-ton', '1', 't')]);
    const first = await store.search(query);
    expect(first.matches.map(({ id }) => id)).toEqual(['a-ton']);
    await commit(store, [weighing('x-stone', '1', 'cm')]);
    const second = await store.search({ ...query, ...(first.next === undefined ? {} : { position: first.next }) });
    expect(second.matches.map(({ id, versionId }) => [id, versionId])).toEqual([['x-stone', 1]]);
    await commit(store, [remove('Observation', 'x-stone'), remove('Observation', 'a-ton')]);
    expect((await store.search(query)).matches).toEqual([]);
  });
});

it.each([false, true])(
  'where others write, the units that are stored are known, on shards too: %s',
  async (sharded) => {
    const database = url();
    const parameters = [{ type: weight.type, code: weight.code, definition: '1' }];
    const other = await openMongoStore(database, { cursorLifetime: 60_000, timezone: 'UTC', parameters });
    const connection = { ...(await connect(database)), sharded };
    const { searcher, processes, close } = await openParts(connection, { cursorLifetime: 60_000, timezone: 'UTC' });
    await processes.start();
    await commit(other, [weighing('kg', '1.5', 'kg'), weighing('g', '1500', 'g'), weighing('few-g', '2', 'g')]);
    const texts = vi.spyOn(State.prototype, 'texts');
    expect(await searcher.matches('Observation', heavier('1', 'kg'), 9)).toEqual(['g', 'kg']);
    const told = expect.arrayContaining(['g', 'kg']);
    expect(texts).toHaveBeenCalled();
    for (const result of texts.mock.settledResults) expect(result).toEqual({ type: 'fulfilled', value: told });
    await close();
    await other.close();
  },
);
