/**
 * Removes files that no version refers to: of a process that was killed between writing a file and its commit, or while it
 * wrote it. https://hl7.org/fhir/R4/binary.html
 */
import type { Db, ObjectId } from 'mongodb';
import { byType } from './by-type.ts';
import { versionsOf } from './changes.ts';
import { type CurrentDocument, type HistoryDocument, historyName, names } from './document.ts';
import type { Files } from './files.ts';
import type { Leases } from './leases.ts';

/** Milliseconds after which a commit that was to refer to a file is surely over. */
const old = 3_600_000;
/** Milliseconds between two times. */
const every = 3_600_000;
/** Files that are looked at in one step. */
const step = 1000;
/** Resources whose versions one command looks at. */
const some = 100;

interface OrphansOptions {
  readonly files: Pick<Files, 'remove'>;
  readonly leases: Pick<Leases, 'ifAlone'>;
  /** Milliseconds that have passed in this process since some time: the clocks of two are never compared. */
  readonly clock?: () => number;
}

/** A file, with the resource that it was written for. */
interface FileOf {
  readonly file: ObjectId;
  readonly type: string;
  readonly id: string;
}

export class Orphans {
  readonly #db: Db;
  readonly #options: Required<OrphansOptions>;
  /** Files that had no version when this process last looked, and since when. */
  #seen: ReadonlyMap<string, number> = new Map();
  #next = Number.NEGATIVE_INFINITY;

  constructor(db: Db, options: OrphansOptions) {
    this.#db = db;
    this.#options = { clock: () => performance.now(), ...options };
  }

  /**
   * Removes them, where that wasn't done within the last hour, and no other process is at it.
   * @param stopped whether to end early.
   */
  async forget(stopped: () => boolean): Promise<void> {
    const { leases, clock } = this.#options;
    if (clock() < this.#next) return;
    const done = await leases.ifAlone('files', () => this.remove(stopped));
    if (done !== undefined) this.#next = clock() + every;
  }

  /**
   * Removes those that this process has found without a version twice, an hour apart: the first time they may have been of a
   * commit in flight. Resolves to how many they were.
   */
  async remove(stopped: () => boolean = () => false): Promise<number> {
    const chunks = this.#db.collection<{ readonly files_id: ObjectId; readonly n: number }>(`${names.files}.chunks`);
    const projection = { _id: 0, files_id: 1 };
    const seen = new Map<string, number>();
    let after: ObjectId | undefined;
    let removed = 0;
    while (!stopped()) {
      // Of a file that isn't whole there is nothing but chunks.
      const found = await chunks
        .find({ ...(after === undefined ? {} : { files_id: { $gt: after } }), n: 0 }, { projection })
        .sort({ files_id: 1 })
        .limit(step)
        .toArray();
      after = found.at(-1)?.files_id;
      if (after === undefined) {
        this.#seen = seen;
        return removed;
      }
      const at = this.#options.clock();
      const ids = found.map(({ files_id }) => files_id);
      const whole = await this.#whole(ids);
      const used = await this.#usedOf(whole, stopped);
      if (used === undefined) break;
      const orphans: ObjectId[] = [];
      for (const id of ids) {
        const key = id.toHexString();
        if (used.has(key)) continue;
        const since = this.#seen.get(key);
        if (since !== undefined && at - since >= old) orphans.push(id);
        else seen.set(key, since ?? this.#options.clock());
      }
      await this.#remove(orphans, whole);
      removed += orphans.length;
    }
    return removed;
  }

  /** The resources of files that are whole. */
  async #whole(ids: readonly ObjectId[]): Promise<ReadonlyMap<string, FileOf>> {
    const files = this.#db.collection<{ readonly _id: ObjectId; readonly filename: string }>(`${names.files}.files`);
    const found = await files.find({ _id: { $in: [...ids] } }, { projection: { filename: 1 } }).toArray();
    return new Map(
      found.map(({ _id: file, filename }) => {
        const [type = '', id = ''] = filename.split('/');
        return [file.toHexString(), { file, type, id }];
      }),
    );
  }

  /** Those of the files that versions refer to; undefined where it was ended early. */
  async #usedOf(files: ReadonlyMap<string, FileOf>, stopped: () => boolean): Promise<ReadonlySet<string> | undefined> {
    const used = new Set<string>();
    for (const [type, of] of byType(files.values(), (each) => each.type)) {
      for (let start = 0; start < of.length; start += some) {
        if (stopped()) return undefined;
        await this.#addUsed(type, of.slice(start, start + some), used);
      }
    }
    return used;
  }

  async #addUsed(type: string, files: readonly FileOf[], used: Set<string>): Promise<void> {
    const projection = { _id: 0, file: 1 };
    const current = { _id: { $in: idsOf(files) }, file: { $in: files.map(({ file }) => file) } };
    for await (const { file } of this.#db.collection<CurrentDocument>(type).find(current, { projection }))
      if (file !== undefined) used.add(file.toHexString());
    // Most are of current versions. What is superseded in between the two is then among these.
    const rest = files.filter(({ file }) => !used.has(file.toHexString()));
    if (rest.length === 0) return;
    const superseded = { $or: idsOf(rest).map(versionsOf), file: { $in: rest.map(({ file }) => file) } };
    const history = this.#db.collection<HistoryDocument>(historyName(type));
    for await (const { file } of history.find(superseded, { projection }))
      if (file !== undefined) used.add(file.toHexString());
  }

  async #remove(ids: readonly ObjectId[], whole: ReadonlyMap<string, FileOf>): Promise<void> {
    await this.#options.files.remove(ids.filter((id) => whole.has(id.toHexString())));
    const parts = ids.filter((id) => !whole.has(id.toHexString()));
    if (parts.length > 0) await this.#db.collection(`${names.files}.chunks`).deleteMany({ files_id: { $in: parts } });
  }
}

function idsOf(files: readonly FileOf[]): readonly string[] {
  return [...new Set(files.map(({ id }) => id))];
}
