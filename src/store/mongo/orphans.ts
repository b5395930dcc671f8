/**
 * Removes files that no version refers to: of a process that was killed between writing a file and its commit, or while it
 * wrote it. https://hl7.org/fhir/R4/binary.html
 */
import { type Db, ObjectId } from 'mongodb';
import { filesOf } from './changes.ts';
import { names } from './document.ts';
import type { Files } from './files.ts';
import type { Leases } from './leases.ts';

/** Milliseconds after which a commit that was to refer to a file is surely over. */
const old = 3_600_000;
/** Milliseconds between two times. */
const every = 3_600_000;
/** Files that are looked at in one step. */
const step = 1000;

interface OrphansOptions {
  readonly files: Pick<Files, 'remove'>;
  readonly leases: Pick<Leases, 'ifAlone'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export class Orphans {
  readonly #db: Db;
  readonly #options: OrphansOptions;
  #next = 0;

  constructor(db: Db, options: OrphansOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** Removes them, where that wasn't done within the last hour, and no other process is at it. */
  async forget(): Promise<void> {
    const { leases, clock } = this.#options;
    if (clock() < this.#next) return;
    const done = await leases.ifAlone('files', () => this.remove());
    if (done !== undefined) this.#next = clock() + every;
  }

  /** Removes those that are older than an hour. Resolves to how many they were. */
  async remove(): Promise<number> {
    const { clock } = this.#options;
    // A file's id has the second in which it was begun; of one that isn't whole there is nothing but chunks.
    const before = ObjectId.createFromTime(Math.max(0, Math.floor((clock() - old) / 1000)));
    const chunks = this.#db.collection<{ readonly files_id: ObjectId; readonly n: number }>(`${names.files}.chunks`);
    let after: ObjectId | undefined;
    let removed = 0;
    for (;;) {
      const range = { $lt: before, ...(after === undefined ? {} : { $gt: after }) };
      const some = await chunks
        .find({ files_id: range, n: 0 }, { projection: { _id: 0, files_id: 1 } })
        .sort({ files_id: 1 })
        .limit(step)
        .toArray();
      after = some.at(-1)?.files_id;
      if (after === undefined) return removed;
      removed += await this.#removeOf(some.map(({ files_id }) => files_id));
    }
  }

  async #removeOf(ids: readonly ObjectId[]): Promise<number> {
    const files = this.#db.collection<{ readonly _id: ObjectId; readonly filename: string }>(`${names.files}.files`);
    const whole = await files.find({ _id: { $in: [...ids] } }, { projection: { filename: 1 } }).toArray();
    const resources = new Map<string, Set<string>>();
    for (const { filename } of whole) {
      const [type = '', id = ''] = filename.split('/');
      resources.set(type, (resources.get(type) ?? new Set()).add(id));
    }
    const used = new Set<string>();
    for (const [type, of] of resources)
      for (const file of await filesOf(this.#db, type, [...of])) used.add(file.toHexString());
    const orphans = ids.filter((id) => !used.has(id.toHexString()));
    const complete = new Set(whole.map(({ _id }) => _id.toHexString()));
    await this.#options.files.remove(orphans.filter((id) => complete.has(id.toHexString())));
    const parts = orphans.filter((id) => !complete.has(id.toHexString()));
    if (parts.length > 0) await this.#db.collection(`${names.files}.chunks`).deleteMany({ files_id: { $in: parts } });
    return orphans.length;
  }
}
