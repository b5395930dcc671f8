/** Reads single versions. https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread */
import type { Db } from 'mongodb';
import type { Version } from '../port.ts';
import { findAtOnce } from './at-once.ts';
import { type Bodies, projection } from './bodies.ts';
import { type CurrentDocument, type HistoryDocument, historyName } from './document.ts';
import type { Filter } from './filter.ts';

export class PointReads {
  readonly #db: Db;
  readonly #bodies: Bodies;

  constructor(db: Db, bodies: Bodies) {
    this.#db = db;
    this.#bodies = bodies;
  }

  async read(type: string, id: string): Promise<Version | undefined> {
    const found = await this.#one<CurrentDocument>(type, { _id: id });
    return found === undefined ? undefined : this.#bodies.versionOf(type, found);
  }

  async vread(type: string, id: string, versionId: number): Promise<Version | undefined> {
    // The current one first: what is replaced in between is found in the history.
    const current = await this.#one<CurrentDocument>(type, { _id: id, version: versionId });
    if (current !== undefined) return this.#bodies.versionOf(type, current);
    const before = await this.#one<HistoryDocument>(historyName(type), { _id: { id, version: versionId } });
    return before === undefined ? undefined : this.#bodies.versionOf(type, before);
  }

  async #one<T extends CurrentDocument | HistoryDocument>(name: string, filter: Filter): Promise<T | undefined> {
    const [found] = await findAtOnce<T>(this.#db, name, { filter, projection, limit: 1 });
    return found;
  }
}
