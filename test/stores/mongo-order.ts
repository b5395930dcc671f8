/**
 * Whether a server orders values as MongoDB does; for one that doesn't, values that it orders rightly in the place of
 * those that it doesn't. https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
 */
import type { MongoClient } from 'mongodb';
import { DATE_MAX } from '../../src/search/entry.ts';
import type { SearchSubject } from '../contract/library.ts';

/** What a server doesn't order as MongoDB does. */
export interface Disorder {
  /** Texts by the bytes of their UTF-8: those with characters above U+FFFF come elsewhere. */
  readonly texts: boolean;
  /** Large numbers with fractions, beside whole ones. */
  readonly fractions: boolean;
}

/** In the order of their bytes; UTF-16 has the second one first. */
const [lower, upper] = ['\ufb01', '\u{1f600}'];
/** After all other characters of the tests in either order. */
const stand = '\uff5e';

export async function disorderOf(client: MongoClient, database: string): Promise<Disorder> {
  const collection = client.db(database).collection<{ readonly _id: string; readonly number: number }>('order');
  await collection.insertMany([
    { _id: upper, number: 47_304_000_000.125 },
    { _id: lower, number: 0 },
  ]);
  const [first] = await collection.find().sort({ _id: 1 }).toArray();
  const below = await collection.countDocuments({ _id: upper, number: { $lte: 47_304_000_000 } });
  await collection.drop();
  return { texts: first?._id !== lower, fractions: below > 0 };
}

/** What is said where something is not tested. */
export function messageOf({ texts, fractions }: Disorder): string | undefined {
  const what = [...(texts ? ['characters above U+FFFF'] : []), ...(fractions ? ['fractions of milliseconds'] : [])];
  return what.length === 0 ? undefined : `Not tested, since the server orders them otherwise: ${what.join(', ')}.`;
}

/** The same store for tests whose values it orders: each value in the place of another keeps the order among all. */
export function ordering(under: SearchSubject, disorder: () => Promise<Disorder>): SearchSubject {
  return {
    open: async (settings) => {
      const store = await under.open(settings);
      const found = await disorder();
      const alike = <T>(value: T): T => alikeOf(value, found);
      return {
        search: (query) => store.search({ ...query, parts: alike(query.parts) }),
        matches: (type, criterion, limit) => store.matches(type, alike(criterion), limit),
        commit: (commit) => {
          const writes = commit.writes.map((write) => {
            if (write.kind !== 'put') return write;
            const { entries, contained } = write;
            return {
              ...write,
              entries: alike(entries),
              ...(contained === undefined ? {} : { contained: alike(contained) }),
            };
          });
          return store.commit({ ...commit, writes });
        },
        read: (type, id) => store.read(type, id),
        close: () => store.close(),
      };
    },
  };
}

/** Plain data with other texts and dates. */
function alikeOf<T>(data: T, { texts, fractions }: Disorder): T {
  const text = JSON.stringify(data);
  return JSON.parse(texts ? text.replaceAll(upper, stand) : text, (_, value: unknown) => {
    return fractions ? withoutFractions(value) : value;
  });
}

/** Dates of eighths of milliseconds, eight times as far from 1970. */
function withoutFractions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'date') return value;
  return JSON.parse(JSON.stringify(value), (key, part: unknown) => {
    const isDate = key === 'low' || key === 'high' || key === 'value';
    return isDate && typeof part === 'number' && Math.abs(part) !== DATE_MAX ? part * 8 : part;
  });
}
