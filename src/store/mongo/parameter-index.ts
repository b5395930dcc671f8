/** The search parameters of the MongoDB store; all processes on a database have the same. https://hl7.org/fhir/R4/searchparameter.html */
import type { Collection, Db } from 'mongodb';
import { Conflict } from '../errors.ts';
import type { ParameterDefinition, ParameterIndex, ParameterState, Reextract, Rewritten } from '../parameter-index.ts';
import { keyOf, namedEntries } from '../parameter-names.ts';
import { names } from './document.ts';
import type { Fields } from './fields.ts';
import type { Filling, FillingSteps } from './filling.ts';
import { Generations } from './generations.ts';
import type { ParametersDocument, PassDocument } from './meta.ts';
import { declared, filled, type ParameterRow, RowFields } from './parameters.ts';

/** What the index needs of the rest of the store. */
export interface ParameterSurroundings {
  readonly steps: FillingSteps;
  /** Whether all other processes bring entries by this generation. */
  readonly follow: (generation: number) => Promise<boolean>;
}

export class MongoParameterIndex implements ParameterIndex {
  readonly #rows: Collection<ParametersDocument>;
  readonly #passes: Collection<PassDocument>;
  readonly #around: ParameterSurroundings;
  readonly #generations = new Generations();
  #document: ParametersDocument;
  #fields: Fields;
  #pass: PassDocument | null = null;
  /** Rises when something begins that a step in work must not go on beside. */
  #epoch = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #changed: (() => void) | undefined;
  #foreign: (() => void) | undefined;
  /** Whether it was told that there is something to renew. */
  #told = false;

  private constructor(db: Db, around: ParameterSurroundings, document: ParametersDocument) {
    this.#rows = db.collection<ParametersDocument>(names.meta);
    this.#passes = db.collection<PassDocument>(names.meta);
    this.#around = around;
    this.#document = document;
    this.#fields = new RowFields(document.rows);
  }

  /** Reads the database's parameters, or begins with none. */
  static async open(db: Db, around: ParameterSurroundings): Promise<MongoParameterIndex> {
    const rows = db.collection<ParametersDocument>(names.meta);
    const empty = { generation: 0, revision: 0, rows: [] };
    await rows.updateOne({ _id: 'parameters' }, { $setOnInsert: empty }, { upsert: true });
    return new MongoParameterIndex(db, around, await readRows(rows));
  }

  get generation(): number {
    return this.#document.generation;
  }

  /** By which all commits in flight bring entries. */
  get settledGeneration(): number {
    return Math.min(this.generation, this.#generations.oldest());
  }

  /** The fields of now, whatever they become. */
  readonly fields: Fields = {
    ofEntry: (type, entry) => this.#fields.ofEntry(type, entry),
    ofParameter: (parameter) => this.#fields.ofParameter(parameter),
  };

  /** The definitions that are current. */
  current(): readonly ParameterDefinition[] {
    return this.#document.rows.filter(({ status }) => status === 'current');
  }

  /**
   * A commit begins whose entries were made for a generation, undefined: for that of now. Call the answer when it is over.
   * @throws Conflict when another generation has begun.
   */
  enter(generation: number | undefined): () => void {
    if (generation !== undefined && generation !== this.generation) throw new Conflict('parameters', 0);
    return this.#generations.enter(this.generation);
  }

  /** Called when another process has changed the parameters. */
  onForeignChange(changed: () => void): void {
    this.#foreign = changed;
  }

  /** Looks what other processes have done. */
  async look(): Promise<void> {
    this.#pass = await this.#passes.findOne({ _id: 'pass' });
    if ((await this.#hasChanged()) && !this.#told) {
      this.#told = true;
      this.#foreign?.();
    }
  }

  /** Takes over what other processes have changed. @returns whether they had. */
  async renew(): Promise<boolean> {
    this.#told = false;
    if (!(await this.#hasChanged())) return false;
    this.#adopt(await readRows(this.#rows));
    return true;
  }

  async #hasChanged(): Promise<boolean> {
    const { revision } = this.#document;
    const other = { _id: 'parameters' as const, revision: { $ne: revision } };
    return (await this.#rows.findOne(other, { projection: { _id: 1 } })) !== null;
  }

  states(): readonly ParameterState[] {
    const pass = this.#pass;
    return namedEntries(this.#document.rows).map(([entry, row]) => {
      const { field: _field, status, ...definition } = row;
      if (status === 'current') return { ...definition, entry, state: 'current', done: 0, total: 0 };
      const begun = pass?.type === row.type && pass.keys.includes(keyOf(row)) ? pass : undefined;
      const total = begun?.total ?? this.#totals.get(row.type) ?? 0;
      const done = status === 'filled' ? total : Math.min(begun?.done ?? 0, total);
      return { ...definition, entry, state: 'filling', done, total };
    });
  }

  /** Resources of types that wait to be filled from. */
  #totals: ReadonlyMap<string, number> = new Map();

  declare(wanted: () => readonly ParameterDefinition[], changed: () => void): Promise<void> {
    return this.#inTurn(async () => {
      this.#changed = changed;
      const asked = wanted();
      await this.#write((rows) => declared(rows, asked), true);
      const pending = this.#document.rows.filter(({ status }) => status === 'filling');
      if (pending.length > 0) await this.#fillEmpty(pending);
      await this.#count();
    });
  }

  /**
   * What has nothing to fill is filled: not before all commits are done that were given when the parameters were others,
   * since these don't bring its entries.
   */
  async #fillEmpty(pending: readonly ParameterRow[]): Promise<void> {
    await this.#generations.passed(this.generation);
    if (!(await this.#around.follow(this.generation))) return;
    const empty = await this.#around.steps.empty(new Set(pending.map(({ type }) => type)));
    const keys = new Set(pending.filter(({ type }) => empty.has(type)).map(keyOf));
    if (keys.size > 0) await this.#write((rows) => filled(rows, keys), false);
  }

  async advance(extract: Reextract, changed: () => void): Promise<number | undefined> {
    this.#changed = changed;
    const { rows } = this.#document;
    if (!rows.some(({ status }) => status === 'filling' || status === 'retired')) return undefined;
    await this.#generations.passed(this.generation);
    if (!(await this.#around.follow(this.generation))) return 0;
    const epoch = this.#epoch;
    this.#pass = await this.#currentPass();
    if (this.#pass === null) return this.#clean();
    const filling = this.#fillingOf(this.#pass);
    const { looked, next } = await this.#around.steps.fill(this.#pass, filling, extract, () => epoch === this.#epoch);
    if (epoch !== this.#epoch) return 0;
    if (next !== undefined) {
      await this.#passes.replaceOne({ _id: 'pass' }, next, { upsert: true });
      this.#pass = next;
      return looked;
    }
    const keys = new Set(this.#pass.keys);
    return this.#inTurn(async () => {
      if (epoch !== this.#epoch) return 0;
      await this.#passes.deleteOne({ _id: 'pass' });
      this.#pass = null;
      const switched = await this.#write((before) => filled(before, keys), false);
      if (switched) await this.#count();
      return looked;
    });
  }

  async rewrite(type: string, id: string, extract: Reextract): Promise<Rewritten> {
    return this.#around.steps.rewrite(type, { _id: id }, extract);
  }

  async rewriteSome(type: string, place: readonly number[] | undefined, extract: Reextract): Promise<Rewritten> {
    return this.#around.steps.rewriteSome(type, place, extract);
  }

  /** The pass in work as far as it is still wanted, or a new one; null: nothing is to be filled. */
  async #currentPass(): Promise<PassDocument | null> {
    const pending = this.#document.rows.filter(({ status }) => status === 'filling');
    const pass = await this.#passes.findOne({ _id: 'pass' });
    const wanted = new Set(pending.map(keyOf));
    if (pass?.keys.every((key) => wanted.has(key)) === true) return pass;
    const [first] = pending;
    if (first === undefined) return null;
    const keys = pending.filter(({ type }) => type === first.type).map(keyOf);
    return this.#around.steps.begin(first.type, keys);
  }

  #fillingOf({ type, keys }: PassDocument): Filling {
    const chosen = new Set(keys);
    const fields = namedEntries(this.#document.rows).flatMap(([name, row]) =>
      row.type === type && chosen.has(keyOf(row)) ? [[name, row.field] as const] : [],
    );
    return { fields: new Map(fields), all: this.#fields };
  }

  /** Removes some values of what is retired. */
  async #clean(): Promise<number | undefined> {
    const retired = this.#document.rows.filter(({ status }) => status === 'retired');
    const [first] = retired;
    if (first === undefined) return undefined;
    const ofType = retired.filter(({ type }) => type === first.type);
    const fields = ofType.map(({ field }) => field);
    if (await this.#around.steps.clean(first.type, fields)) return 0;
    const gone = new Set(ofType.map(keyOf));
    // Nobody brings or searches its values any more, so this is no change for others.
    await this.#write((rows) => rows.filter((row) => row.status !== 'retired' || !gone.has(keyOf(row))), false, true);
    return 0;
  }

  /** @returns whether anything changed. `quiet`: commits bring the same as before. */
  async #write(
    change: (rows: readonly ParameterRow[]) => readonly ParameterRow[],
    begins: boolean,
    quiet = false,
  ): Promise<boolean> {
    for (;;) {
      const { rows, generation, revision } = this.#document;
      const next = change(rows);
      if (next === rows || (next.length === rows.length && next.every((row, n) => row === rows[n]))) return false;
      const document: ParametersDocument = {
        _id: 'parameters',
        generation: quiet || sameEntries(rows, next) ? generation : generation + 1,
        revision: revision + 1,
        rows: next,
      };
      if (begins) this.#epoch += 1;
      const { matchedCount } = await this.#rows.replaceOne({ _id: 'parameters', revision }, document);
      if (matchedCount === 1) {
        this.#adopt(document);
        return true;
      }
      this.#adopt(await readRows(this.#rows));
    }
  }

  #adopt(document: ParametersDocument): void {
    const before = this.#document.generation;
    this.#document = document;
    this.#fields = new RowFields(document.rows);
    if (document.generation === before) return;
    this.#epoch += 1;
    this.#changed?.();
  }

  /** What changes states, one after the other. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const running = this.#turn.then(act);
    this.#turn = running.catch(() => undefined);
    return running;
  }

  async #count(): Promise<void> {
    const types = new Set(this.#document.rows.filter(({ status }) => status === 'filling').map(({ type }) => type));
    this.#totals = await this.#around.steps.count(types);
  }
}

/** Whether commits bring the same entries by both, and searches find the same. */
function sameEntries(before: readonly ParameterRow[], after: readonly ParameterRow[]): boolean {
  const spell = (rows: readonly ParameterRow[]) =>
    namedEntries(rows)
      .map(([name, row]) => `${row.status === 'current'} ${name} ${keyOf(row)}`)
      .sort()
      .join('\n');
  return spell(before) === spell(after);
}

async function readRows(rows: Collection<ParametersDocument>): Promise<ParametersDocument> {
  const found = await rows.findOne({ _id: 'parameters' });
  if (found === null) throw new Error('the database has lost its search parameters');
  return found;
}
