/**
 * The ceiling of a store on MongoDB: the same operation with the bare driver, on the documents that the server wrote.
 * https://hl7.org/fhir/R4/http.html
 *
 * One argument, JSON (`DriverPlan`). Prints JSON (`DriverResult`).
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Db, type Document, MongoClient } from 'mongodb';
import type { DriverPlan, DriverResult } from './bare.ts';

const plan: DriverPlan = JSON.parse(process.argv[2] ?? '{}');
const client = new MongoClient(plan.url, { maxPoolSize: plan.connections });
const db = client.db();
/** What the server reads of a document to serve it. */
const projection = { version: 1, updated: 1, method: 1, deleted: 1, bytes: 1, deflated: 1, file: 1 };
const majority = { writeConcern: { w: 'majority', journal: true } } as const;

type Rate = Omit<DriverResult, 'judged'>;

/** What was done since this was called, when it is known how much that is. */
function measured(): (done: number) => Rate {
  const begun = performance.now();
  const before = process.cpuUsage();
  return (done) => {
    const { user, system } = process.cpuUsage(before);
    return { perSecond: (done * 1000) / (performance.now() - begun), processor: (user + system) / done };
  };
}

/** Begins the same again and again, as many at a time as there are connections; what the warm-up does isn't counted. */
async function rateOf(act: () => Promise<unknown>): Promise<Rate> {
  await repeated(act, plan.warmUp);
  const rate = measured();
  return rate(await repeated(act, plan.seconds));
}

/** How many ended within some seconds. */
async function repeated(act: () => Promise<unknown>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let done = 0;
  const line = async () => {
    while (performance.now() < end) {
      await act();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: plan.connections }, line));
  return done;
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

/** The filter that the query of a path means; of dates only months and `ge` days. */
function filterOf({ searchParams }: URL): Document {
  const [name = '', value = ''] = [...searchParams].find(([each]) => each !== '_count') ?? [];
  const bar = value.indexOf('|');
  if (bar >= 0) return { [`index.${name}`]: { $elemMatch: { s: value.slice(0, bar), c: value.slice(bar + 1) } } };
  if (value.includes('/')) return { [`index.${name}.r`]: value };
  const [, since, from = ''] = /^(ge)?(.*)$/.exec(value) ?? [];
  const low = Date.parse(from);
  if (since !== undefined) return { [`index.${name}`]: { $elemMatch: { h: { $gte: low } } } };
  const high = new Date(low);
  high.setUTCMonth(high.getUTCMonth() + 1);
  return { [`index.${name}`]: { $elemMatch: { l: { $gte: low }, h: { $lte: high.getTime() } } } };
}

function reads(file: string): Promise<Rate> {
  const next = inTurn(pathsOf(file));
  return rateOf(() => {
    const url = next();
    const id: Document = { _id: url.pathname.split('/')[3] };
    return db.collection(typeOf(url)).findOne(id, { projection });
  });
}

function pages(file: string): Promise<Rate> {
  const next = inTurn(pathsOf(file));
  return rateOf(() => {
    const url = next();
    const limit = Number(url.searchParams.get('_count'));
    return db.collection(typeOf(url)).find(filterOf(url), { projection }).limit(limit).toArray();
  });
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

/** Resources in transactions of a group each. */
async function transactions(group: number): Promise<Rate> {
  const names = await db.listCollections({}, { nameOnly: true }).toArray();
  const types = names.map(({ name }) => name).filter((name) => /^[A-Z][A-Za-z]*$/.test(name));
  const into = await likeness(`${db.databaseName}_bare`, types);
  await into.createCollection('audit');
  const all = await documents(types.sort(), 20_000);
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

try {
  const { operation } = plan;
  let rate: Rate;
  if (operation.kind === 'read') rate = await reads(operation.paths);
  else if (operation.kind === 'page') rate = await pages(operation.paths);
  else if (operation.kind === 'create') rate = await creates();
  else rate = await transactions(operation.group);
  const { storageEngines = [] } = await client.db('admin').command({ buildInfo: 1 });
  const judged = Array.isArray(storageEngines) && storageEngines.includes('wiredTiger');
  console.log(JSON.stringify({ ...rate, judged } satisfies DriverResult));
} finally {
  await client.close();
}
