/**
 * The ceiling of a store on MongoDB: the same operation with the bare driver, on the documents that the server wrote.
 * https://hl7.org/fhir/R4/http.html
 *
 * One argument, JSON (`DriverPlan`). Prints JSON (`DriverResult`).
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Db, type Document, MongoClient } from 'mongodb';
import { Latencies } from '../load/latencies.ts';
import type { DriverPlan, DriverResult } from './bare.ts';
import { bareSearch, served } from './search.ts';

const plan: DriverPlan = JSON.parse(process.argv[2] ?? '{}');
const client = new MongoClient(plan.url, { maxPoolSize: plan.connections });
const db = client.db();
const majority = { writeConcern: { w: 'majority', journal: true } } as const;

type Rate = Omit<DriverResult, 'judged'>;

/** What was done since this was called, when it is known how much that is, and how long each took. */
function measured(): (done: number, latencies?: Latencies) => Rate {
  const begun = performance.now();
  const before = process.cpuUsage();
  return (done, latencies) => {
    const { user, system } = process.cpuUsage(before);
    const milliseconds = performance.now() - begun;
    const p50 = latencies?.quantile(0.5) ?? milliseconds;
    return { perSecond: (done * 1000) / milliseconds, processor: (user + system) / done, p50 };
  };
}

/** Begins the same again and again, as many at a time as there are connections; what the warm-up does isn't counted. */
async function rateOf(act: () => Promise<unknown>): Promise<Rate> {
  await repeated(act, plan.warmUp);
  const rate = measured();
  const latencies = await repeated(act, plan.seconds);
  return rate(latencies.count, latencies);
}

/** What ended that was begun within some seconds: one at least. */
async function repeated(act: () => Promise<unknown>, seconds: number): Promise<Latencies> {
  const end = performance.now() + seconds * 1000;
  const latencies = new Latencies();
  const line = async () => {
    do {
      const begun = performance.now();
      await act();
      latencies.add(performance.now() - begun);
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: plan.connections }, line));
  return latencies;
}

function pathsOf(file: string): readonly URL[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => new URL(JSON.parse(line), 'http://localhost'));
}

/** Gives the items in turn. */
function inTurn<T>(items: readonly T[]): () => T {
  let next = 0;
  return () => {
    const item = items[next++ % items.length];
    if (item === undefined) throw new Error('there is nothing to ask for');
    return item;
  };
}

const typeOf = ({ pathname }: URL): string => pathname.split('/')[2] ?? '';

function reads(file: string): Promise<Rate> {
  const next = inTurn(pathsOf(file));
  return rateOf(() => {
    const url = next();
    const id: Document = { _id: url.pathname.split('/')[3] };
    return db.collection(typeOf(url)).findOne(id, { projection: served });
  });
}

function searches(file: string): Promise<Rate> {
  const next = inTurn(pathsOf(file));
  return rateOf(() => bareSearch(db, next()));
}

/** The documents of some types, as many as asked for. */
async function documents(types: readonly string[], limit: number): Promise<readonly (readonly [string, Document])[]> {
  const found: (readonly [string, Document])[] = [];
  for (const type of types) {
    for await (const each of db
      .collection(type)
      .find({ deleted: { $exists: false } })
      .limit(limit - found.length))
      found.push([type, each]);
    if (found.length >= limit) break;
  }
  return found;
}

/** An empty database with the same indexes as collections of the other. */
async function likeness(name: string, types: readonly string[]): Promise<Db> {
  const copy = client.db(name);
  await copy.dropDatabase();
  for (const type of types) {
    const indexes = await db.collection(type).indexes();
    await copy.createCollection(type);
    const others = indexes.flatMap(({ v: _version, ...index }) => (index.name === '_id_' ? [] : [{ ...index }]));
    if (others.length > 0) await copy.collection(type).createIndexes(others);
  }
  return copy;
}

/** Inserts documents in transactions, each with a record beside as an AuditEvent is. */
async function insert(into: Db, group: readonly (readonly [string, Document])[]): Promise<void> {
  const byType = new Map<string, Document[]>();
  for (const [type, document] of group) byType.set(type, [...(byType.get(type) ?? []), document]);
  const record = { at: new Date(), sub: 'create', of: group.slice(0, 1).map(([type, { _id }]) => `${type}/${_id}`) };
  await client.withSession((session) =>
    session.withTransaction(async () => {
      for (const [type, some] of byType) await into.collection(type).insertMany(some, { session, ordered: false });
      await into.collection('audit').insertOne({ ...record }, { session });
    }, majority),
  );
}

async function creates(): Promise<Rate> {
  const into = await likeness(`${db.databaseName}_bare`, ['Observation']);
  await into.createCollection('audit');
  const next = inTurn(await documents(['Observation'], 500));
  const rate = await rateOf(() => {
    const [type, document] = next();
    return insert(into, [[type, { ...document, _id: randomUUID() }]]);
  });
  await into.dropDatabase();
  return rate;
}

async function typesWithData(): Promise<readonly string[]> {
  const names = await db.listCollections({}, { nameOnly: true }).toArray();
  return names
    .map(({ name }) => name)
    .filter((name) => /^[A-Z][A-Za-z]*$/.test(name))
    .sort();
}

/** Resources in transactions of a group each. */
async function transactions(group: number): Promise<Rate> {
  const types = await typesWithData();
  const into = await likeness(`${db.databaseName}_bare`, types);
  await into.createCollection('audit');
  const all = await documents(types, 20_000);
  let place = 0;
  const rate = measured();
  const line = async () => {
    while (place < all.length) {
      const some = all.slice(place, place + group);
      place += group;
      await insert(into, some);
    }
  };
  await Promise.all(Array.from({ length: 4 }, line));
  const result = rate(all.length);
  await into.dropDatabase();
  return result;
}

/** As many resources in one transaction. */
async function together(writes: number): Promise<Rate> {
  const types = await typesWithData();
  const into = await likeness(`${db.databaseName}_bare`, types);
  await into.createCollection('audit');
  const all = (await documents(types, writes)).slice(0, writes);
  const rate = measured();
  await insert(into, all);
  const result = rate(all.length);
  await into.dropDatabase();
  return result;
}

/** Create, read, update with the version before kept, search by identifier, read, delete: as the server's documents are. */
async function cycles(): Promise<Rate> {
  const into = await likeness(`${db.databaseName}_bare`, ['Patient']);
  for (const name of ['audit', 'Patient_history']) await into.createCollection(name);
  const next = inTurn(await documents(['Patient'], 500));
  const current = into.collection<Document>('Patient');
  const rate = await rateOf(async () => {
    const [type, template] = next();
    const id = randomUUID();
    const key: Document = { _id: id };
    const one = { s: 'urn:bench', c: id, f: id, i: true };
    const first: Document = { ...template, ...key, index: { ...template.index, identifier: [one] }, version: 1 };
    const second: Document = { ...first, version: 2 };
    const search = { 'index.identifier': { $elemMatch: { s: 'urn:bench', c: id } } };
    await insert(into, [[type, first]]);
    await current.findOne(key, { projection: served });
    await replace(into, first, second);
    await current.find(search, { projection: served }).toArray();
    await current.findOne(key, { projection: served });
    await replace(into, second, { ...key, version: 3, deleted: true });
  });
  await into.dropDatabase();
  return { ...rate, perSecond: rate.perSecond * 6, processor: rate.processor / 6 };
}

/** Replaces a patient and keeps what it was, with a record beside, in a transaction. */
async function replace(into: Db, before: Document, after: Document): Promise<void> {
  const { _id: id, version } = before;
  const key: Document = { _id: id };
  const archived: Document = { ...before, _id: { id, version } };
  const { _id, ...content } = after;
  await client.withSession((session) =>
    session.withTransaction(async () => {
      await into.collection<Document>('Patient_history').insertOne(archived, { session });
      await into.collection<Document>('Patient').replaceOne(key, content, { session });
      const record = { at: new Date(), sub: 'update', of: [`Patient/${id}`] };
      await into.collection('audit').insertOne(record, { session });
    }, majority),
  );
}

/** From the start of this process to the first document that it has read. */
async function start(path: string): Promise<Rate> {
  const url = new URL(path, 'http://localhost');
  const id: Document = { _id: url.pathname.split('/')[3] };
  await db.collection(typeOf(url)).findOne(id, { projection: served });
  const milliseconds = performance.now();
  const { user, system } = process.cpuUsage();
  return { perSecond: 1000 / milliseconds, processor: user + system, p50: milliseconds };
}

function rateOfPlan({ operation }: DriverPlan): Promise<Rate> {
  switch (operation.kind) {
    case 'read':
      return reads(operation.paths);
    case 'search':
      return searches(operation.paths);
    case 'create':
      return creates();
    case 'cycle':
      return cycles();
    case 'transactions':
      return transactions(operation.group);
    case 'together':
      return together(operation.writes);
    case 'start':
      return start(operation.path);
  }
}

try {
  const rate = await rateOfPlan(plan);
  const { storageEngines = [] } = await client.db('admin').command({ buildInfo: 1 });
  const judged = Array.isArray(storageEngines) && storageEngines.includes('wiredTiger');
  console.log(JSON.stringify({ ...rate, judged } satisfies DriverResult));
} finally {
  await client.close();
}
