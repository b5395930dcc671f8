/** Loaded code systems on MongoDB. https://hl7.org/fhir/R4/codesystem.html */
import { type Collection, type Db, MongoServerError } from 'mongodb';
import { TooCostly } from '../errors.ts';
import { type Hierarchy, keyOf, readHierarchy } from '../hierarchy.ts';
import type { SharedStore } from '../shared.ts';
import {
  type ConceptFilter,
  type ConceptPage,
  type CountedSystem,
  type LoadedConcept,
  type LoadedSystem,
  type PageOfConcepts,
  type ReadConcepts,
  type TerminologyStore,
  UnusableConcepts,
} from '../terminology.ts';
import { names } from './document.ts';
import {
  type ConceptDocument,
  conceptOf,
  conceptProjection,
  documentOf,
  type FoundConcept,
  nameOf,
  type SetDocument,
  type SystemDocument,
  setSpan,
} from './terminology-documents.ts';
import { type ConceptCondition, namedIn, selectedBy } from './terminology-select.ts';

export interface TerminologyOptions {
  /** Whether no other process is known to live. */
  readonly alone: () => boolean;
  readonly leases: Pick<SharedStore, 'alone' | 'ifAlone'>;
}

/** Milliseconds that a question may take, unless it says otherwise. */
const usualBudget = 5_000;
/** Milliseconds for which the list of systems isn't read again, and for which concepts stay that others may still be reading. */
const fresh = 1_000;
const grace = 10_000;
const someConcepts = 500;
const maxTimeExpired = 50;
const lease = 'terminology';

export class MongoTerminology implements TerminologyStore {
  readonly #systems: Collection<SystemDocument>;
  readonly #sets: Collection<SetDocument>;
  readonly #concepts: Collection<ConceptDocument>;
  readonly #options: TerminologyOptions;
  #known: Promise<readonly SystemDocument[]> | undefined;
  /** Until when that holds, by the clock of `performance`. */
  #until = 0;
  /** Loads and removals of this process go one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #working = 0;

  constructor(db: Db, options: TerminologyOptions) {
    this.#systems = db.collection<SystemDocument>(names.codeSystems);
    this.#sets = db.collection<SetDocument>(names.conceptSets);
    this.#concepts = db.collection<ConceptDocument>(names.concepts);
    this.#options = options;
  }

  async systems(): Promise<readonly CountedSystem[]> {
    return (await this.#list()).map(({ _id, set: _set, ...system }) => system);
  }

  load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    return this.#inTurn(() => this.#load(system, read));
  }

  remove(url: string, version: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const removed = await this.#systems.findOneAndDelete({ _id: nameOf(url, version) });
      this.#known = undefined;
      if (removed === null) return false;
      await this.#leave(removed.set);
      await this.#clean();
      return true;
    });
  }

  async concepts(system: LoadedSystem, codes: readonly string[]): Promise<readonly LoadedConcept[]> {
    const set = await this.#setOf(system);
    if (set === undefined || codes.length === 0) return [];
    const keys = [...new Set(codes.map((code) => keyOf(system, code)))];
    const found = this.#concepts.find<FoundConcept>({ set, key: { $in: keys } }, { projection: conceptProjection });
    return (await found.toArray()).map(conceptOf);
  }

  async select(system: LoadedSystem, filter: ConceptFilter, page: PageOfConcepts): Promise<ConceptPage> {
    const set = await this.#setOf(system);
    if (set === undefined) return { concepts: [], total: 0 };
    const deadline = performance.now() + (page.budget ?? usualBudget);
    try {
      const { sources, whole } = selectedBy(set, filter, await this.#numbers(system, set, namedIn(filter)));
      const concepts: LoadedConcept[] = [];
      // How many the sources before have, and whether the last one that was looked at may have more.
      let before = 0;
      let more = false;
      for (const source of sources) {
        const skip = Math.max(0, page.offset - before);
        const wanted = page.count - concepts.length;
        const found = await this.#concepts
          .find<FoundConcept>(source, { projection: conceptProjection, maxTimeMS: leftUntil(deadline) })
          .sort({ _id: 1 })
          .skip(skip)
          .limit(wanted + 1)
          .toArray();
        concepts.push(...found.slice(0, wanted).map(conceptOf));
        more = found.length > wanted;
        if (more) break;
        before += found.length > 0 || skip === 0 ? skip + found.length : await this.#count(source, deadline);
      }
      return { concepts, total: more ? await this.#count(whole, deadline) : before };
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === maxTimeExpired)) throw error;
      throw new TooCostly('Ask with more or longer words, or for what is under a concept further down.');
    }
  }

  async *all(system: LoadedSystem): AsyncGenerator<readonly LoadedConcept[]> {
    const set = await this.#setOf(system);
    if (set === undefined) return;
    for (let last = set * setSpan - 1; ; ) {
      const some = await this.#concepts
        .find<FoundConcept>({ _id: { $gt: last, $lt: (set + 1) * setSpan } }, { projection: conceptProjection })
        .sort({ _id: 1 })
        .limit(someConcepts)
        .toArray();
      if (some.length === 0) return;
      yield some.map(conceptOf);
      last = some.at(-1)?._id ?? last;
    }
  }

  async related(
    system: LoadedSystem,
    code: string,
    direction: 'above' | 'below',
    limit: number,
  ): Promise<readonly string[] | undefined> {
    const set = await this.#setOf(system);
    if (set === undefined) return [];
    const found = await this.#hierarchyOf(system, set, code);
    if (found === null) return [];
    const which: ConceptCondition = direction === 'below' ? { above: found._id } : { _id: { $in: [...found.above] } };
    const codes = await this.#concepts
      .find<Pick<ConceptDocument, 'code'>>(which, { projection: { _id: 0, code: 1 } })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .map((each) => each.code)
      .toArray();
    return codes.length > limit ? undefined : codes;
  }

  async subsumed(system: LoadedSystem, ancestor: string, code: string): Promise<boolean> {
    const set = await this.#setOf(system);
    if (set === undefined) return false;
    const below = await this.#hierarchyOf(system, set, code);
    const upper = (await this.#numbers(system, set, [ancestor])).get(ancestor);
    return below !== null && upper !== undefined && (below._id === upper || below.above.includes(upper));
  }

  /** Removes what nobody reads any more; nothing where another process is loading. */
  async forget(): Promise<void> {
    // The lease is the process's: it would not keep us from what we are loading ourselves.
    if (this.#working === 0) await this.#options.leases.ifAlone(lease, () => this.#clean());
  }

  async #load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    await this.#clean();
    const hierarchy = await readHierarchy(system, read());
    const count = hierarchy.codes.length;
    if (count >= setSpan) throw new UnusableConcepts('The code system has too many concepts.');
    const [last] = await this.#sets.find().sort({ _id: -1 }).limit(1).toArray();
    const set = (last?._id ?? 0) + 1;
    await this.#sets.insertOne({ _id: set });
    let replaced: SystemDocument | null;
    try {
      await this.#write(system, set, hierarchy, read);
      const { url, version, title, caseSensitive, properties } = system;
      const shown = { url, version, title, caseSensitive, properties, count, set };
      replaced = await this.#systems.findOneAndReplace({ _id: nameOf(url, version) }, shown, { upsert: true });
    } catch (error) {
      await this.#clean().catch(() => undefined);
      throw error;
    }
    this.#known = undefined;
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
        documents.push(documentOf(system, set, concept, place, hierarchy.above[place] ?? []));
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
      await this.#concepts.deleteMany({ _id: { $gte: set * setSpan, $lt: (set + 1) * setSpan } });
      await this.#sets.deleteOne({ _id: set });
    }
  }

  async #setOf({ url, version }: LoadedSystem): Promise<number | undefined> {
    return (await this.#list()).find((each) => each.url === url && each.version === version)?.set;
  }

  #list(): Promise<readonly SystemDocument[]> {
    if (this.#known !== undefined && performance.now() < this.#until) return this.#known;
    const known = this.#systems.find().sort({ url: 1, version: 1 }).toArray();
    this.#known = known;
    this.#until = performance.now() + fresh;
    known.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    return known;
  }

  #hierarchyOf(system: LoadedSystem, set: number, code: string): Promise<Pick<ConceptDocument, '_id' | 'above'> | null> {
    return this.#concepts.findOne({ set, key: keyOf(system, code) }, { projection: { above: 1 } });
  }

  async #numbers(system: LoadedSystem, set: number, codes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (codes.length === 0) return new Map();
    const keys = [...new Set(codes.map((code) => keyOf(system, code)))];
    const found = await this.#concepts.find({ set, key: { $in: keys } }, { projection: { key: 1 } }).toArray();
    const byKey = new Map(found.map(({ _id, key }) => [key, _id]));
    return new Map(
      codes.flatMap((code) => {
        const number = byKey.get(keyOf(system, code));
        return number === undefined ? [] : [[code, number] as const];
      }),
    );
  }

  #count(of: ConceptCondition, deadline: number): Promise<number> {
    return this.#concepts.countDocuments(of, { maxTimeMS: leftUntil(deadline) });
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

/** Milliseconds; the driver takes 0 for no limit. */
function leftUntil(deadline: number): number {
  return Math.max(1, Math.round(deadline - performance.now()));
}
