/** Reads a whole database, also beside the processes that write to it. https://hl7.org/fhir/R4/http.html#history */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Db, WithId } from 'mongodb';
import type { ChangedVersion, CopySource } from '../copy-source.ts';
import { StoreUnavailable } from '../errors.ts';
import { AuditReads } from './audit-log.ts';
import { Bodies, projection } from './bodies.ts';
import { bufferOf } from './bytes.ts';
import { historyName, names, type VersionFields, type VersionKey } from './document.ts';
import { Files } from './files.ts';
import { Living, type Sign } from './living.ts';
import { connect } from './open.ts';
import { TerminologyReads } from './terminology-read.ts';
import { Types } from './types.ts';

/** Versions that are given at once. */
const some = 200;
/** Milliseconds for which commits in flight are waited for, and between two looks: a process that died is one for a while. */
const patience = 20_000;
const pause = 100;

/**
 * Opens a database for a copy.
 * @throws StoreUnavailable where there is no store.
 */
export async function openMongoSource(url: string): Promise<CopySource> {
  const { client, db, name } = await connect(url);
  const store = await db.collection(names.meta).findOne({ secret: { $exists: true } });
  if (store === null) {
    await client.close();
    throw new StoreUnavailable(`There is no store in ${name}.`);
  }
  const bodies = new Bodies(new Files(db));
  const types = new Types(db);
  return {
    name,
    identity: createHash('sha256').update(bufferOf(store.secret)).digest('hex'),
    last: () => complete(db, types),
    versions: (after, upTo) => versions(db, types, bodies, after, upTo),
    audit: new AuditReads(db),
    terminology: new TerminologyReads(db),
    close: () => client.close(),
  };
}

/** The greatest change number up to which nothing is in flight any more. */
async function complete(db: Db, types: Types): Promise<number> {
  const newest = await types.newest(await types.known());
  const limit = Date.now() + patience;
  const processes = db.collection<Sign & { readonly floor: number | null }>(names.processes);
  const seen = new Living(() => performance.now());
  for (;;) {
    const { living } = await seen.among(() => processes.find({ floor: { $ne: null } }).toArray());
    const safe = Math.min(newest, ...living.map(({ floor }) => floor ?? newest));
    if (safe >= newest || Date.now() > limit) return safe;
    await wait(pause);
  }
}

interface Stored extends VersionFields {
  readonly _id: string | VersionKey;
}

/** Documents of one collection in the order of their changes. */
interface Stream {
  readonly type: string;
  readonly documents: AsyncIterator<WithId<Stored>>;
  /** The next one. */
  head: WithId<Stored> | undefined;
}

async function* versions(
  db: Db,
  types: Types,
  bodies: Bodies,
  after: number,
  upTo: number,
): AsyncGenerator<readonly ChangedVersion[]> {
  const streams: Stream[] = [];
  for (const type of await types.known()) {
    for (const name of [type, historyName(type)]) {
      const found = db
        .collection<Stored>(name)
        .find({ change: { $gt: after, $lte: upTo } }, { projection: { ...projection, change: 1 }, batchSize: some })
        .sort({ change: 1 });
      const documents = found[Symbol.asyncIterator]();
      streams.push({ type, documents, head: await nextOf(documents) });
    }
  }
  // What is replaced while this is read may be seen twice, as the current one and in the history.
  let last = after;
  let batch: ChangedVersion[] = [];
  for (;;) {
    const stream = first(streams);
    if (stream?.head === undefined) break;
    const { head } = stream;
    stream.head = await nextOf(stream.documents);
    if (head.change <= last) continue;
    last = head.change;
    batch.push({ ...(await bodies.versionOf(stream.type, head)), change: head.change });
    if (batch.length < some) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function nextOf(documents: Stream['documents']): Promise<Stream['head']> {
  const { done, value } = await documents.next();
  return done === true ? undefined : value;
}

/** The stream with the earliest change; undefined: all are at their end. */
function first(streams: readonly Stream[]): Stream | undefined {
  let earliest: Stream | undefined;
  for (const stream of streams) {
    if (stream.head === undefined) continue;
    if (earliest?.head === undefined || stream.head.change < earliest.head.change) earliest = stream;
  }
  return earliest;
}
