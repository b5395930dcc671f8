/** First pages that come again are those that would be read again. https://hl7.org/fhir/R4/http.html#paging */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { SearchPage, SearchQuery, TypeQuery } from '../../src/store/port.ts';
import type { KnownSearch } from '../../src/store/sqlite/known-search.ts';
import { migrate } from '../../src/store/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/store/sqlite/open.ts';
import type { PageOfHits } from '../../src/store/sqlite/page.ts';
import { currentParameters, registerParameters } from '../../src/store/sqlite/parameters.ts';
import { RememberedPages } from '../../src/store/sqlite/remembered-pages.ts';
import { Searcher } from '../../src/store/sqlite/search.ts';
import { InlineWriter } from '../../src/store/sqlite/writer.ts';
import { writerEngine } from '../../src/store/sqlite/writer-engine.ts';
import type { Write } from '../../src/store/write.ts';
import {
  code,
  commit,
  day,
  erase,
  identified,
  identifier,
  observation,
  patient,
  remove,
  subject,
} from '../contract/subject.ts';

const options = { clock: () => 1, cursorLifetime: day };
const around = { before: '{"a":"', between: '","is":', after: '}' };

const everything: Criterion = { kind: 'and', of: [] };
const sorted = [{ by: code, descending: false }] as const;
const ofNamed: Criterion = {
  kind: 'chain',
  parameter: subject,
  target: 'Patient',
  canonical: undefined,
  of: identified('1'),
};
const parts: readonly (readonly TypeQuery[])[] = [
  [{ type: 'Patient', criterion: everything, sort: [] }],
  [{ type: 'Patient', criterion: identified('1'), sort: [] }],
  [{ type: 'Observation', criterion: everything, sort: sorted }],
  [{ type: 'Observation', criterion: ofNamed, sort: [] }],
  [
    { type: 'Patient', criterion: everything, sort: [] },
    { type: 'Observation', criterion: everything, sort: [] },
  ],
];
const queries: readonly SearchQuery[] = parts.flatMap((each) =>
  [1, 3, 20].flatMap((count) => {
    const query = { parts: each, count, total: 'accurate', totalBound: 10, budget: 60_000 } as const;
    return [query, { ...query, around }];
  }),
);

describe('a first page that comes again', () => {
  let db: Database;
  let writer: InlineWriter;
  beforeEach(() => {
    db = openDatabase(':memory:');
    migrate(db);
    registerParameters(
      db,
      [code, subject, identifier].map((each) => ({ type: each.type, code: each.code, definition: '1' })),
    );
    writer = new InlineWriter(writerEngine(db, options), currentParameters(db));
  });
  afterEach(async () => {
    await writer.close();
    db.close();
  });

  it('shows what is there, however it was changed', async () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const written = fc.oneof(
      fc.tuple(id, fc.constantFrom('1', '2'), fc.constantFrom('en', 'fr')).map((given) => patient(...given)),
      fc.tuple(id, id, fc.constantFrom('x', 'y')).map((given) => observation(...given)),
      fc.tuple(fc.constantFrom('Patient', 'Observation'), id).map((given): Write => remove(...given)),
      fc.tuple(fc.constantFrom('Patient', 'Observation'), id).map((given): Write => erase(...given)),
    );
    const remembering = new Searcher(db, { ...options, pages: 2 ** 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 6 }), async (writes) => {
        for (const one of writes) {
          await commit(writer, [one]);
          const plain = new Searcher(db, options);
          for (const query of queries) {
            const expected: SearchPage = plain.search(query);
            expect(remembering.search(query)).toEqual(expected);
            expect(remembering.search(query)).toEqual(expected);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('is not read again until what it shows has changed', async () => {
    await commit(writer, [patient('a', '1'), patient('b', '2'), observation('o', 'a')]);
    const remembering = new Searcher(db, { ...options, pages: 2 ** 20 });
    const shown = (query: SearchQuery) => {
      const { matches, spliced } = remembering.search(query);
      return spliced ?? matches[0];
    };
    const before = queries.map(shown);
    expect(before).not.toContain(undefined);
    queries.forEach((query, n) => void expect(shown(query)).toBe(before[n]));
    await commit(writer, [observation('o', 'a', 'other')]);
    const ofPatients = queries.slice(0, 12);
    ofPatients.forEach((query, n) => void expect(shown(query)).toBe(before[n]));
    queries.slice(12).forEach((query, n) => void expect(shown(query)).not.toBe(before[n + 12]));
    const forgotten = vi.spyOn(RememberedPages.prototype, 'forget');
    await commit(writer, [patient('b', '3')]);
    ofPatients.forEach((query, n) => void expect(shown(query)).not.toBe(before[n]));
    expect(forgotten).not.toHaveBeenCalled();
    await commit(writer, [erase('Patient', 'b')]);
    for (const query of ofPatients) shown(query);
    expect(forgotten).toHaveBeenCalledTimes(1);
    forgotten.mockRestore();
  });
});

describe('RememberedPages', () => {
  const page = (bytes: number): PageOfHits => {
    const version = { type: 'Patient', id: 'a', versionId: 1, lastUpdated: 1, method: 'PUT' } as const;
    const versions = [{ ...version, body: new Uint8Array(bytes) }];
    return { size: 1, versions, first: undefined, last: undefined, beginning: undefined, more: false };
  };
  const known = (): KnownSearch => ({ totals: new Map() });
  const unread = () => {
    throw new Error('it is remembered');
  };

  it('reads a page once for each search and name', () => {
    const pages = new RememberedPages(2 ** 20);
    const [one, other] = [known(), known()];
    const [a, b, c] = [page(1), page(1), page(1)];
    expect(pages.get(one, 'a', () => a)).toBe(a);
    expect(pages.get(one, 'b', () => b)).toBe(b);
    expect(pages.get(other, 'a', () => c)).toBe(c);
    expect([pages.get(one, 'a', unread), pages.get(one, 'b', unread), pages.get(other, 'a', unread)]).toEqual([
      a,
      b,
      c,
    ]);
    pages.forget();
    expect(pages.get(one, 'a', () => b)).toBe(b);
  });

  it('keeps those that were asked for lately, in as much memory as it has', () => {
    const size = 10_000;
    const pages = new RememberedPages(100 * (size + 2048));
    const searches = Array.from({ length: 250 }, known);
    const [first = known()] = searches;
    const read = vi.fn(() => page(size));
    for (const search of searches) {
      pages.get(first, '', read);
      pages.get(search, '', read);
    }
    expect(read).toHaveBeenCalledTimes(250);
    read.mockClear();
    for (const search of searches.toReversed()) pages.get(search, '', read);
    // The last hundred to two hundred were there.
    expect(read.mock.calls.length).toBeGreaterThanOrEqual(50);
    expect(read.mock.calls.length).toBeLessThanOrEqual(150);
  });

  it('keeps nothing of searches that nobody knows any more', () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('no gc');
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const pages = new RememberedPages(2 ** 20);
    const before = heap();
    for (let n = 0; n < 200; n++) {
      // Some hundred kilobytes.
      const totals = new Map(Array.from({ length: 10_000 }, (_, bound) => [bound, n]));
      pages.get({ totals }, '', () => page(1));
    }
    expect(heap() - before).toBeLessThan(5_000_000);
    expect(pages.get(known(), '', () => page(1)).size).toBe(1);
  });

  it('leaves out what is too large for it', () => {
    const pages = new RememberedPages(64 * 4096);
    const search = known();
    const read = vi.fn(() => page(4096));
    pages.get(search, '', read);
    pages.get(search, '', read);
    expect(read).toHaveBeenCalledTimes(2);
  });
});
