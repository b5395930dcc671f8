/** Reads loaded code systems on one connection. https://hl7.org/fhir/R4/codesystem.html */
import { StoreUnavailable, TooCostly } from '../errors.ts';
import { keyOf } from '../hierarchy.ts';
import type { ConceptFilter, ConceptPage, LoadedConcept, LoadedSystem, PageOfConcepts } from '../terminology.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Database, Row, SqlValue, Statement } from './open.ts';
import {
  conceptColumns,
  conceptOf,
  type NumberedSystem,
  type StoredConcept,
  type StoredSystem,
  systemColumns,
  systemOf,
} from './terminology-rows.ts';
import { systemSpan } from './terminology-schema.ts';
import { type Numbers, type Selected, selectedBy, statementOf } from './terminology-select.ts';

/** What names a system's version. */
export type SystemName = Pick<LoadedSystem, 'url' | 'version'>;

/** A question that may take long: plain data that crosses threads. */
export type ConceptQuery =
  | {
      readonly kind: 'select';
      readonly system: SystemName;
      readonly filter: ConceptFilter;
      readonly page: PageOfConcepts;
      /** How many are selected, where that is known. */
      readonly total?: number;
    }
  | { readonly kind: 'below'; readonly system: SystemName; readonly code: string; readonly limit: number };

/** The page, or the codes; undefined: there are more. */
export type ConceptAnswer =
  | { readonly kind: 'select'; readonly page: ConceptPage }
  | { readonly kind: 'below'; readonly codes: readonly string[] | undefined };

const rememberedStatements = 100;
const hint = 'Ask with more or longer words, or for what is under a concept further down.';
const nothing: ConceptPage = { concepts: [], total: 0 };

export class TerminologyReads {
  readonly #db: Database;
  readonly #stopped: () => boolean;
  readonly #statements = new BoundedCache<Statement>(rememberedStatements);
  readonly #systems: Statement<StoredSystem>;
  readonly #system: Statement<StoredSystem>;
  readonly #numberOf: Statement<[number]>;
  readonly #numbersOf: Statement<[number]>;
  readonly #concept: Statement<StoredConcept>;
  readonly #numbered: Statement<StoredConcept>;
  readonly #from: Statement<StoredConcept>;
  readonly #isBelow: Statement;
  readonly #rangeBelow: Statement<[number, number]>;
  readonly #codesBelow: Statement<[string]>;
  #deadline = Number.POSITIVE_INFINITY;
  /** Why the statement that runs was stopped: the binding gives another error for one that its function throws. */
  #reason: TooCostly | StoreUnavailable | undefined;

  /** @param stopped whether to give up whatever is being read: asked now and then. */
  constructor(db: Database, stopped: () => boolean = () => false) {
    this.#db = db;
    this.#stopped = stopped;
    db.function('concept_tick', {}, () => {
      this.#check();
      return 1;
    });
    const current = `SELECT ${systemColumns} FROM code_system WHERE state = 'current'`;
    this.#systems = db.prepare(`${current} ORDER BY url, version`);
    this.#system = db.prepare(`${current} AND url = ? AND version = ?`);
    this.#numberOf = db.prepare('SELECT number FROM concept INDEXED BY concept_by_key WHERE system = ? AND key = ?');
    this.#numbersOf = db.prepare(`SELECT c.number FROM json_each(?) j
      CROSS JOIN concept c INDEXED BY concept_by_key ON c.system = ? AND c.key = j.value`);
    this.#concept = db.prepare(
      `SELECT ${conceptColumns} FROM concept c INDEXED BY concept_by_key WHERE c.system = ? AND c.key = ?`,
    );
    this.#numbered = db.prepare(`SELECT ${conceptColumns} FROM concept c WHERE c.number = ?`);
    this.#from = db.prepare(
      `SELECT ${conceptColumns} FROM concept c WHERE c.number > ? AND c.number < ? ORDER BY c.number LIMIT ?`,
    );
    this.#isBelow = db.prepare('SELECT 1 FROM concept_below WHERE above = ? AND below = ?');
    this.#rangeBelow =
      db.prepare(`SELECT l.below, (SELECT below FROM concept_below WHERE above = ? ORDER BY below DESC LIMIT 1)
      FROM concept_below l WHERE l.above = ? ORDER BY l.below LIMIT 1`);
    this.#codesBelow = db.prepare(`SELECT c.code FROM concept_below b CROSS JOIN concept c ON c.number = b.below
      WHERE b.above = ? AND ((b.below & 1023) <> 0 OR concept_tick()) ORDER BY b.below LIMIT ?`);
  }

  systems(): readonly NumberedSystem[] {
    return this.#systems.all().map(systemOf);
  }

  concepts(name: SystemName, codes: readonly string[]): readonly LoadedConcept[] {
    return this.#reading(name, [], (system) => {
      const keys = new Set(codes.map((code) => keyOf(system, code)));
      return [...keys].flatMap((key) => {
        const found = this.#concept.get(system.number, key);
        return found === undefined ? [] : [conceptOf(found)];
      });
    });
  }

  /** The concepts after a place, -1 being before all. */
  after(name: SystemName, place: number, limit: number): readonly LoadedConcept[] {
    return this.#reading(name, [], ({ number }) => {
      const first = number * systemSpan;
      return this.#from.all(first + place, first + systemSpan, limit).map(conceptOf);
    });
  }

  /** All that is above a code, in the order of codes. */
  above(name: SystemName, code: string): readonly string[] {
    return this.#reading(name, [], (system) => {
      const found = new Map<string, string>();
      const begin = this.#concept.get(system.number, keyOf(system, code));
      const open = begin === undefined ? [] : [...conceptOf(begin).parents];
      for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
        const key = keyOf(system, parent);
        const upper = found.has(key) ? undefined : this.#concept.get(system.number, key);
        if (upper === undefined) continue;
        const concept = conceptOf(upper);
        found.set(key, concept.code);
        open.push(...concept.parents);
      }
      return [...found.values()].sort((a, b) => (a < b ? -1 : 1));
    });
  }

  subsumed(name: SystemName, ancestor: string, code: string): boolean {
    return this.#reading(name, false, (system) => {
      const [above, below] = [this.#number(system, ancestor), this.#number(system, code)];
      if (above === undefined || below === undefined) return false;
      return above === below || this.#isBelow.get(above, below) !== undefined;
    });
  }

  /**
   * Answers within so many milliseconds.
   * @throws TooCostly, StoreUnavailable.
   */
  ask(query: ConceptQuery, budget: number): ConceptAnswer {
    this.#deadline = performance.now() + budget;
    this.#reason = undefined;
    try {
      return query.kind === 'select'
        ? { kind: 'select', page: this.#select(query) }
        : { kind: 'below', codes: this.#below(query) };
    } catch (error) {
      throw this.#reason ?? error;
    }
  }

  #select({ system: name, filter, page, total }: Extract<ConceptQuery, { kind: 'select' }>): ConceptPage {
    return this.#reading(name, nothing, (system) => {
      const { sources, whole } = selectedBy(system, filter, {
        numberOf: (code) => this.#number(system, code),
        numbersOf: (codes) => this.#numbers(system, codes),
        rangeBelow: (number) => this.#rangeBelow.get(number, number),
      });
      const concepts: LoadedConcept[] = [];
      // How many the sources before have, and whether the last one that was looked at may have more.
      let before = 0;
      let more = false;
      for (const source of sources) {
        const skip = Math.max(0, page.offset - before);
        const wanted = page.count - concepts.length;
        const numbers = this.#run(source, 'page', [wanted + 1, skip]);
        for (const [number] of numbers.slice(0, wanted)) {
          const found = this.#numbered.get(number ?? null);
          if (found !== undefined) concepts.push(conceptOf(found));
        }
        more = numbers.length > wanted;
        if (more) break;
        before += numbers.length > 0 || skip === 0 ? skip + numbers.length : this.#count(source);
      }
      return { concepts, total: more ? (total ?? this.#count(whole)) : before };
    });
  }

  #count(of: Selected['whole']): number {
    if (typeof of === 'number') return of;
    if ('without' in of) return of.of - this.#count(of.without);
    return Number(this.#run(of, 'count', [])[0]?.[0] ?? 0);
  }

  #below({ system: name, code, limit }: Extract<ConceptQuery, { kind: 'below' }>): readonly string[] | undefined {
    return this.#reading(name, [], (system) => {
      const number = this.#number(system, code);
      if (number === undefined) return [];
      const codes = this.#codesBelow.all(number, limit + 1).map(([each]) => each);
      return codes.length > limit ? undefined : codes;
    });
  }

  #run(source: Numbers, what: 'count' | 'page', more: readonly SqlValue[]): readonly Row[] {
    const { text, values } = statementOf(source, what);
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement.all(...values, ...more);
  }

  #number({ number, caseSensitive }: NumberedSystem, code: string): number | undefined {
    return this.#numberOf.get(number, keyOf({ caseSensitive }, code))?.[0];
  }

  #numbers({ number, caseSensitive }: NumberedSystem, codes: readonly string[]): readonly number[] {
    const keys = [...new Set(codes.map((code) => keyOf({ caseSensitive }, code)))];
    return this.#numbersOf.all(JSON.stringify(keys), number).map(([each]) => each);
  }

  /** Reads one state of a system; `otherwise` where it isn't loaded. */
  #reading<T>({ url, version }: SystemName, otherwise: T, read: (system: NumberedSystem) => T): T {
    const foreign = this.#db.isTransaction;
    if (!foreign) this.#db.exec('BEGIN');
    try {
      const row = this.#system.get(url, version);
      return row === undefined ? otherwise : read(systemOf(row));
    } finally {
      if (!foreign) this.#db.exec('COMMIT');
    }
  }

  #check(): void {
    if (performance.now() > this.#deadline) this.#reason = new TooCostly(hint);
    else if (this.#stopped()) this.#reason = new StoreUnavailable('The store is closing.');
    if (this.#reason !== undefined) throw this.#reason;
  }
}
