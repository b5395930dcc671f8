/** Copies a store into another one: every version under its number and instant, and the AuditEvents. https://hl7.org/fhir/R4/http.html#history */
import { createHash } from 'node:crypto';
import { makeBody } from '../../fhir/body.ts';
import { parseJson } from '../../fhir/json.ts';
import { isResource } from '../../fhir/resource.ts';
import type { Context } from '../../interactions/context.ts';
import { extractAll } from '../../search/extract/contained.ts';
import type { AuditRecord } from '../../store/audit-record.ts';
import type { ChangedVersion, CopySource } from '../../store/copy-source.ts';
import { Conflict, StoreUnavailable } from '../../store/errors.ts';
import type { LoadedSystem, TerminologyStore } from '../../store/terminology.ts';
import type { Entries, Write } from '../../store/write.ts';
import { sumOfSystem } from './compare.ts';

/** How far a copy is; the target keeps it with what was copied, so that the next one goes on from there. */
export interface Progress {
  /** The last change that was copied. */
  readonly change: number;
  readonly versions: number;
  /** The sequence of the last AuditEvent. */
  readonly audit: number;
  readonly events: number;
}

/** What the copy is made into. */
export type Target = Pick<Context, 'store' | 'extract' | 'searchParameters' | 'conformance' | 'newId'>;

export interface CopyOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Asked between commits: whether to end early. */
  readonly stopped?: () => boolean;
}

/** Versions, and bytes, of a commit. */
const mostVersions = 500;
const mostBytes = 4 << 20;
/** AuditEvents that are appended at once. */
const mostEvents = 2000;
/** How often a commit is made anew because search parameters have changed meanwhile. */
const attempts = 50;
/** The greatest instant that FHIR can write: what is kept until then isn't removed. */
const always = Date.UTC(9999, 0, 1);
const nothing: Progress = { change: 0, versions: 0, audit: 0, events: 0 };

/**
 * Copies what the target doesn't have yet, up to what the source has now.
 * @throws StoreUnavailable where the target is no beginning of a copy of this source.
 */
export async function copyStore(source: CopySource, target: Target, options: CopyOptions = {}): Promise<Progress> {
  const { store } = target;
  const key = `copy of ${source.identity}`;
  if (createHash('sha256').update(store.secret).digest('hex') === source.identity)
    throw new StoreUnavailable('A store can not be copied into itself.');
  const text = await store.kept(key);
  let progress: Progress = text === undefined ? nothing : JSON.parse(text);
  if (text === undefined && (await store.history({ count: 1 })).versions.length > 0)
    throw new StoreUnavailable(
      `${store.name} has resources, and no copy of ${source.name} began there: it must be empty.`,
    );
  const done = (next: Progress) => {
    progress = next;
    options.onProgress?.(next);
  };
  const upTo = await source.last();
  const lastEvent = await source.audit.last();
  for await (const batch of batches(source.versions(progress.change, upTo))) {
    if (options.stopped?.() === true) return progress;
    // Where a store has no transactions, the first batch may be cut off in its middle.
    if (progress === nothing) await store.keep(key, JSON.stringify(nothing), always);
    const { change = 0 } = batch.at(-1) ?? {};
    const next = { ...progress, change, versions: progress.versions + batch.length };
    await copyVersions(target, batch, { key, text: JSON.stringify(next), until: always });
    done(next);
  }
  let fresh = text === undefined;
  for await (const { records, last } of events(source, progress.audit, lastEvent)) {
    if (options.stopped?.() === true) return progress;
    // The end of an earlier copy may have come between appending and keeping how far it was.
    const missing = fresh ? records : await missingIn(target, records);
    fresh ||= missing.length === records.length;
    if (missing.length > 0) await store.audit.append(missing);
    const next = { ...progress, audit: last, events: progress.events + records.length };
    await store.keep(key, JSON.stringify(next), always);
    done(next);
  }
  await copySystems(source, target, options);
  return progress;
}

/** Makes the loaded code systems those of the source; one that was cut off isn't there at all. */
async function copySystems(
  { terminology }: CopySource,
  { store, conformance, newId }: Target,
  options: CopyOptions,
): Promise<void> {
  const there = await store.terminology.systems();
  const wanted = await terminology.systems();
  for (const { url, version } of there) {
    if (wanted.some((each) => each.url === url && each.version === version)) continue;
    await store.terminology.remove(url, version);
    await conformance.announce(newId);
  }
  for (const { count, revision: _, ...system } of wanted) {
    if (options.stopped?.() === true) return;
    const has = there.find(({ url, version }) => url === system.url && version === system.version);
    // The same version may have been loaded anew, with as many concepts.
    if (has?.count === count && (await isSame(terminology, system, store.terminology, has))) continue;
    await store.terminology.load(system, () => terminology.all(system));
    await conformance.announce(newId);
  }
}

async function isSame(
  terminology: CopySource['terminology'],
  system: LoadedSystem,
  copies: Pick<TerminologyStore, 'all'>,
  copy: LoadedSystem,
): Promise<boolean> {
  const [one, other] = [await sumOfSystem(terminology, system), await sumOfSystem(copies, copy)];
  return one.hash === other.hash;
}

/** Runs of versions that one commit takes: of a resource at most one, and SearchParameters by themselves. */
async function* batches(versions: AsyncIterable<readonly ChangedVersion[]>): AsyncGenerator<readonly ChangedVersion[]> {
  let batch: ChangedVersion[] = [];
  let keys = new Set<string>();
  let bytes = 0;
  for await (const some of versions) {
    for (const version of some) {
      const { type, id, body } = version;
      const key = `${type}/${id}`;
      const size = body?.byteLength ?? 0;
      const alone = type === 'SearchParameter' || batch[0]?.type === 'SearchParameter';
      const full = batch.length >= mostVersions || bytes + size > mostBytes;
      if (batch.length > 0 && (full || alone || keys.has(key))) {
        yield batch;
        batch = [];
        keys = new Set();
        bytes = 0;
      }
      batch.push(version);
      keys.add(key);
      bytes += size;
    }
  }
  if (batch.length > 0) yield batch;
}

async function copyVersions(
  { store, extract, searchParameters, conformance, newId }: Target,
  batch: readonly ChangedVersion[],
  note: { readonly key: string; readonly text: string; readonly until: number },
): Promise<void> {
  const times = batch.map(({ lastUpdated }) => lastUpdated);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { generation } = store.parameters;
      const writes = batch.map((version) => writeOf(version, extract));
      const notes = [note, ...conformance.notesOf(writes, newId)];
      const commit = () => store.commit({ writes, conditions: [], audit: [], notes, times, generation });
      const defines = batch[0]?.type === 'SearchParameter';
      const { written } = defines ? await searchParameters.commit(writes, commit) : await commit();
      for (const [place, { type, id, versionId, lastUpdated }] of batch.entries()) {
        const copy = written[place];
        // Unchanged is what an earlier copy made before it was cut off, where a store has no transactions.
        if (copy?.versionId === versionId && copy.lastUpdated === lastUpdated) continue;
        throw new StoreUnavailable(
          `${type}/${id}, version ${versionId}, has become version ${copy?.versionId} of ${store.name}: someone else has ` +
            'written there. Begin anew with an empty store.',
        );
      }
      return;
    } catch (error) {
      if (!(error instanceof Conflict && error.of === 'parameters') || attempt === attempts) throw error;
    }
  }
}

function writeOf({ type, id, method, body }: ChangedVersion, extract: Context['extract']): Write {
  if (body === undefined || method === 'DELETE') return { kind: 'delete', type, id };
  return { kind: 'put', method, type, id, body: makeBody(body, id), ...entriesOf(body, extract) };
}

function entriesOf(bytes: Uint8Array, extract: Context['extract']): Entries {
  const { indexed } = parseJson(bytes);
  return isResource(indexed) ? extractAll(indexed, extract) : { entries: [] };
}

/** AuditEvents after a sequence and up to another, some at a time. */
async function* events(
  { audit }: CopySource,
  after: number,
  upTo: number,
): AsyncGenerator<{ readonly records: readonly AuditRecord[]; readonly last: number }> {
  if (after >= upTo) return;
  let records: AuditRecord[] = [];
  let last = after;
  for await (const some of audit.find({}, 'ascending', after, upTo)) {
    for (const { sequence, record } of some) {
      records.push(record);
      last = sequence;
    }
    if (records.length < mostEvents) continue;
    yield { records, last };
    records = [];
  }
  if (records.length > 0) yield { records, last };
}

/** Those of the records that the target doesn't have. */
async function missingIn({ store }: Target, records: readonly AuditRecord[]): Promise<readonly AuditRecord[]> {
  const there = new Set<string>();
  const ids = records.map(({ id }) => id);
  for await (const some of store.audit.find({ ids }, 'ascending')) for (const { record } of some) there.add(record.id);
  return records.filter(({ id }) => !there.has(id));
}
