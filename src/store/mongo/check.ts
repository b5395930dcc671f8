/**
 * Compares a database's documents with the bytes that they keep, and versions with each other, also beside servers.
 * https://hl7.org/fhir/R4/search.html
 */
import type { Db, Document } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { type Finding, finding, type Progress } from '../finding.ts';
import type { Reextract } from '../parameter-index.ts';
import { Bodies } from './bodies.ts';
import { changeOf, DocumentCheck, type Problem } from './check-document.ts';
import { type HistoryDocument, historyName, names } from './document.ts';
import { Files } from './files.ts';
import type { ParametersDocument, StoreDocument } from './meta.ts';
import { connect } from './open.ts';
import type { ParameterRow } from './parameters.ts';
import { checkTerminology } from './terminology-check.ts';
import { Types } from './types.ts';

export interface CheckOptions {
  /** Whether to rewrite what is wrong. */
  readonly repair?: boolean;
}

/** Resources that are looked at together. */
const batch = 200;
/** Milliseconds after which a file that no version names is nobody's: it is written before the version. */
const orphanAfter = 3_600_000;

/** A database that is to be checked. */
export interface OpenedForCheck {
  /** What its entries were made with. */
  readonly timezone: unknown;
  readonly extraction: unknown;
  readonly rows: readonly ParameterRow[];
  /** `isEarlier`: whether a parameter's entries are those of an earlier release, which this one doesn't make. */
  readonly check: (
    reextract: Reextract,
    isEarlier: (parameter: ParameterRow) => boolean,
    options: CheckOptions,
  ) => AsyncGenerator<Finding | Progress>;
  readonly close: () => Promise<void>;
}

/** Opens the database of a `STORE_URL`. @throws StoreUnavailable where there is no store. */
export async function openForCheck(url: string): Promise<OpenedForCheck> {
  const { client, db, name } = await connect(url);
  const store = await db.collection<StoreDocument>(names.meta).findOne({ _id: 'store' });
  const parameters = await db.collection<ParametersDocument>(names.meta).findOne({ _id: 'parameters' });
  if (store === null || parameters === null) {
    await client.close();
    throw new StoreUnavailable(`There is no store in ${name}.`);
  }
  const { timezone, extraction } = store;
  const { rows } = parameters;
  const check: OpenedForCheck['check'] = (reextract, isEarlier, options) =>
    checkDatabase(db, rows, reextract, { ...options, isEarlier });
  return { timezone, extraction, rows, check, close: () => client.close() };
}

/** Checks a database; yields what is wrong as it is found, and progress in between. */
export async function* checkDatabase(
  db: Db,
  rows: readonly ParameterRow[],
  reextract: Reextract,
  options: CheckOptions & { readonly isEarlier?: (parameter: ParameterRow) => boolean } = {},
): AsyncGenerator<Finding | Progress> {
  const repair = options.repair === true;
  const known = await new Types(db).known();
  const check = new DocumentCheck(new Bodies(new Files(db)), rows, reextract, options.isEarlier);
  let total = 0;
  for (const type of known) total += await db.collection(type).countDocuments({ deleted: { $exists: false } });
  let done = 0;
  for (const type of known) {
    for await (const documents of batches(db, type)) {
      for (const document of documents) {
        yield* checkHistory(db, type, document);
        const problem = await check.problem(type, String(document._id), document);
        if (problem !== undefined) yield await told(db, type, `${type}/${document._id}`, document, problem, repair);
      }
      done += documents.filter(({ deleted }) => deleted !== true).length;
      yield { kind: 'progress', done, total };
    }
    for await (const document of db.collection<HistoryDocument>(historyName(type)).find()) {
      const { id, version } = document._id;
      const name = `${type}/${id}, version ${version}`;
      const problem = (await isLost(db, type, id))
        ? { text: 'it belongs to no resource' }
        : await check.problem(type, id, document);
      if (problem !== undefined) yield await told(db, historyName(type), name, document, problem, repair);
    }
  }
  yield* checkFiles(db, known, repair);
  yield* checkTerminology(db, repair);
}

/** Documents of a type's collection, some at a time, so that no cursor has to live for long. */
async function* batches(db: Db, type: string): AsyncGenerator<readonly Document[]> {
  for (let last: unknown = ''; ; ) {
    // The identity is a text here, not an ObjectId.
    const after: Document = { _id: { $gt: last } };
    const documents: Document[] = await db.collection(type).find(after).sort({ _id: 1 }).limit(batch).toArray();
    if (documents.length === 0) return;
    yield documents;
    last = documents.at(-1)?._id;
  }
}

/** Versions without gaps up to the current one, each replaced by the next. */
async function* checkHistory(db: Db, type: string, { _id: id, version, change }: Document): AsyncGenerator<Finding> {
  const projection = { version: 1, change: 1, until: 1 };
  const range: Document = { _id: { $gte: { id, version: 0 }, $lt: { id, version } } };
  const found: Document[] = await db
    .collection(historyName(type))
    .find(range, { projection })
    .sort({ _id: 1 })
    .toArray();
  // What was erased meanwhile, or replaced by an erased one's successor, is looked at in the next check.
  const again: Document = { _id: id, change };
  const still = await db.collection(type).findOne(again, { projection: { _id: 1 } });
  if (still === null) return;
  if (found.length !== version - 1 || found.some((each, place) => each.version !== place + 1)) {
    yield finding(`${type}/${id}: its versions are not 1, 2, … up to the current one`);
    return;
  }
  for (const [place, each] of found.entries()) {
    const next = changeOf(found[place + 1]) ?? change;
    if (each.until === next && each.change < next) continue;
    yield finding(`${type}/${id}: version ${each.version} was not replaced by the next`);
  }
}

/** Whether a superseded version has no resource. */
async function isLost(db: Db, type: string, id: string): Promise<boolean> {
  const of: Document = { _id: id };
  return (await db.collection(type).findOne(of, { projection: { _id: 1 } })) === null;
}

async function told(
  db: Db,
  collection: string,
  name: string,
  { _id, change }: Document,
  { text, update }: Problem,
  repair: boolean,
): Promise<Finding> {
  // Another version may have taken its place.
  const unchanged: Document = { _id, change };
  const repaired =
    repair && update !== undefined && (await db.collection(collection).updateOne(unchanged, update)).matchedCount === 1;
  return finding(`${name}: ${text}`, repaired);
}

/** Files that no version names. */
async function* checkFiles(db: Db, types: readonly string[], repair: boolean): AsyncGenerator<Finding> {
  const named = new Set<string>();
  for (const name of types.flatMap((type) => [type, historyName(type)])) {
    const having = db.collection(name).find({ file: { $exists: true } }, { projection: { file: 1 } });
    for await (const { file } of having) named.add(String(file));
  }
  const files = new Files(db);
  const old = { uploadDate: { $lt: new Date(Date.now() - orphanAfter) } };
  for await (const { _id } of db.collection(`${names.files}.files`).find(old, { projection: { _id: 1 } })) {
    if (named.has(String(_id))) continue;
    if (repair) await files.remove([_id]);
    yield finding(`a file belongs to no version`, repair);
  }
}
