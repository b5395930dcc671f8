/** Reads loaded code systems on MongoDB. https://hl7.org/fhir/R4/codesystem.html */
import type { Collection, Db } from 'mongodb';
import { TooCostly } from '../errors.ts';
import { keyOf } from '../hierarchy.ts';
import type {
  ConceptFilter,
  ConceptPage,
  CountedSystem,
  LoadedConcept,
  LoadedSystem,
  PageOfConcepts,
  TerminologyStore,
} from '../terminology.ts';
import { isOutOfTime, millisecondsUntil } from './at-once.ts';
import { names } from './document.ts';
import {
  type ConceptDocument,
  conceptOf,
  conceptProjection,
  type FoundConcept,
  type SystemDocument,
  setSpan,
} from './terminology-documents.ts';
import { type ConceptCondition, namedIn, selectedBy } from './terminology-select.ts';

/** Milliseconds that a question may take, unless it says otherwise. */
const usualBudget = 5_000;
/** Milliseconds for which the list of systems isn't read again. */
const fresh = 1_000;
const someConcepts = 500;
/** Keys that are asked for at once: what is sent to the server has a bound. */
const mostKeys = 10_000;

export class TerminologyReads implements Omit<TerminologyStore, 'load' | 'remove'> {
  readonly #systems: Collection<SystemDocument>;
  readonly #concepts: Collection<ConceptDocument>;
  #known: Promise<readonly SystemDocument[]> | undefined;
  /** Until when that holds, by the clock of `performance`. */
  #until = 0;

  constructor(db: Db) {
    this.#systems = db.collection<SystemDocument>(names.codeSystems);
    this.#concepts = db.collection<ConceptDocument>(names.concepts);
  }

  /** Looks anew at what is loaded. */
  renew(): void {
    this.#known = undefined;
  }

  async systems(): Promise<readonly CountedSystem[]> {
    return (await this.#list()).map(({ _id, set: _set, ...system }) => system);
  }

  async concepts(system: LoadedSystem, codes: readonly string[]): Promise<readonly LoadedConcept[]> {
    const set = await this.#setOf(system);
    if (set === undefined || codes.length === 0) return [];
    const concepts: LoadedConcept[] = [];
    for (const keys of keysOf(system, codes)) {
      const found = this.#concepts.find<FoundConcept>({ set, key: { $in: keys } }, { projection: conceptProjection });
      for await (const each of found) concepts.push(conceptOf(each));
    }
    return concepts;
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
          .find<FoundConcept>(source, { projection: conceptProjection, maxTimeMS: millisecondsUntil(deadline) })
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
      if (!isOutOfTime(error)) throw error;
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

  #hierarchyOf(
    system: LoadedSystem,
    set: number,
    code: string,
  ): Promise<Pick<ConceptDocument, '_id' | 'above'> | null> {
    return this.#concepts.findOne({ set, key: keyOf(system, code) }, { projection: { above: 1 } });
  }

  async #numbers(system: LoadedSystem, set: number, codes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (codes.length === 0) return new Map();
    const byKey = new Map<string, number>();
    for (const keys of keysOf(system, codes)) {
      const found = this.#concepts.find({ set, key: { $in: keys } }, { projection: { key: 1 } });
      for await (const { _id, key } of found) byKey.set(key, _id);
    }
    return new Map(
      codes.flatMap((code) => {
        const number = byKey.get(keyOf(system, code));
        return number === undefined ? [] : [[code, number] as const];
      }),
    );
  }

  #count(of: ConceptCondition, deadline: number): Promise<number> {
    return this.#concepts.countDocuments(of, { maxTimeMS: millisecondsUntil(deadline) });
  }
}

/** The keys of codes, each once, as many at a time as fit into a command. */
function* keysOf(system: LoadedSystem, codes: readonly string[]): Generator<string[]> {
  const keys = [...new Set(codes.map((code) => keyOf(system, code)))];
  for (let from = 0; from < keys.length; from += mostKeys) yield keys.slice(from, from + mostKeys);
}
