/**
 * Commits on a server that has no transactions: of one write at most, or of a copy. https://hl7.org/fhir/R4/http.html#transaction
 *
 * What is current is archived first, which does no harm if it stays current; then it is replaced, if it is still the same.
 * The AuditEvents of a write come with the new document, and are moved to their own collection afterwards.
 */
import { type Db, MongoServerError } from 'mongodb';
import type { AuditRecord } from '../audit-record.ts';
import { Unsupported } from '../errors.ts';
import type { AuditAppender } from './audit-append.ts';
import { type Change, superseded, versionsOf } from './changes.ts';
import type { Block } from './clock.ts';
import { type CurrentDocument, type HistoryDocument, historyName } from './document.ts';
import { Outdated } from './transaction.ts';
import type { Types } from './types.ts';

const duplicateKey = 11000;

/** Throws Unsupported for more writes than one. */
export function requireOne(changes: number): void {
  if (changes <= 1) return;
  throw new Unsupported(
    'This MongoDB has no transactions, since it is no replica set, so that several resources can not be written together: send them one by one.',
  );
}

/**
 * Makes a change with its AuditEvents.
 * @throws Outdated when the document isn't any more as it was when the change was planned.
 */
export async function makeOne(
  db: Db,
  { type, id, before, after }: Change,
  records: readonly AuditRecord[],
  block: Block,
  audit: AuditAppender,
): Promise<void> {
  const current = db.collection<CurrentDocument>(type);
  const history = db.collection<HistoryDocument>(historyName(type));
  const documents = audit.documents(records, block, 1);
  if (before?.pending !== undefined) await move(db, type, before, audit);
  const { change = 0 } = before ?? {};
  if (after === undefined) {
    // There will be no document that they could come with.
    await audit.insert(documents);
    const { deletedCount } = await current.deleteOne({ _id: id, change });
    if (deletedCount === 0) throw new Outdated();
    await history.deleteMany(versionsOf(id));
    return;
  }
  const whole = documents.length === 0 ? after : { ...after, pending: documents };
  if (before === undefined) {
    try {
      await current.insertOne(whole);
    } catch (error) {
      if (error instanceof MongoServerError && error.code === duplicateKey) throw new Outdated();
      throw error;
    }
  } else {
    const { _id: key, ...archived } = superseded(before, block, after.change);
    await history.replaceOne({ _id: key }, archived, { upsert: true });
    const { _id, ...replacement } = whole;
    const { matchedCount } = await current.replaceOne({ _id, change }, replacement);
    if (matchedCount === 0) throw new Outdated();
  }
  if (documents.length > 0) await move(db, type, whole, audit);
}

/**
 * Makes the changes of a copy, in their order. One that is cut off has made the first of them; the same copy once more finds
 * those unchanged, and makes the rest.
 * @throws Outdated as `makeOne` does.
 */
export async function makeEach(db: Db, changes: readonly Change[], block: Block, audit: AuditAppender): Promise<void> {
  for (const change of changes) await makeOne(db, change, [], block, audit);
}

/** Moves AuditEvents that came with documents, where a process ended before it could. */
export async function moveAll(db: Db, types: Types, audit: AuditAppender): Promise<void> {
  for (const type of await types.known()) {
    const left = db.collection<CurrentDocument>(type).find({ pending: { $exists: true } });
    for await (const document of left) await move(db, type, document, audit);
  }
}

async function move(db: Db, type: string, document: CurrentDocument, audit: AuditAppender): Promise<void> {
  const { _id, change, pending = [] } = document;
  await audit.insert(pending);
  await db.collection<CurrentDocument>(type).updateOne({ _id, change }, { $unset: { pending: '' } });
}
