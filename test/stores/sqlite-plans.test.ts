/** Rare, middling and common criteria, alone, together and sorted: none reads the common side. https://hl7.org/fhir/R4/search.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decimalKey } from '../../src/fhir/decimal.ts';
import type { Criterion, Parameter, SortKey } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import type { Position, SearchPage } from '../../src/store/port.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import type { Thresholds } from '../../src/store/sqlite/thresholds.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import { commit, day, put } from '../contract/subject.ts';

const parameter = (code: string, kind: Parameter['kind']): Parameter => {
  return { type: 'Observation', code, kind, multiple: false, textual: false, components: [] };
};
const code = parameter('code', 'token');
const status = parameter('status', 'token');
const subject = parameter('subject', 'reference');
const when = parameter('when', 'date');
const size = parameter('size', 'quantity');

/** A tenth of what a server has where these are its own: the smallest size at which all of them matter. */
const thresholds: Thresholds = {
  probes: [16, 512],
  sorted: 512,
  kept: 30,
  listed: 100,
  unwatched: 1000,
  counted: 0,
  few: 512,
  gathered: 64,
};
const all = 8_000;
/** Matches on a page. */
const count = 20;

interface Asked {
  readonly name: string;
  readonly criterion: Criterion;
  readonly finds: (n: number) => boolean;
}

const coded = (of: Parameter, value: string): Criterion => {
  return { kind: 'value', parameter: of, anyOf: [{ kind: 'token', system: '', code: value, fold: false }] };
};
const before = (of: Parameter, value: number): Criterion => {
  return {
    kind: 'value',
    parameter: of,
    anyOf: [{ kind: 'date', interval: [[{ end: 'low', operator: '<', value }]] }],
  };
};
/** As `ge` means it. */
const since = (of: Parameter, value: number): Criterion => {
  const interval = [
    [{ end: 'high', operator: '>', value: value + day }],
    [{ end: 'low', operator: '>=', value }],
  ] as const;
  return { kind: 'value', parameter: of, anyOf: [{ kind: 'date', interval }] };
};

/** As `gt` means it, in any unit. */
const above = (of: Parameter, value: number): Criterion => {
  const interval = [[{ end: 'high', operator: '>', value: decimalKey(String(value)) }]] as const;
  return { kind: 'value', parameter: of, anyOf: [{ kind: 'quantity', interval }] };
};

const codeOf = (n: number): string => (n % 1000 === 7 ? 'rare' : n % 40 === 3 ? 'middling' : 'common');
/** Dates in another order than that of creation. */
const timeOf = (n: number): number => ((n * 3_571) % all) * day;
/** Sizes, of which some are ranges. */
const sizeOf = (n: number): number => (n * 1_237) % 977;
const upTo = (n: number): number => (n % 400 === 9 ? sizeOf(n) + 30 : sizeOf(n));
/** What is referred to, each of which an order of references looks at. */
const patients = 900;
const asked: readonly Asked[] = [
  { name: 'a rare code', criterion: coded(code, 'rare'), finds: (n) => codeOf(n) === 'rare' },
  {
    name: 'a rare reference',
    criterion: {
      kind: 'value',
      parameter: subject,
      anyOf: [{ kind: 'reference', type: 'Patient', id: 'p5' }],
    },
    finds: (n) => n % patients === 5,
  },
  { name: 'a middling code', criterion: coded(code, 'middling'), finds: (n) => codeOf(n) === 'middling' },
  { name: 'a middling time', criterion: before(when, 250 * day), finds: (n) => timeOf(n) < 250 * day },
  { name: 'a common code', criterion: coded(code, 'common'), finds: (n) => codeOf(n) === 'common' },
  { name: 'a common time', criterion: before(when, 5_000 * day), finds: (n) => timeOf(n) < 5_000 * day },
  {
    name: 'a common time on',
    criterion: since(when, 3_000 * day),
    finds: (n) => timeOf(n) >= 3_000 * day,
  },
  { name: 'a common size on', criterion: above(size, 300), finds: (n) => upTo(n) > 300 },
  { name: 'a common state', criterion: coded(status, 'final'), finds: (n) => n % 10 !== 0 },
];
const orders: readonly (readonly SortKey[])[] = [
  [],
  [{ by: when, descending: false }],
  [{ by: when, descending: true }],
  [{ by: size, descending: false }],
  [{ by: size, descending: true }],
  [{ by: subject, descending: false }],
  [{ by: subject, descending: true }],
  [{ by: 'lastUpdated', descending: true }],
  [{ by: 'id', descending: false }],
];

/** What may be looked at beside what is counted: nearly each of the rarest thrice, of common ones what lies between those of a page. */
const each = 3;
const page = 100;
const sought = 1_000;

/** Rows that are counted of two criteria to know which is the rarer one. */
function counted(rarest: number): number {
  const [few = 0, many = 0] = thresholds.probes;
  return 2 * (rarest < few ? few : few + many);
}

let db: Database;
let writer: InlineWriter;
let searcher: Searcher;
/** How often a search looked whether to stop: before each statement, and at about every 1,024th row. */
let looks = 0;
const stopped = (): boolean => {
  looks++;
  return false;
};
beforeAll(async () => {
  db = openDatabase(':memory:');
  migrate(db);
  const parameters = [code, status, subject, when, size];
  registerParameters(
    db,
    parameters.map((of) => ({ type: of.type, code: of.code, definition: '1' })),
  );
  const options = { clock: Date.now, cursorLifetime: day };
  writer = new InlineWriter(writerEngine(db, options), currentParameters(db));
  searcher = new Searcher(db, { ...options, thresholds, stopped });
  await commit(
    writer,
    Array.from({ length: all }, (_, n) => put('Observation', `o${(n * 7_919) % all}`, {}, entriesOf(n))),
  );
});
afterAll(async () => {
  await writer.close();
  db.close();
});

function entriesOf(n: number): readonly IndexEntry[] {
  const [low, high] = [decimalKey(String(sizeOf(n))), decimalKey(String(upTo(n)))];
  return [
    { parameter: 'code', value: { kind: 'token', system: '', value: codeOf(n) } },
    { parameter: 'status', value: { kind: 'token', system: '', value: n % 10 === 0 ? 'amended' : 'final' } },
    { parameter: 'subject', value: { kind: 'reference', type: 'Patient', id: `p${n % patients}`, version: '' } },
    { parameter: 'when', value: { kind: 'date', low: timeOf(n), high: timeOf(n) + day } },
    { parameter: 'size', value: { kind: 'quantity', low, high, system: '', code: 'mg', unit: 'mg' } },
  ];
}

const combinations = asked.flatMap((one, place) => [[one], ...asked.slice(place + 1).map((other) => [one, other])]);
const numbers = Array.from({ length: all }, (_, n) => n);

describe.each(combinations.map((each) => [each.map(({ name }) => name).join(' and '), each] as const))(
  '%s',
  (_, some) => {
    const matches = numbers.filter((n) => some.every(({ finds }) => finds(n))).length;
    const rarest = Math.min(...some.map(({ finds }) => numbers.filter(finds).length));

    it(`finds ${matches} of ${all} by at most ${rarest} of them`, () => {
      for (const sort of orders) {
        const criterion: Criterion = { kind: 'and', of: some.map((each) => each.criterion) };
        const parts = [{ type: 'Observation', criterion, sort }];
        const explained = searcher.explain({ parts, count, total: 'none', totalBound: 0, budget: 60_000 });
        const examined = explained.steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0);
        expect(explained.matches).toBe(Math.min(count, matches));
        const most = rarest < thresholds.sorted ? each * rarest + page : sought;
        const ordered = sort.some(({ by }) => by === subject) && rarest >= thresholds.sorted ? patients : 0;
        expect(examined, JSON.stringify(sort)).toBeLessThanOrEqual(most + counted(rarest) + ordered);
      }
    });
  },
);

describe('resources by their ids', () => {
  const explained = (ids: readonly string[]) => {
    const parts = [{ type: 'Observation', criterion: { kind: 'id', ids }, sort: [] } as const];
    return searcher.explain({ parts, count, total: 'none', totalBound: 0, budget: 60_000 });
  };
  const access = (ids: readonly string[]) => explained(ids).steps.flatMap((step) => step.access);

  it('of one of them nothing is sorted', () => {
    expect(access(['o7', 'o7']).join()).toContain('SEARCH');
    expect(access(['o7', 'o7']).join()).not.toContain('TEMP B-TREE');
    expect(explained(['o7', 'o7']).matches).toBe(1);
  });

  it('of several none is made distinct that is so already', () => {
    expect(access(['o7', 'o9', 'o7']).join()).not.toContain('DISTINCT');
    expect(explained(['o7', 'o9', 'o7']).matches).toBe(2);
  });

  it('of many no more are read than a page shows', () => {
    const { steps, matches } = explained(Array.from({ length: 700 }, (_, n) => `o${n}`));
    expect(matches).toBe(count);
    expect(steps.reduce((sum, { rowsExamined }) => sum + rowsExamined, 0)).toBeLessThanOrEqual(count + 1);
    expect(steps.flatMap((step) => step.access).join()).not.toContain('TEMP B-TREE');
  });
});

describe('a code that rows of another criterion are tested by', () => {
  const access = (criterion: Criterion): string => {
    const parts = [{ type: 'Observation', criterion, sort: [] }];
    const { steps } = searcher.explain({ parts, count, total: 'none', totalBound: 0, budget: 60_000 });
    return steps.flatMap((step) => step.access).join();
  };
  const early = before(when, 250 * day);
  const sought = 'SEARCH x USING PRIMARY KEY (param=? AND code=? AND rid=?)';

  it('is looked for among the rows of the code', () => {
    const criteria = [early, coded(code, 'common')];
    expect(access({ kind: 'and', of: criteria })).toContain(sought);
    expect(access({ kind: 'not', of: coded(code, 'rare') })).toContain(sought);
  });

  it('is looked for among the resource’s where there are many', () => {
    const codes = ['rare', 'middling', 'common', 'final', 'amended'];
    const anyOf = codes.map((each) => ({ kind: 'token', system: '', code: each, fold: false }) as const);
    const many: Criterion = { kind: 'value', parameter: code, anyOf };
    expect(access({ kind: 'and', of: [early, many] })).not.toContain(sought);
  });
});

describe('any of several criteria', () => {
  it.each([
    ['few, read once for page and total', 'rare', all / 1000, 1],
    ['many, counted and read', 'middling', all / 1000 + all / 40, 2],
  ])('finds and counts by the index alone: %s', (_, value, matches, reads) => {
    const either: Criterion = { kind: 'or', of: [coded(code, 'rare'), coded(status, 'nothing'), coded(code, value)] };
    const parts = [{ type: 'Observation', criterion: either, sort: [] }];
    const query = { parts, count: 3, total: 'accurate', totalBound: 0, budget: 60_000 } as const;
    const { steps, total } = searcher.explain(query);
    expect(total).toBe(matches);
    const read = steps.map(({ access }) => access.join()).filter((access) => access.includes('SEARCH d USING'));
    if (reads === 1) expect(read).toHaveLength(1);
    else expect(read.length).toBeGreaterThanOrEqual(reads);
    // Only what a page shows is looked up, after it was sorted.
    for (const access of read) expect(access.split('ORDER BY')[0]).not.toContain('SEARCH r ');
  });
});

describe('a later page', () => {
  it.each([false, true])(
    'of dates from one on doesn’t read what lies between it and that one (falling: %s)',
    (descending) => {
      const criterion = since(when, 100 * day);
      const parts = [{ type: 'Observation', criterion, sort: [{ by: when, descending }] }];
      const page = (position?: Position): SearchPage => {
        looks = 0;
        return searcher.search({
          parts,
          count,
          total: 'none',
          totalBound: 0,
          budget: 60_000,
          ...(position && { position }),
        });
      };
      const first = page();
      const before = looks;
      expect(page(first.next).matches).toHaveLength(count);
      expect(looks - before).toBeLessThan(3);
    },
  );
});
