/** The documents that planned writes make. https://hl7.org/fhir/R4/http.html#transaction */
import type { ClientSession, Db, ObjectId, UnorderedBulkOperation } from 'mongodb';
import { makePace } from '../pace.ts';
import { byType } from './by-type.ts';
import type { Block } from './clock.ts';
import { type CurrentDocument, type HistoryDocument, historyName, type VersionFields } from './document.ts';
import type { Files } from './files.ts';
import type { Planned } from './plan.ts';
import { contentOf } from './prepare.ts';
import { Outdated } from './transaction.ts';

/** Changes that one command makes. */
const step = 300;

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
  const rest = makePace();
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
    await rest();
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

/** Changes as commands of one collection, which have their documents in BSON already. */
export interface Command {
  readonly bulk: UnorderedBulkOperation;
  /** How many documents must be there as they were. */
  readonly replaced: number;
  readonly deleted: number;
}

/** Commands, with what is known by ids alone. */
export interface Commands {
  readonly commands: readonly Command[];
  /** Superseded versions that go with their resources. */
  readonly erased: readonly Change[];
}

/**
 * Makes the commands of changes before the transaction begins, which has a minute. Each is small, so that a server, and this
 * process, do other things in between.
 */
export async function commandsOf(db: Db, changes: readonly Change[], block: Block): Promise<Commands> {
  const commands: Command[] = [];
  const rest = makePace();
  for (const [type, of] of byType(changes, (change) => change.type)) {
    const archive = of.flatMap(({ before, after }) =>
      before === undefined || after === undefined ? [] : [{ before, until: after.change }],
    );
    for (const some of inSteps(of)) {
      const bulk = db.collection<CurrentDocument>(type).initializeUnorderedBulkOp();
      for (const change of some) {
        add(bulk, change);
        await rest();
      }
      const deleted = some.filter(({ after }) => after === undefined).length;
      const inserted = some.filter(({ before }) => before === undefined).length;
      commands.push({ bulk, replaced: some.length - inserted - deleted, deleted });
    }
    for (const some of inSteps(archive)) {
      const bulk = db.collection<HistoryDocument>(historyName(type)).initializeUnorderedBulkOp();
      for (const { before, until } of some) {
        bulk.insert(superseded(before, block, until));
        await rest();
      }
      commands.push({ bulk, replaced: 0, deleted: 0 });
    }
  }
  return { commands, erased: changes.filter(({ after }) => after === undefined) };
}

/**
 * Gives commands in a transaction.
 * @throws Outdated when a document isn't any more as it was when they were planned.
 */
export async function makeChanges(db: Db, { commands, erased }: Commands, session: ClientSession): Promise<void> {
  for (const { bulk, replaced, deleted } of commands) {
    const { matchedCount, deletedCount } = await bulk.execute({ session });
    if (matchedCount !== replaced || deletedCount !== deleted) throw new Outdated();
  }
  for (const { type, id } of erased)
    await db.collection<HistoryDocument>(historyName(type)).deleteMany(versionsOf(id), { session });
}

function add(bulk: UnorderedBulkOperation, { id, before, after }: Change): void {
  if (before === undefined) {
    if (after === undefined) throw new Error('what was never there is not erased');
    bulk.insert(after);
    return;
  }
  const { change, rewritten } = before;
  const found = bulk.find({ _id: id, change, rewritten: rewritten ?? { $exists: false } });
  if (after === undefined) {
    found.deleteOne();
    return;
  }
  const { _id, ...replacement } = after;
  found.replaceOne(replacement);
}

function* inSteps<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += step) yield items.slice(start, start + step);
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
