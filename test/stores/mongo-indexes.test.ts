/** Indexes on what is searched. https://hl7.org/fhir/R4/search.html */

import type { Db } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
  const open = (options: ConstructorParameters<typeof Indexes>[1]) => {
    const indexes = new Indexes(db, options);
    opened.push(indexes);
    return indexes;
  };
  const named = async () => (await db.collection('Observation').listIndexes().toArray()).map(({ name }) => name).sort();

  beforeEach(async () => {
    db = client().db(databaseName(url()));
    await db.collection<{ _id: string }>('Observation').insertMany(['a', 'b', 'c'].map((_id) => ({ _id })));
  });
  afterEach(async () => {
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
    const missing: string[] = [];
    const second = open({ onMissing: (type, path) => missing.push(`${type} ${path}`) });
    second.start();
    await second.settled();
    expect(missing).toEqual([`Observation ${code}`]);
    expect(await named()).toEqual(['_id_', code]);
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
