/** Walks whose pages are read in other ways than the first one, while others write. https://hl7.org/fhir/R4/http.html#paging */
import { describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { Position, SearchPage } from '../../src/store/port.ts';
import type { Thresholds } from '../../src/store/sqlite/thresholds.ts';
import type { Searchable } from '../contract/library.ts';
import { code, commit, identified, observation, patient, remove, subject, usual } from '../contract/subject.ts';
import { bySorting, choosing } from './reading.ts';

const numbers = Array.from({ length: 60 }, (_, n) => n);

/** All that the pages of a walk show, `id versionId` of each match; `between`: what happens after each page but the last. */
async function walk(
  store: Searchable,
  criterion: Criterion,
  count: number,
  between: (page: number) => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const shown: string[] = [];
  let position: Position | undefined;
  for (let number = 0; number < 100; number++) {
    const page: SearchPage = await store.search({
      parts: [{ type: 'Patient', criterion, sort: [] }],
      count,
      total: 'none',
      totalBound: 0,
      budget: 60_000,
      ...(position && { position }),
    });
    shown.push(...page.matches.map(({ id, versionId }) => `${id} ${versionId}`));
    position = page.next;
    if (position === undefined) return shown;
    await between(number);
  }
  throw new Error('the walk has no end');
}

describe('a walk by what refers to resources', () => {
  const listing: Thresholds = { ...bySorting, listed: 1000 };
  const testing: Thresholds = { ...bySorting, listed: 5 };

  it.each([
    ['is listed at first and tested later', listing, testing],
    ['is tested at first and listed later', testing, listing],
  ])('shows each once where that %s', async (_, first, second) => {
    const store = await choosing(first, second).open(usual);
    await commit(
      store,
      numbers.map((n) => patient(`p${n}`, `${n}`)),
    );
    await commit(
      store,
      numbers.map((n) => observation(`o${n}`, `p${n}`)),
    );
    // Changed in another order than that in which they were made.
    for (const n of [...numbers].reverse()) if (n % 2 === 0) await commit(store, [patient(`p${n}`, `${n}`, 'de')]);
    const of: Criterion = {
      kind: 'value',
      parameter: code,
      anyOf: [{ kind: 'token', code: 'weight', fold: false }],
    };
    const criterion: Criterion = { kind: 'has', parameter: subject, canonical: undefined, of };
    const shown = await walk(store, criterion, 7);
    expect(shown.toSorted()).toEqual(numbers.map((n) => `p${n} ${n % 2 === 0 ? 2 : 1}`).toSorted());
    await store.close();
  });
});

describe('a walk through resources by their ids', () => {
  it.each([
    ['alone', false],
    ['and an identifier', true],
  ])('%s shows them as they were, however many were changed since', async (_, both) => {
    // More kept versions than are looked at one by one.
    const store = await choosing({ ...bySorting, kept: 3 }).open(usual);
    const order = numbers.map((n) => `p${(n * 7) % numbers.length}`);
    await commit(
      store,
      order.map((id, place) => patient(id, place % 3 === 0 ? 'third' : 'other')),
    );
    const ids: Criterion = { kind: 'id', ids: order.toReversed() };
    const criterion: Criterion = both ? { kind: 'and', of: [ids, identified('third')] } : ids;
    const wanted = order.filter((_, place) => !both || place % 3 === 0);
    const gone = new Set<string>();
    const shown = await walk(store, criterion, 5, async (page) => {
      const some = order.filter((id, place) => (place + page) % 5 === 0 && !gone.has(id));
      await commit(
        store,
        some.map((id, place) => {
          if (place % 4 !== 0) return patient(id, 'third', `x-${page}`);
          gone.add(id);
          return remove('Patient', id);
        }),
      );
    });
    expect(shown).toEqual(wanted.map((id) => `${id} 1`).filter((each) => shown.includes(each)));
    const missing = wanted.filter((id) => !shown.includes(`${id} 1`));
    expect(missing.every((id) => gone.has(id))).toBe(true);
    expect(gone.size).toBeGreaterThan(5);
    await store.close();
  });
});

describe('resources that are named', () => {
  const to: Criterion = { kind: 'id', ids: ['p3'] };
  const observed = numbers.slice(0, 12).map((n) => observation(`o${n}`, 'p3'));

  it('aren’t found where they are gone, though others refer to them', async () => {
    const store = await choosing(bySorting).open(usual);
    await commit(store, [patient('p3', 'named'), ...observed]);
    const referenced: Criterion = { kind: 'referenced', parameter: subject, by: ['o1', 'o2'] };
    const of: Criterion = { kind: 'id', ids: ['o1', 'o2'] };
    const has: Criterion = { kind: 'has', parameter: subject, canonical: undefined, of };
    const found = async (criterion: Criterion) => {
      const parts = [{ type: 'Patient', criterion, sort: [] }];
      const { total } = await store.search({ parts, count: 0, total: 'accurate', totalBound: 0, budget: 60_000 });
      return { total, shown: await walk(store, criterion, 5) };
    };
    for (const criterion of [to, referenced, has])
      expect(await found(criterion)).toEqual({ total: 1, shown: ['p3 1'] });
    await commit(store, [remove('Patient', 'p3')]);
    for (const criterion of [to, referenced, has]) expect(await found(criterion)).toEqual({ total: 0, shown: [] });
    await store.close();
  });

  it('lead on to what refers to them, though they have gone since the walk began', async () => {
    const store = await choosing(bySorting).open(usual);
    await commit(store, [patient('p3', 'named'), ...observed]);
    const criterion: Criterion = { kind: 'chain', parameter: subject, target: 'Patient', canonical: undefined, of: to };
    const parts = [{ type: 'Observation', criterion, sort: [] }];
    const query = { parts, count: 5, total: 'accurate', totalBound: 0, budget: 60_000 } as const;
    let page = await store.search(query);
    expect(page.total).toBe(observed.length);
    await commit(store, [remove('Patient', 'p3')]);
    const shown = page.matches.map(({ id }) => id);
    while (page.next !== undefined) {
      page = await store.search({ ...query, position: page.next });
      shown.push(...page.matches.map(({ id }) => id));
    }
    expect(shown.toSorted()).toEqual(observed.map(({ id }) => id).toSorted());
    await store.close();
  });
});

describe('what a criterion finds in no order, read once', () => {
  const identifiedBy = (...values: readonly string[]): Criterion => {
    return { kind: 'or', of: values.map(identified) };
  };
  /** Each of them is found twice. */
  const twice = identifiedBy('even', 'even', 'third', 'even');
  const wanted = numbers.filter((n) => n % 2 === 0 || n % 3 === 0);
  const named = (n: number) => (n % 2 === 0 ? 'even' : n % 3 === 0 ? 'third' : 'other');

  async function filled(thresholds: Thresholds): Promise<Searchable> {
    const store = await choosing(thresholds).open(usual);
    await commit(
      store,
      numbers.map((n) => patient(`p${n}`, named(n))),
    );
    return store;
  }

  it.each([
    ['with their versions', ['Patient']],
    ['by their places alone', ['Patient', 'Observation']],
  ])('is walked to its end and back, %s', async (_, types) => {
    const store = await filled(bySorting);
    const ask = (position?: Position): Promise<SearchPage> => {
      return store.search({
        parts: types.map((type) => ({ type, criterion: twice, sort: [] })),
        count: 7,
        total: 'accurate',
        totalBound: 0,
        budget: 60_000,
        ...(position && { position }),
      });
    };
    const pages: (readonly string[])[] = [];
    const idsOf = ({ matches }: SearchPage) => matches.map(({ id }) => id);
    let page = await ask();
    for (;;) {
      pages.push(idsOf(page));
      expect(page.total).toBe(wanted.length);
      if (page.next === undefined) break;
      page = await ask(page.next);
    }
    expect(pages.flat()).toEqual(wanted.map((n) => `p${n}`));
    expect(pages.map(({ length }) => length)).toEqual([7, 7, 7, 7, 7, 5]);
    for (const before of pages.toReversed().slice(1)) {
      if (page.previous === undefined) throw new Error('a page before this one was shown');
      page = await ask(page.previous);
      expect(idsOf(page)).toEqual(before);
    }
    expect(page.previous).toBeUndefined();
    await store.close();
  });

  it('is read again after a change, and where it is more than is read at once', async () => {
    for (const gathered of [0, wanted.length - 1, wanted.length, wanted.length + 1]) {
      const store = await filled({ ...bySorting, gathered });
      const total = async (): Promise<number | undefined> => {
        const parts = [{ type: 'Patient', criterion: twice, sort: [] }];
        const page = await store.search({ parts, count: 100, total: 'none', totalBound: 0, budget: 60_000 });
        const counted = await store.search({ parts, count: 0, total: 'accurate', totalBound: 0, budget: 60_000 });
        expect(page.matches).toHaveLength(counted.total ?? Number.NaN);
        return counted.total;
      };
      expect(await total()).toBe(wanted.length);
      await commit(store, [patient('p1', 'third'), patient('p2', 'other'), patient('p5', 'even')]);
      expect(await total()).toBe(wanted.length + 1);
      await commit(store, [remove('Patient', 'p0')]);
      expect(await total()).toBe(wanted.length);
      await store.close();
    }
  });
});
