/** How totals of one criterion are counted: what is read, and how often the time is looked at. https://hl7.org/fhir/R4/search.html#total */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Criterion, Parameter, ValueTest } from '../../src/search/criteria.ts';
import type { SearchQuery } from '../../src/store/port.ts';
import { StatementWatch } from '../../src/store/sqlite/explain.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { sql } from '../../src/store/sqlite/sql.ts';
import { Statements } from '../../src/store/sqlite/statements.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import { commit, day, put, remove } from '../contract/subject.ts';
import { bySorting } from './reading.ts';

const single = (code: string, kind: Parameter['kind']): Parameter => {
  return { type: 'Observation', code, kind, multiple: false, textual: false, components: [] };
};
const status = single('status', 'token');
const when = single('when', 'date');
const note = single('note', 'string');

/** More than two looks at the time: a tick is at each 1,024th row. */
const many = 2200;
const thresholds = { ...bySorting, unwatched: 100, few: 400 };

const passing = (parameter: Parameter, ...anyOf: readonly ValueTest[]): Criterion => {
  return { kind: 'value', parameter, anyOf };
};
const counting = (criterion: Criterion): SearchQuery => {
  const parts = [{ type: 'Observation', criterion, sort: [] }];
  return { parts, count: 0, total: 'accurate', totalBound: 100, budget: 60_000 };
};

let db: Database;
let writer: InlineWriter;
let searcher: Searcher;
let looks = 0;
beforeEach(() => {
  db = openDatabase(':memory:');
  migrate(db);
  registerParameters(
    db,
    [status, when, note].map(({ type, code }) => ({ type, code, definition: '1' })),
  );
  const options = { clock: Date.now, cursorLifetime: day };
  writer = new InlineWriter(writerEngine(db, options), currentParameters(db));
  const stopped = (): boolean => {
    looks++;
    return false;
  };
  searcher = new Searcher(db, { ...options, thresholds, stopped });
});
afterEach(async () => {
  vi.useRealTimers();
  await writer.close();
  db.close();
});

const write = (from: number, to: number) =>
  commit(
    writer,
    Array.from({ length: to - from }, (_, place) => {
      const n = from + place;
      return put('Observation', `o${n}`, {}, [
        { parameter: 'status', value: { kind: 'token', system: '', value: n % 3 === 0 ? 'amended' : 'final' } },
        { parameter: 'when', value: { kind: 'date', low: n * 1000, high: n * 1000 + 1000 } },
        { parameter: 'note', value: { kind: 'string', norm: `smith ${n}`, exact: `Smith ${n}` } },
      ]);
    }),
  );

const beginning = passing(note, { kind: 'string', match: 'starts', value: 'smith' });
const token = (code: string) => ({ kind: 'token', code, fold: false, system: '' }) as const;

describe('a total of one criterion', () => {
  it.each<[string, Criterion, number]>([
    [
      'dates after one',
      passing(when, { kind: 'date', interval: [[{ end: 'high', operator: '>', value: 500_000 }]] }),
      many - 500,
    ],
    [
      'dates that begin or end after one',
      passing(when, {
        kind: 'date',
        interval: [[{ end: 'high', operator: '>', value: 500_600 }], [{ end: 'low', operator: '>=', value: 500_500 }]],
      }),
      many - 500,
    ],
    ['a beginning', beginning, many],
  ])('of %s reads each row but a few once', async (_, criterion, expected) => {
    await write(0, many);
    const { total, steps } = searcher.explain(counting(criterion));
    expect(total).toBe(expected);
    const examined = steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0);
    expect(examined).toBeGreaterThanOrEqual(expected);
    expect(examined).toBeLessThanOrEqual(expected + thresholds.unwatched);
  });

  it('is right where there are more rows than there is surely time for', async () => {
    await write(0, many);
    // 600 and a half in the 10 ms that a quick count has: the clock stands still.
    const counted = 60.05;
    const timed = new Searcher(db, { clock: Date.now, cursorLifetime: day, thresholds: { ...thresholds, counted } });
    vi.useFakeTimers({ toFake: ['performance'] });
    expect(timed.search(counting(beginning)).total).toBe(many);
  });

  it.each<[string, Criterion, number]>([
    ['a code', passing(status, token('amended')), Math.ceil(many / 3)],
    ['either code', passing(status, token('amended'), token('final')), many],
    ['a text', passing(note, { kind: 'string', match: 'exact', value: 'Smith 7' }), 1],
    ['a code that nothing has', passing(status, token('other')), 0],
  ])('of what is without %s looks at no other', async (_, of, others) => {
    await write(0, many);
    const { total, steps } = searcher.explain(counting({ kind: 'not', of }));
    expect(total).toBe(many - others);
    expect(steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0)).toBeLessThanOrEqual(2 * others);
  });

  it('of what many find, and of a code that hardly any lacks, looks at these few', async () => {
    await write(0, many);
    // Written anew with another body: all are final, but for one without a state, one of another and one of both.
    const state = (code: string) =>
      ({ parameter: 'status', value: { kind: 'token', system: '', value: code } }) as const;
    const statesOf = (n: number) => {
      if (n === 3) return [];
      if (n === 6) return [state('other')];
      return n === 9 ? [state('final'), state('other')] : [state('final')];
    };
    const others = Array.from({ length: many / 3 }, (_, n) => 3 * n);
    await commit(
      writer,
      others.map((n) => {
        const when = { parameter: 'when', value: { kind: 'date', low: n * 1000, high: n * 1000 + 1000 } } as const;
        return put('Observation', `o${n}`, { language: 'en' }, [...statesOf(n), when]);
      }),
    );
    await commit(writer, [remove('Observation', 'o12')]);
    const early = passing(when, { kind: 'date', interval: [[{ end: 'low', operator: '<', value: 1_500_000 }]] });
    const usual = passing(status, token('final'), token('nearly final'));
    await commit(writer, [put('Observation', 'o1', { language: 'en' }, [state('nearly final')])]);
    const criterion: Criterion = { kind: 'and', of: [usual, early] };
    const { total, steps } = searcher.explain(counting(criterion));
    expect(total).toBe(1500 - 4);
    const access = steps.flatMap((step) => step.access).join();
    expect(access).toContain('SEARCH d USING PRIMARY KEY (param=? AND code>?)');
    // Each of those dates once, and the few that lack the state.
    expect(steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0)).toBeLessThanOrEqual(1500 + thresholds.few);
    for (const totalBound of [0, 100, 1494, 1495, 1496, 1497, 5000]) {
      const bounded = searcher.search({ ...counting(criterion), total: 'bounded', totalBound });
      expect(bounded.total, `${totalBound}`).toBe(totalBound < 1496 ? undefined : 1496);
    }
  });

  it('of a code that hardly any lacked a moment ago isn’t taken for more than it is', async () => {
    await write(0, many);
    const coded = (n: number, code: string, language: string) =>
      put('Observation', `o${n}`, { language }, [
        { parameter: 'status', value: { kind: 'token', system: '', value: code } },
        { parameter: 'when', value: { kind: 'date', low: n * 1000, high: n * 1000 + 1000 } },
      ]);
    const numbers = Array.from({ length: many }, (_, n) => n);
    await commit(
      writer,
      numbers.map((n) => coded(n, 'final', 'en')),
    );
    const early = passing(when, { kind: 'date', interval: [[{ end: 'low', operator: '<', value: 1e12 }]] });
    const criterion: Criterion = { kind: 'and', of: [passing(status, token('final')), early] };
    const bounded = () => searcher.search({ ...counting(criterion), total: 'bounded', totalBound: 100 }).total;
    expect(bounded()).toBeUndefined();
    await commit(
      writer,
      numbers.slice(10).map((n) => coded(n, 'amended', 'fr')),
    );
    expect(bounded()).toBe(10);
  });

  it('of what is without something that many have, and of which rows tell nothing, is right', async () => {
    await write(0, many);
    const of = passing(note, { kind: 'string', match: 'contains', value: '77' });
    const without = Array.from({ length: many }, (_, n) => `${n}`).filter((text) => !text.includes('77')).length;
    expect(searcher.search(counting({ kind: 'not', of })).total).toBe(without);
    const bounded = { ...counting({ kind: 'not', of: passing(status, token('amended')) }), total: 'bounded' } as const;
    expect(searcher.search(bounded).total).toBeUndefined();
  });

  it.each<[string, Criterion]>([
    ['a part of a string', passing(note, { kind: 'string', match: 'contains', value: 'zzz' })],
    ['what differs', { kind: 'differs', parameter: status, from: [token('final'), token('amended')] }],
  ])('of %s looks at the time though nothing is found', async (_, criterion) => {
    const looksFor = (): number => {
      looks = 0;
      expect(searcher.search(counting(criterion)).total).toBe(0);
      return looks;
    };
    await write(0, 300);
    looksFor();
    await write(300, 310);
    const few = looksFor();
    await write(310, many);
    expect(looksFor() - few).toBeGreaterThanOrEqual(2);
  });
});

describe('the steps of a search', () => {
  it('have nothing of what runs after them', () => {
    const watch = new StatementWatch(db);
    const statements = new Statements(db, () => {}, watch);
    const query = sql`SELECT count(examined())`;
    statements.all(query);
    const { steps } = watch;
    statements.all(query);
    expect(steps).toHaveLength(1);
    expect(watch.steps).toHaveLength(2);
  });
});
