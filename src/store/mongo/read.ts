/** Reads single versions. https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread */
import type { Db } from 'mongodb';
import type { Version } from '../port.ts';
import { type Bodies, projection } from './bodies.ts';
import { type CurrentDocument, type HistoryDocument, historyName } from './document.ts';

export class PointReads {
  readonly #db: Db;
  readonly #bodies: Bodies;

  constructor(db: Db, bodies: Bodies) {
    this.#db = db;
    this.#bodies = bodies;
  }

  async read(type: string, id: string): Promise<Version | undefined> {
    const found = await this.#db.collection<CurrentDocument>(type).findOne({ _id: id }, { projection });
    return found === null ? undefined : this.#bodies.versionOf(type, found);
  }

  async vread(type: string, id: string, versionId: number): Promise<Version | undefined> {
    // The current one first: what is replaced in between is found in the history.
    const current = await this.#db
      .collection<CurrentDocument>(type)
      .findOne({ _id: id, version: versionId }, { projection });
    if (current !== null) return this.#bodies.versionOf(type, current);
    const before = await this.#db
      .collection<HistoryDocument>(historyName(type))
      .findOne({ _id: { id, version: versionId } }, { projection });
    return before === null ? undefined : this.#bodies.versionOf(type, before);
  }
}
