/** Texts that are kept for a while. https://hl7.org/fhir/R4/http.html#paging */
import type { ClientSession, Collection, Db } from 'mongodb';
import type { Note } from '../write.ts';
import { dateOf } from './dates.ts';
import { names } from './document.ts';
import type { WantedIndex } from './index-plan.ts';

interface NoteDocument {
  readonly _id: string;
  readonly text: string;
  readonly until: Date;
}

export const noteIndexes: readonly WantedIndex[] = [{ name: 'until', key: { until: 1 } }];

export class Notes {
  readonly #collection: Collection<NoteDocument>;
  readonly #clock: () => number;

  constructor(db: Db, clock: () => number) {
    this.#collection = db.collection<NoteDocument>(names.notes);
    this.#clock = clock;
  }

  /** Keeps notes; the same key again prolongs, and never shortens. */
  async keep(notes: readonly Note[], session?: ClientSession): Promise<void> {
    const updates = notes.map(({ key, text, until }) => ({
      updateOne: {
        filter: { _id: key },
        update: { $set: { text }, $max: { until: dateOf(until) } },
        upsert: true,
      },
    }));
    if (updates.length > 0) await this.#collection.bulkWrite(updates, session === undefined ? {} : { session });
  }

  /** undefined once its instant has passed. */
  async kept(key: string): Promise<string | undefined> {
    const found = await this.#collection.findOne({ _id: key, until: { $gt: new Date(this.#clock()) } });
    return found?.text;
  }

  /** Removes what nobody can read any more. */
  async forget(): Promise<void> {
    await this.#collection.deleteMany({ until: { $lte: new Date(this.#clock()) } });
  }
}
