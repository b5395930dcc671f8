/** Indexes on what is searched. https://hl7.org/fhir/R4/search.html */

import { Collection, type Db, MongoServerError } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { planOf, type WantedIndex } from '../../src/store/mongo/index-plan.ts';
import { Indexes } from '../../src/store/mongo/indexes.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import { commit, observation, code as ofCode, subject as ofSubject } from '../contract/subject.ts';
import { databaseName, databases } from './mongo-database.ts';

const { url, client } = databases();

const code = 'index.code.c';
const subject = 'index.subject.r';
const status = 'index.status.c';

describe('indexes', () => {
  let db: Db;
  let opened: Indexes[] = [];
  /** What the collections always have, and what is awaited before an index is made. */
  let always: ReadonlyMap<string, readonly WantedIndex[]>;
  let atRest: () => Promise<void>;
  const open = (options: ConstructorParameters<typeof Indexes>[2]) => {
    const indexes = new Indexes(db, { always: async () => always, atRest: () => atRest() }, options);
    opened.push(indexes);
    return indexes;
  };
  const named = async () => (await db.collection('Observation').listIndexes().toArray()).map(({ name }) => name).sort();

  beforeEach(async () => {
    db = client().db(databaseName(url()));
    always = new Map();
    atRest = async () => undefined;
    await db.collection<{ _id: string }>('Observation').insertMany(['a', 'b', 'c'].map((_id) => ({ _id })));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all(opened.map((each) => each.close()));
    opened = [];
  });

  it('are made when a type that is not small is searched by a path, once', async () => {
    const indexes = open({ small: 3 });
    for (let n = 0; n < 3; n++) indexes.uses('Observation', code);
    indexes.uses('Observation', 'change');
    indexes.uses('Patient', code);
    await indexes.settled();
    expect(await named()).toEqual(['_id_', code]);
    const [made] = await db
      .collection('Observation')
      .listIndexes({})
      .toArray()
      .then((all) => all.filter(({ name }) => name === code));
    expect(made?.key).toEqual({ [code]: 1, _id: 1 });
  });

  it('are of several fields of the same values where these are asked for together', async () => {
    const indexes = open({ small: 3 });
    indexes.uses('Observation', 'index.value-quantity.c,l');
    await indexes.settled();
    const made = await db.collection('Observation').listIndexes({}).toArray();
    const keys = made.map(({ key }) => key);
    expect(keys).toContainEqual({ 'index.value-quantity.c': 1, 'index.value-quantity.l': 1, _id: 1 });
  });

  it('are not made for a small type', async () => {
    const indexes = open({ small: 4 });
    indexes.uses('Observation', code);
    await indexes.settled();
    expect(await named()).toEqual(['_id_']);
  });

  it('make room for each other: the one that was not used for longest goes', async () => {
    const indexes = open({ small: 0, most: 2 });
    for (const path of [code, subject, status]) {
      indexes.uses('Observation', path);
      await indexes.settled();
    }
    expect(await named()).toEqual(['_id_', status, subject].sort());
  });

  it('that are missing at the start are told and made anew', async () => {
    const first = open({ small: 0 });
    first.uses('Observation', code);
    await first.settled();
    await db.collection('Observation').dropIndex(code);
    const missing: unknown[] = [];
    const second = open({ onMissing: (...told) => missing.push(told) });
    second.start();
    await second.settled();
    expect(missing).toEqual([['Observation', code, []]]);
    expect(await named()).toEqual(['_id_', code]);
  });

  describe('that are others than they should be at the start', () => {
    const partial = { name: 'deleted', key: { deleted: 1 }, partialFilterExpression: { deleted: true } } as const;
    const keyed = async () =>
      new Map((await db.collection('Observation').listIndexes().toArray()).map(({ name, key }) => [name, key]));
    const start = async () => {
      const told: unknown[] = [];
      const indexes = open({ small: 0, onMissing: (...each) => told.push(each) });
      indexes.start();
      await indexes.settled();
      return { indexes, told };
    };

    it('are made under another name, and then go', async () => {
      const first = open({ small: 0 });
      first.uses('Observation', code);
      first.uses('Observation', status);
      await first.settled();
      await db.collection('Observation').dropIndex(code);
      await db.collection('Observation').createIndex({ [code]: 1 }, { name: code });
      always = new Map([['Observation', [partial]]]);
      await db.collection('Observation').createIndex({ deleted: 1, _id: 1 }, { name: partial.name });
      const { indexes, told } = await start();
      expect(told).toEqual([
        ['Observation', partial.name, [partial.name]],
        ['Observation', code, [code]],
      ]);
      const made = await keyed();
      expect([...made.keys()].sort()).toEqual(['_id_', `${partial.name}~2`, `${code}~2`, status].sort());
      expect(made.get(`${code}~2`)).toEqual({ [code]: 1, _id: 1 });
      // From then on that is the one.
      expect((await start()).told).toEqual([]);
      indexes.uses('Observation', code);
      await indexes.settled();
      expect(await keyed()).toEqual(made);
    });

    it('go where they were left beside the right one, and nothing else does', async () => {
      await db.collection('Observation').createIndex({ deleted: 1 }, { name: 'of somebody else' });
      await db.collection('Observation').createIndex({ deleted: 1, _id: 1 }, { name: partial.name });
      const { name: _, key, ...options } = partial;
      await db.collection('Observation').createIndex(key, { name: `${partial.name}~2`, ...options });
      always = new Map([['Observation', [partial]]]);
      expect((await start()).told).toEqual([]);
      expect(await named()).toEqual(['_id_', `${partial.name}~2`, 'of somebody else'].sort());
    });

    it('stay until the right one is there, where another process is making it', async () => {
      await db.collection('Observation').createIndex({ deleted: 1, _id: 1 }, { name: partial.name });
      const { name: _, key, ...options } = partial;
      // The server lists what is still being made.
      await db.collection('Observation').createIndex(key, { name: `${partial.name}~2`, ...options });
      always = new Map([['Observation', [partial]]]);
      let made: (name: string) => void = () => {};
      const making = vi.spyOn(Collection.prototype, 'createIndex').mockReturnValue(
        new Promise((resolve) => {
          made = resolve;
        }),
      );
      const dropping = vi.spyOn(Collection.prototype, 'dropIndex');
      const indexes = open({});
      indexes.start();
      await expect.poll(() => making.mock.calls).toEqual([[key, { ...options, name: `${partial.name}~2` }]]);
      expect(dropping).not.toHaveBeenCalled();
      made('');
      await indexes.settled();
      expect(await named()).toEqual(['_id_', `${partial.name}~2`]);
    });

    it('are told apart by a time to live of none, but not by the collation that all have', async () => {
      const listed = { ...partial, v: 2, unique: false, collation: { locale: 'simple' } };
      expect(planOf(partial, [listed])).toEqual({ make: undefined, found: partial, outdated: [] });
      expect(planOf(partial, [{ ...listed, expireAfterSeconds: 0 }])).toMatchObject({ outdated: [partial.name] });
    });

    it('make room under the name that they have', async () => {
      await db.collection('Observation').createIndex({ [code]: 1 }, { name: code });
      const first = open({ small: 0 });
      first.uses('Observation', code);
      await first.settled();
      expect(await named()).toEqual(['_id_', `${code}~2`]);
      const second = open({ small: 0, most: 1 });
      second.uses('Observation', status);
      await second.settled();
      expect(await named()).toEqual(['_id_', status]);
    });
  });

  it('of one collection that fail leave the others to be made', async () => {
    always = new Map([
      [
        'Observation',
        [
          { name: 'wrong', key: { a: 1 } },
          { name: 'right', key: { b: 1 } },
        ],
      ],
    ]);
    const faults: unknown[] = [];
    const failure = new MongoServerError({ code: 8000 });
    vi.spyOn(Collection.prototype, 'createIndex').mockRejectedValueOnce(failure);
    const indexes = open({ onFault: (error) => faults.push(error) });
    indexes.start();
    await indexes.settled();
    expect(faults).toEqual([failure]);
    expect(await named()).toEqual(['_id_', 'right']);
  });

  it('are made and dropped when nothing is read', async () => {
    let go = () => {};
    const rest = new Promise<void>((resolve) => {
      go = resolve;
    });
    let asked = 0;
    atRest = () => {
      asked += 1;
      return rest;
    };
    const commands: string[] = [];
    for (const name of ['createIndex', 'dropIndex'] as const) {
      vi.spyOn(Collection.prototype, name).mockImplementation(async () => {
        commands.push(name);
        return '';
      });
    }
    await db.collection('Observation').createIndexes([{ key: { [code]: 1 }, name: code }]);
    const indexes = open({ small: 0 });
    indexes.uses('Observation', code);
    await expect.poll(() => asked).toBe(1);
    expect(commands).toEqual([]);
    go();
    await indexes.settled();
    expect(commands).toEqual(['createIndex', 'dropIndex']);
  });
});

describe('a store', () => {
  const indexesOf = async (database: Db, collection: string) =>
    (await database.collection(collection).listIndexes().toArray()).map(({ key }) => Object.keys(key).join(' ')).sort();

  it('has indexes for what is tallied, and for concepts, that it makes itself', async () => {
    const at = url();
    const database = client().db(databaseName(at));
    const definition = '1';
    const store = await openMongoStore(at, {
      cursorLifetime: 1000,
      timezone: 'UTC',
      parameters: [ofCode, ofSubject].map((each) => ({ type: each.type, code: each.code, definition })),
      indexes: { small: 0 },
    });
    try {
      await commit(store, [observation('a', 'p', 'x'), observation('b', 'p', 'y')]);
      await store.tally({
        type: 'Observation',
        criterion: {
          kind: 'value',
          parameter: ofCode,
          anyOf: [{ kind: 'token', system: 'urn:codes', code: 'x', fold: false }],
        },
        fields: [ofCode],
        budget: 60_000,
      });
      await expect.poll(() => indexesOf(database, 'Observation'), { timeout: 20_000 }).toContain(`${code} _id`);
      expect(await indexesOf(database, 'osteon_concepts')).toEqual([
        '_id',
        'above _id code',
        'key set',
        'set values _id',
        'set words _id',
      ]);
    } finally {
      await store.close();
    }
  });
});
