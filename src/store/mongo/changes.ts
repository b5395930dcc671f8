/** The documents that planned writes make. https://hl7.org/fhir/R4/http.html#transaction */
import type { AnyBulkWriteOperation, ClientSession, Db, ObjectId } from 'mongodb';
import { byType } from './by-type.ts';
import type { Block } from './clock.ts';
import { type CurrentDocument, type HistoryDocument, historyName, type VersionFields } from './document.ts';
import type { Files } from './files.ts';
import type { Planned } from './plan.ts';
import { contentOf } from './prepare.ts';
import { Outdated } from './transaction.ts';

/** What a write does to the documents of its resource. */
export interface Change {
  readonly type: string;
  readonly id: string;
  /** As it was when the commit was planned. */
  readonly before: CurrentDocument | undefined;
  /** undefined: the resource is erased. */
  readonly after: CurrentDocument | undefined;
}

/** The changes of a commit, and what they take along in files. */
export interface Changes {
  readonly changes: readonly Change[];
  /** Files that were written for them: to be removed if they aren't made. */
  readonly files: readonly ObjectId[];
}

/** Makes the documents of the writes that change something; large bytes are in files then. */
export async function changesOf(planned: readonly Planned[], block: Block, files: Files): Promise<Changes> {
  const changes: Change[] = [];
  const written: ObjectId[] = [];
  for (const { write, prepared, current, versionId, time = block.updated } of planned) {
    const { type, id } = write;
    const before = current?.document;
    if (write.kind === 'erase') {
      changes.push({ type, id, before, after: undefined });
      continue;
    }
    const change = block.at(changes.length);
    const version = { version: versionId, change, commit: block.first, updated: new Date(time) };
    if (prepared === undefined || write.kind === 'delete') {
      changes.push({ type, id, before, after: { _id: id, ...version, method: 'DELETE', deleted: true } });
      continue;
    }
    const { fields, large } = contentOf(prepared, versionId, time);
    const file = large === undefined ? undefined : await files.write(write, large);
    if (file !== undefined) written.push(file);
    const after: CurrentDocument = {
      _id: id,
      ...version,
      method: write.method,
      ...fields,
      ...(file === undefined ? {} : { file }),
      ...prepared.found,
      ...(prepared.words === undefined ? {} : { words: prepared.words }),
    };
    changes.push({ type, id, before, after });
  }
  return { changes, files: written };
}

/** The superseded version of a document that was replaced. */
export function superseded(before: CurrentDocument, block: Block, until: number): HistoryDocument {
  const { _id: id, rewritten: _rewritten, pending: _pending, ...fields }: CurrentDocument & VersionFields = before;
  return {
    ...fields,
    _id: { id, version: before.version },
    until,
    untilCommit: block.first,
    replaced: new Date(block.updated),
    ...(before.deleted === true ? {} : { kept: true }),
  };
}

/**
 * Makes the changes in a transaction.
 * @throws Outdated when a document isn't any more as it was when they were planned.
 */
export async function makeChanges(
  db: Db,
  changes: readonly Change[],
  block: Block,
  session: ClientSession,
): Promise<void> {
  for (const [type, of] of byType(changes, (change) => change.type)) {
    const operations = of.map(operationOf);
    const replaced = of.filter(({ before, after }) => before !== undefined && after !== undefined).length;
    const erased = of.filter(({ after }) => after === undefined);
    const result = await db.collection<CurrentDocument>(type).bulkWrite(operations, { session, ordered: false });
    if (result.matchedCount !== replaced || result.deletedCount !== erased.length) throw new Outdated();
    const archive = of.flatMap(({ before, after }) =>
      before === undefined || after === undefined ? [] : [superseded(before, block, after.change)],
    );
    const history = db.collection<HistoryDocument>(historyName(type));
    if (archive.length > 0) await history.insertMany(archive, { session, ordered: false });
    for (const { id } of erased) await history.deleteMany(versionsOf(id), { session });
  }
}

function operationOf({ id, before, after }: Change): AnyBulkWriteOperation<CurrentDocument> {
  if (before === undefined) {
    if (after === undefined) throw new Error('what was never there is not erased');
    return { insertOne: { document: after } };
  }
  const { change, rewritten } = before;
  const filter = { _id: id, change, rewritten: rewritten ?? { $exists: false } };
  if (after === undefined) return { deleteOne: { filter } };
  const { _id, ...replacement } = after;
  return { replaceOne: { filter, replacement } };
}

/** The superseded versions of a resource. */
export function versionsOf(id: string): {
  readonly _id: { readonly $gte: HistoryDocument['_id']; readonly $lte: HistoryDocument['_id'] };
} {
  return { _id: { $gte: { id, version: 0 }, $lte: { id, version: Number.MAX_SAFE_INTEGER } } };
}

/** Whether the commit with these numbers has made one of the changes, by what is stored now. */
export async function wereMade(db: Db, changes: readonly Change[], block: Block): Promise<boolean> {
  const one = changes.find(({ after }) => after !== undefined);
  // Erased is erased.
  if (one === undefined) return true;
  const current = db.collection<CurrentDocument>(one.type);
  if ((await current.findOne({ _id: one.id, commit: block.first }, { projection: { _id: 1 } })) !== null) return true;
  const { version = 0 } = one.after ?? {};
  const before = await db
    .collection<HistoryDocument>(historyName(one.type))
    .findOne({ _id: { id: one.id, version }, commit: block.first }, { projection: { _id: 1 } });
  return before !== null;
}

/** Files of all versions of resources. */
export async function filesOf(db: Db, type: string, ids: readonly string[]): Promise<readonly ObjectId[]> {
  const found: ObjectId[] = [];
  for (const id of ids) {
    const current = db
      .collection<CurrentDocument>(type)
      .find({ _id: id, file: { $exists: true } }, { projection: { file: 1 } });
    for await (const { file } of current) if (file !== undefined) found.push(file);
    const history = db
      .collection<HistoryDocument>(historyName(type))
      .find({ ...versionsOf(id), file: { $exists: true } }, { projection: { file: 1 } });
    for await (const { file } of history) if (file !== undefined) found.push(file);
  }
  return found;
}
