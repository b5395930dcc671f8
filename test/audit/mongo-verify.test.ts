/** Verification of the audit chains on MongoDB: what was done to the database shows. https://hl7.org/fhir/R4/security.html#audit */
import type { Collection } from 'mongodb';
import { beforeEach, expect, test } from 'vitest';
import type { AuditVerification } from '../../src/store/audit-verification.ts';
import type { AuditDocument } from '../../src/store/mongo/audit-append.ts';
import type { SealDocument } from '../../src/store/mongo/audit-chain.ts';
import { verifyDatabase } from '../../src/store/mongo/audit-verify.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { Store } from '../../src/store/port.ts';
import { day } from '../contract/subject.ts';
import { databaseName, databases } from '../stores/mongo-database.ts';
import { recordsFrom } from './file.ts';

const own = databases();
let url: string;

const open = (): Promise<Store> => openMongoStore(url, { cursorLifetime: day, timezone: 'UTC', parameters: [] });

const database = () => own.client().db(databaseName(url));
const records = (): Collection<AuditDocument> => database().collection<AuditDocument>('osteon_audit');
const seals = (): Collection<SealDocument> => database().collection<SealDocument>('osteon_audit_seals');

/** The seals of the first process. */
const sealsOfFirst = () => seals().find({ '_id.chain': 0 }).sort({ _id: 1 }).toArray();

/** What must be there. */
function some<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('there is nothing');
  return value;
}

/** Two processes' chains: one of three seals, one of one. */
beforeEach(async () => {
  url = own.url();
  const one = await open();
  const other = await open();
  for (const start of [1, 11, 21]) {
    await one.audit.append(recordsFrom(start, 10));
    await one.audit.heads();
  }
  await other.audit.append(recordsFrom(31, 5));
  await Promise.all([one.close(), other.close()]);
});

async function fault(heads: readonly string[] = []): Promise<AuditVerification['fault']> {
  return (await verifyDatabase(url, { heads })).fault;
}

/** The events in order. */
const sequences = async () => (await records().find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);

test('counts what is there and finds no fault', async () => {
  const { fault: none, heads, ...counts } = await verifyDatabase(url);
  expect(none).toBeUndefined();
  expect(counts).toMatchObject({ events: 35, batches: 4, chains: 2, first: (await sequences())[0] });
  expect(await fault(heads.map(({ process, sequence, hash }) => `${process}:${sequence}:${hash}`))).toBeUndefined();
  const again = await open();
  expect(await again.audit.heads()).toEqual(new Map(heads.map(({ process, hash }) => [process, hash])));
  await again.close();
});

test('a database without events is well', async () => {
  url = own.url();
  expect(await verifyDatabase(url)).toEqual({ events: 0, batches: 0, chains: 0, first: 0, heads: [] });
});

test.each(['agent', 'entity', 'status', 'at', 'query', 'id'])('a changed %s shows', async (member) => {
  const changed = some((await sequences())[14]);
  await records().updateOne({ _id: changed }, { $set: { [member]: member === 'at' ? new Date() : 'changed' } });
  expect((await fault())?.text).toContain('was changed');
});

test('a removed event shows', async () => {
  await records().deleteOne({ _id: some((await sequences())[3]) });
  expect((await fault())?.text).toContain('Of 10 events');
});

test('an event that was added between others shows', async () => {
  const before = some((await sequences())[2]);
  const copy = some(await records().findOne({ _id: before }));
  await records().insertOne({ ...copy, _id: before + 1 });
  expect((await fault())?.text).toContain('Of 10 events');
});

test('a removed seal, and one that was made anew, show', async () => {
  const [first, second] = (await sealsOfFirst()).map(some);
  await seals().deleteOne({ _id: some(first)._id });
  expect((await fault())?.text).toContain('missing');
  await seals().insertOne({ ...some(first), hash: 'f'.repeat(64) });
  expect(await fault()).toBeDefined();
  await seals().updateOne({ _id: some(second)._id }, { $set: { removed: true } });
  expect(await fault()).toBeDefined();
});

test('a cut tail shows by a head that was noted', async () => {
  const { heads } = await verifyDatabase(url);
  const { _id, first, last } = some((await sealsOfFirst()).at(-1));
  await seals().deleteOne({ _id });
  await records().deleteMany({ by: 0, _id: { $gte: first, $lte: last } });
  expect(await fault()).toBeUndefined();
  expect((await fault([some(heads[0]).hash]))?.text).toContain('is in no chain');
});
