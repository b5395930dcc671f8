/** Counts of index rows: what is counted by them, and that they are those of the rows after whatever is written. https://hl7.org/fhir/R4/search.html#total */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Criterion, DateTest, Parameter, ValueTest } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import type { SearchQuery } from '../../src/store/port.ts';
import type { Engine } from '../../src/store/sqlite/engine.ts';
import { migrate, schemaVersion } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { packWrites } from '../../src/store/sqlite/pack.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { stretchMilliseconds, wrongCounts } from '../../src/store/sqlite/row-counts.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { setSetting } from '../../src/store/sqlite/settings.ts';
import type { CommitTask, TaskResult } from '../../src/store/sqlite/tasks.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import type { Write } from '../../src/store/write.ts';
import { day, erase, put, remove } from '../contract/subject.ts';
import { bySorting } from './reading.ts';

const type = 'Observation';
const parameter = (code: string, kind: Parameter['kind'], multiple = false): Parameter => {
  return { type, code, kind, multiple, textual: false, components: [] };
};
const status = parameter('status', 'token');
const category = parameter('category', 'token', true);
const when = parameter('when', 'date');

const hour = 3_600_000;
const options = { clock: () => 1, cursorLifetime: day };

let db: Database;
let engine: Engine;
beforeEach(() => {
  db = openDatabase(':memory:');
  migrate(db);
  registerParameters(
    db,
    [status, category, when].map(({ code }) => ({ type, code, definition: '1' })),
  );
  engine = writerEngine(db, options);
});
afterEach(() => {
  db.close();
});

function taskOf(writes: readonly Write[]): CommitTask {
  const packed = packWrites(writes, 0, writes.length, currentParameters(db));
  const none = { conditions: [], mustExist: [], mustBeUnreferenced: [], audit: [], notes: [] };
  return { kind: 'commit', writes: [packed], ...none };
}

const run = (...writes: readonly Write[]): readonly TaskResult[] => engine.run([taskOf(writes)]);
const ofToken = (code: string, value: string, system = ''): IndexEntry => {
  return { parameter: code, value: { kind: 'token', system, value } };
};
const ofDate = (low: number, high: number): IndexEntry => ({ parameter: 'when', value: { kind: 'date', low, high } });
const rowsCounted = () => db.prepare<[number]>('SELECT coalesce(sum(rows), 0) FROM row_count').get()?.[0];

describe('a total by counts', () => {
  const many = 2200;
  /** All but those of each third hour. */
  const laboratory = many - Math.floor((many + 1) / 3);
  const thresholds = { ...bySorting, unwatched: 100, few: 400 };
  const passing = (of: Parameter, ...anyOf: readonly ValueTest[]): Criterion => ({
    kind: 'value',
    parameter: of,
    anyOf,
  });
  const token = (code: string, system?: string): ValueTest => {
    return { kind: 'token', code, fold: false, ...(system !== undefined && { system }) };
  };
  const dates = (...interval: DateTest['interval']): Criterion => passing(when, { kind: 'date', interval });
  const start = stretchMilliseconds / 2;
  const low = (operator: '<' | '>=', hours: number) => {
    return { end: 'low', operator, value: start + hours * hour } as const;
  };
  const ending = (hours: number) => ({ end: 'high', operator: '>', value: start + hours * hour }) as const;
  const counting = (criterion: Criterion): SearchQuery => {
    const parts = [{ type, criterion, sort: [] }];
    return { parts, count: 0, total: 'accurate', totalBound: 100, budget: 60_000 };
  };

  /** One for each hour from the middle of a stretch on; one in a hundred takes three days, and one a year. */
  beforeEach(() => {
    run(
      ...Array.from({ length: many }, (_, n) => {
        const begun = start + n * hour;
        const hours = n === 70 ? 8760 : n % 100 === 0 ? 72 : 1;
        return put(type, `o${n}`, {}, [
          ofToken('status', n % 3 === 0 ? 'amended' : 'final'),
          ...(n % 3 === 1 ? [] : [ofToken('category', 'laboratory', 'urn:a')]),
          ...(n % 2 === 0 ? [ofToken('category', 'imaging', 'urn:a')] : []),
          ofDate(begun, begun + hours * hour),
        ]);
      }),
    );
    // A code of the same text that nothing has in this parameter.
    run(put(type, 'other', {}, [ofToken('status', 'laboratory', 'urn:b')]));
  });

  it.each<[string, Criterion, number]>([
    ['a code', passing(status, token('amended')), Math.ceil(many / 3)],
    ['two codes', passing(status, token('final'), token('amended')), many],
    ['a code that others have too, in a parameter of several', passing(category, token('laboratory')), laboratory],
    ['two codes of several', passing(category, token('imaging'), token('none')), many / 2],
    [
      'what is without a code of several',
      { kind: 'not', of: passing(category, token('laboratory')) },
      many - laboratory + 1,
    ],
    ['dates that begin before an hour', dates([low('<', 1500)]), 1500],
    ['dates between two hours', dates([low('>=', 300), low('<', 2000)]), 1700],
    // That of a year, and none of three days: 500 + 72.
    ['dates that end after an hour', dates([ending(572)]), many - 572 + 1],
    ['dates that end no later than an hour', { kind: 'not', of: dates([ending(572)]) }, 572],
    ['dates that end before it or after it', dates([ending(571.5)]), many - 571 + 1 + 1],
    ['dates that end after an hour or begin in it', dates([ending(573)], [low('>=', 572)]), many - 572 + 1],
    ['dates that begin and end as is asked', dates([ending(572), low('<', 2000)]), 2000 - 572 + 1],
  ])('of %s reads few rows', (name, criterion, expected) => {
    const { total, steps } = new Searcher(db, { ...options, thresholds }).explain(counting(criterion));
    expect(total).toBe(expected);
    // Of dates those that are counted together with either bound, and those of two days before it.
    const together = stretchMilliseconds / hour + 48 + thresholds.unwatched;
    const examined = steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0);
    expect(examined).toBeLessThanOrEqual(name.startsWith('dates') ? 2 * together : 5);
  });

  it('of two codes that one resource may have looks at which have either', () => {
    const either = counting(passing(category, token('laboratory'), token('imaging')));
    // Each third hour has no `laboratory`, each other one of those no `imaging`.
    expect(new Searcher(db, options).search(either).total).toBe(many - Math.floor((many + 2) / 6));
  });
});

describe('counts of rows', () => {
  it('are not those of a commit that failed while it wrote', () => {
    const good = taskOf([put(type, 'a', {}, [ofToken('status', 'final'), ofDate(1, 2)])]);
    const bad = taskOf([
      put(type, 'b', {}, [ofToken('status', 'final'), ofDate(3, 4)]),
      put(type, 'c', {}, [ofToken('status', 'final'), ofDate(3, 4)]),
    ]);
    const refused = { ...bad, mustExist: ['Patient', 'nobody'] };
    const broken = { ...bad, writes: bad.writes.map((each) => ({ ...each, entries: each.entries.slice(0, -1) })) };
    expect(engine.run([good, refused]).map(({ ok }) => ok)).toEqual([true, false]);
    expect([rowsCounted(), wrongCounts(db)]).toEqual([2, 0]);
    expect(engine.run([broken, bad]).map(({ ok }) => ok)).toEqual([false, true]);
    expect([rowsCounted(), wrongCounts(db)]).toEqual([6, 0]);
  });

  it('are made of a store of an earlier release', () => {
    run(
      put(type, 'a', {}, [ofToken('status', 'final'), ofDate(-1, 2)]),
      put(type, 'b', {}, [ofToken('status', 'final')]),
      // Half a millisecond before 1970; rows of places are numbers like this one, too.
      put(type, 'c', {}, [ofDate(-0.5, 2)]),
    );
    db.exec('DROP TABLE row_count');
    setSetting(db, 'schema', schemaVersion - 1);
    migrate(db);
    expect(db.prepare('SELECT part, rows FROM row_count WHERE param = 3').all()).toEqual([[-1, 2]]);
    expect([rowsCounted(), wrongCounts(db)]).toEqual([4, 0]);
  });

  it('are those of the rows, whatever is written', () => {
    const codes = fc.constantFrom('final', 'amended', 'x');
    const instant = fc.constantFrom(
      -stretchMilliseconds - 0.5,
      -1e9,
      -1,
      -0.5,
      0,
      5,
      stretchMilliseconds - 1,
      stretchMilliseconds,
      2.5e12,
      8.64e15,
    );
    const entries = fc
      .record({
        statuses: fc.array(codes, { maxLength: 1 }),
        // The same twice is one row.
        categories: fc.array(codes, { maxLength: 4 }),
        dates: fc.array(instant, { maxLength: 2 }),
      })
      .map(({ statuses, categories, dates }) => [
        ...statuses.map((each) => ofToken('status', each)),
        ...categories.map((each) => ofToken('category', each)),
        ...dates.map((each) => ofDate(each, each + 1)),
      ]);
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const write = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(id, entries, fc.nat()).map(([one, list, n]) => put(type, one, { n }, list)) },
      { weight: 1, arbitrary: id.map((one) => remove(type, one)) },
      { weight: 1, arbitrary: id.map((one) => erase(type, one)) },
    );
    const group = fc.array(
      fc.record({ writes: fc.array(write, { minLength: 1, maxLength: 4 }), fails: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 8 }), fc.boolean(), (groups, walked) => {
        if (walked) engine.run([{ kind: 'walks', until: day }]);
        for (const tasks of groups) {
          engine.run(
            tasks.map(({ writes, fails }) => ({ ...taskOf(writes), mustExist: fails ? ['Patient', 'nobody'] : [] })),
          );
          expect(wrongCounts(db)).toBe(0);
        }
        expect(db.prepare('SELECT count(*) FROM row_count WHERE rows <= 0').get()).toEqual([0]);
      }),
    );
    expect(rowsCounted()).toBeGreaterThan(0);
  });
});
