/** Loads and removes code systems on MongoDB, one process at a time. https://hl7.org/fhir/R4/codesystem.html */
import { randomUUID } from 'node:crypto';
import type { Collection, Db } from 'mongodb';
import { type Hierarchy, readHierarchy } from '../hierarchy.ts';
import type { SharedStore } from '../shared.ts';
import { type LoadedSystem, type ReadConcepts, UnusableConcepts } from '../terminology.ts';
import { names } from './document.ts';
import {
  type ConceptDocument,
  documentOf,
  nameOf,
  type SetDocument,
  type SystemDocument,
  setSpan,
  withinSet,
} from './terminology-documents.ts';

export interface TerminologyOptions {
  /** Whether no other process is known to live. */
  readonly alone: () => boolean;
  readonly leases: Pick<SharedStore, 'alone' | 'ifAlone'>;
  /** Called when what is loaded has changed. */
  readonly onChange: () => void;
}

/** Milliseconds for which concepts stay that other processes may still be reading: they look at the list of systems each second. */
const grace = 10_000;
const someConcepts = 500;
const lease = 'terminology';

export class TerminologyWrites {
  readonly #systems: Collection<SystemDocument>;
  readonly #sets: Collection<SetDocument>;
  readonly #concepts: Collection<ConceptDocument>;
  readonly #options: TerminologyOptions;
  /** Loads and removals of this process go one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #working = 0;

  constructor(db: Db, options: TerminologyOptions) {
    this.#systems = db.collection<SystemDocument>(names.codeSystems);
    this.#sets = db.collection<SetDocument>(names.conceptSets);
    this.#concepts = db.collection<ConceptDocument>(names.concepts);
    this.#options = options;
  }

  load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    return this.#inTurn(() => this.#load(system, read));
  }

  remove(url: string, version: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const removed = await this.#systems.findOneAndDelete({ _id: nameOf(url, version) });
      this.#options.onChange();
      if (removed === null) return false;
      await this.#leave(removed.set);
      await this.#clean();
      return true;
    });
  }

  /** Removes what nobody reads any more; nothing where another process is loading. */
  async forget(): Promise<void> {
    // The lease is the process's: it would not keep us from what we are loading ourselves.
    if (this.#working === 0) await this.#options.leases.ifAlone(lease, () => this.#clean());
  }

  async #load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    await this.#clean();
    const hierarchy = await readHierarchy(system, read('hierarchy'));
    const count = hierarchy.codes.length;
    if (count >= setSpan) throw new UnusableConcepts('The code system has too many concepts.');
    const [last] = await this.#sets.find().sort({ _id: -1 }).limit(1).toArray();
    const set = (last?._id ?? 0) + 1;
    await this.#sets.insertOne({ _id: set });
    let replaced: SystemDocument | null;
    try {
      await this.#write(system, set, hierarchy, read);
      const { url, version, title, caseSensitive, properties } = system;
      const shown = { url, version, title, caseSensitive, properties, count, revision: randomUUID(), set };
      replaced = await this.#systems.findOneAndReplace({ _id: nameOf(url, version) }, shown, { upsert: true });
    } catch (error) {
      await this.#clean().catch(() => undefined);
      throw error;
    }
    this.#options.onChange();
    if (replaced !== null) await this.#leave(replaced.set);
    await this.#clean();
    return count;
  }

  async #write(system: LoadedSystem, set: number, hierarchy: Hierarchy, read: ReadConcepts): Promise<void> {
    let written = 0;
    let documents: ConceptDocument[] = [];
    let writing: Promise<unknown> = Promise.resolve();
    const write = async () => {
      if (documents.length === 0) return;
      await writing;
      written += documents.length;
      writing = this.#concepts.insertMany(documents, { ordered: false });
      // It is awaited later: until then its failure is nobody's.
      writing.catch(() => undefined);
      documents = [];
    };
    for await (const some of read()) {
      for (const concept of some) {
        const place = hierarchy.placeOf(concept.code);
        if (place === undefined) throw new UnusableConcepts(`${concept.code} was not there at first.`);
        documents.push(documentOf(system, set, concept, place, hierarchy.above(place)));
        if (documents.length >= someConcepts) await write();
      }
    }
    await write();
    await writing;
    if (written !== hierarchy.codes.length) throw new UnusableConcepts('The code system had other concepts at first.');
  }

  /** Says that a set is no system's any more. */
  async #leave(set: number): Promise<void> {
    await this.#sets.updateOne({ _id: set }, { $set: { gone: new Date() } });
  }

  /** Removes sets that no system names: those of loads that were cut off, and those that nobody can be reading any more. */
  async #clean(): Promise<void> {
    const named = new Set((await this.#systems.find({}, { projection: { set: 1 } }).toArray()).map(({ set }) => set));
    for (const { _id: set, gone } of await this.#sets.find().toArray()) {
      if (named.has(set)) continue;
      if (gone !== undefined && !this.#options.alone() && gone.getTime() + grace > Date.now()) continue;
      await this.#concepts.deleteMany(withinSet(set));
      await this.#sets.deleteOne({ _id: set });
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    this.#working += 1;
    const acting = this.#turn.then(() => this.#options.leases.alone(lease, act));
    this.#turn = acting.catch(() => undefined);
    return acting.finally(() => {
      this.#working -= 1;
    });
  }
}
