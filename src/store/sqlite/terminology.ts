/** Loaded code systems of the embedded store. https://hl7.org/fhir/R4/codesystem.html */
import { setImmediate as turn } from 'node:timers/promises';
import { belowOf, type Hierarchy, readHierarchy } from '../hierarchy.ts';
import { makePace } from '../pace.ts';
import type {
  ConceptFilter,
  ConceptPage,
  CountedSystem,
  LoadedConcept,
  LoadedSystem,
  PageOfConcepts,
  ReadConcepts,
  TerminologyStore,
} from '../terminology.ts';
import { UnusableConcepts } from '../terminology.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { ConceptAnswer, ConceptQuery, SystemName, TerminologyReads } from './terminology-read.ts';
import { type ConceptRow, type NumberedSystem, propertyNumbers, rowOf } from './terminology-rows.ts';
import { ABSTRACT, INACTIVE, systemSpan } from './terminology-schema.ts';
import type { SystemCounts } from './terminology-write.ts';
import type { Writer } from './writer.ts';

/** Milliseconds that a question may take, unless it says otherwise. */
const usualBudget = 5_000;
/** Concepts, and places, that are written in one transaction: some hundredths of a second. */
const someConcepts = 500;
const somePlaces = 20_000;
/** Concepts that are read at once. */
const someRead = 500;
/** Totals that are kept, of questions that are no longer than so many characters. */
const keptTotals = 500;
const longestKept = 4_000;
/** Steps that are on their way to the writer at a time: it works while the next is made. */
const stepsAtOnce = 2;

export class SqliteTerminology implements TerminologyStore {
  readonly #reads: TerminologyReads;
  readonly #writer: Writer;
  readonly #ask: (query: ConceptQuery, budget: number) => Promise<ConceptAnswer>;
  #systems: readonly NumberedSystem[];
  /** How many were selected: the next page needs not count them again. */
  #totals = new BoundedCache<number>(keptTotals);
  /** Loads and removals go one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    reads: TerminologyReads,
    writer: Writer,
    ask: (query: ConceptQuery, budget: number) => Promise<ConceptAnswer>,
  ) {
    this.#reads = reads;
    this.#writer = writer;
    this.#ask = ask;
    this.#systems = reads.systems();
  }

  async systems(): Promise<readonly CountedSystem[]> {
    return this.#systems.map(countedOf);
  }

  load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    return this.#inTurn(() => this.#load(system, read));
  }

  remove(url: string, version: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const found = this.#systems.find((each) => each.url === url && each.version === version);
      if (found === undefined) return false;
      await this.#writer.terminology({ step: 'hide', system: found.number });
      await this.#settle();
      return true;
    });
  }

  async concepts(system: LoadedSystem, codes: readonly string[]): Promise<readonly LoadedConcept[]> {
    const found: LoadedConcept[] = [];
    for (let from = 0; from < codes.length; from += someRead) {
      if (from > 0) await turn();
      this.#writer.check();
      found.push(...this.#reads.concepts(system, codes.slice(from, from + someRead)));
    }
    return found;
  }

  async select({ url, version }: LoadedSystem, filter: ConceptFilter, page: PageOfConcepts): Promise<ConceptPage> {
    this.#writer.check();
    const asked = JSON.stringify([url, version, filter]);
    const totals = this.#totals;
    const total = totals.get(asked);
    const system = { url, version };
    const query: ConceptQuery = { kind: 'select', system, filter, page, ...(total !== undefined && { total }) };
    const answer = await this.#ask(query, page.budget ?? usualBudget);
    if (answer.kind !== 'select') throw new Error('another question was answered');
    if (asked.length <= longestKept) totals.set(asked, answer.page.total);
    return answer.page;
  }

  async *all(system: LoadedSystem): AsyncGenerator<readonly LoadedConcept[]> {
    for await (const some of allConcepts(this.#reads, system)) {
      yield some;
      this.#writer.check();
    }
  }

  async related(
    { url, version }: LoadedSystem,
    code: string,
    direction: 'above' | 'below',
    limit: number,
  ): Promise<readonly string[] | undefined> {
    this.#writer.check();
    if (direction === 'above') {
      const codes = this.#reads.above({ url, version }, code);
      return codes.length > limit ? undefined : codes;
    }
    const answer = await this.#ask({ kind: 'below', system: { url, version }, code, limit }, usualBudget);
    if (answer.kind !== 'below') throw new Error('another question was answered');
    return answer.codes;
  }

  async subsumed(system: LoadedSystem, ancestor: string, code: string): Promise<boolean> {
    this.#writer.check();
    return this.#reads.subsumed(system, ancestor, code);
  }

  async #load(system: LoadedSystem, read: ReadConcepts): Promise<number> {
    // What others have left that were cut off.
    if ((await this.#writer.terminology({ step: 'hide', system: 'loading' })) > 0) await this.#clean();
    const hierarchy = await readHierarchy(system, read('hierarchy'));
    if (hierarchy.codes.length >= systemSpan) throw new UnusableConcepts('The code system has too many concepts.');
    const number = await this.#writer.terminology({ step: 'begin', system });
    try {
      const flags = await this.#writeConcepts(system, number, hierarchy, read);
      const pairs = await this.#writeBelow(number, hierarchy);
      const counts: SystemCounts = { concepts: hierarchy.codes.length, pairs, ...flags };
      await this.#writer.terminology({ step: 'finish', system: number, counts });
    } catch (error) {
      // A store that can't be written to has nobody who could tidy up; the next load does.
      await this.#writer.terminology({ step: 'hide', system: number }).catch(() => undefined);
      await this.#settle().catch(() => undefined);
      throw error;
    }
    await this.#settle();
    return hierarchy.codes.length;
  }

  async #writeConcepts(
    system: LoadedSystem,
    number: number,
    { codes, placeOf }: Hierarchy,
    read: ReadConcepts,
  ): Promise<Pick<SystemCounts, 'inactive' | 'abstract'>> {
    const pace = makePace();
    const numbers = propertyNumbers(system);
    const steps = new Steps();
    let rows: ConceptRow[] = [];
    let written = 0;
    let [inactive, abstract] = [0, 0];
    const write = async () => {
      written += rows.length;
      const work = { step: 'concepts', system: number, rows } as const;
      rows = [];
      await steps.add(() => this.#writer.terminology(work));
    };
    for await (const some of read()) {
      for (const concept of some) {
        const place = placeOf(concept.code);
        if (place === undefined) throw new UnusableConcepts(`${concept.code} was not there at first.`);
        const row = rowOf(system, numbers, concept, place);
        if ((row.flags & INACTIVE) !== 0) inactive += 1;
        if ((row.flags & ABSTRACT) !== 0) abstract += 1;
        rows.push(row);
        if (rows.length >= someConcepts) await write();
        await pace();
      }
    }
    await write();
    await steps.end();
    if (written !== codes.length) throw new UnusableConcepts('The code system had other concepts at first.');
    return { inactive, abstract };
  }

  /** @returns how many pairs there are. */
  async #writeBelow(number: number, hierarchy: Hierarchy): Promise<number> {
    const { starts, places } = belowOf(hierarchy);
    const steps = new Steps();
    let open: Int32Array[] = [];
    let size = 0;
    const write = async () => {
      const all = new Int32Array(open.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const each of open) {
        all.set(each, at);
        at += each.length;
      }
      [open, size] = [[], 0];
      if (all.length > 0)
        await steps.add(() => this.#writer.terminology({ step: 'below', system: number, places: all }));
    };
    for (let above = 0; above < hierarchy.codes.length; above++) {
      const end = starts[above + 1] ?? 0;
      for (let from = starts[above] ?? 0; from < end; from += somePlaces) {
        const some = places.subarray(from, Math.min(end, from + somePlaces));
        open.push(Int32Array.of(above, some.length), some);
        size += some.length;
        if (size >= somePlaces) await write();
      }
    }
    await write();
    await steps.end();
    return places.length;
  }

  /** Sees what is current now, then removes what isn't any more. */
  async #settle(): Promise<void> {
    this.#systems = this.#reads.systems();
    this.#totals = new BoundedCache(keptTotals);
    await this.#clean();
  }

  async #clean(): Promise<void> {
    while ((await this.#writer.terminology({ step: 'clean' })) > 0);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const acting = this.#turn.then(act);
    this.#turn = acting.catch(() => undefined);
    return acting;
  }
}

/** A few steps at a time, in order. */
class Steps {
  readonly #under: Promise<unknown>[] = [];

  /** Resolves when there is room for another; rejects with what went wrong with an earlier one. */
  async add(step: () => Promise<unknown>): Promise<void> {
    const taken = step();
    // It is awaited later: until then its failure is nobody's.
    taken.catch(() => undefined);
    this.#under.push(taken);
    if (this.#under.length >= stepsAtOnce) await this.#under.shift();
  }

  async end(): Promise<void> {
    await Promise.all(this.#under.splice(0));
  }
}

/** All concepts in the order of their codes, some at a time. */
export async function* allConcepts(
  reads: TerminologyReads,
  system: SystemName,
): AsyncGenerator<readonly LoadedConcept[]> {
  for (let place = -1; ; ) {
    const some = reads.after(system, place, someRead);
    if (some.length === 0) return;
    yield some;
    place += some.length;
    await turn();
  }
}

/** Without what only the tables need. */
export function countedOf({
  number: _number,
  inactive: _inactive,
  abstract: _abstract,
  ...system
}: NumberedSystem): CountedSystem {
  return system;
}
