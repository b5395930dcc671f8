/** The search parameters of the embedded store, from the side that reads. https://hl7.org/fhir/R4/searchparameter.html */
import { containedType } from '../../search/contained.ts';
import type { IndexEntry } from '../../search/entry.ts';
import { makePace } from '../pace.ts';
import type { ParameterDefinition, ParameterIndex, ParameterState, Reextract, Rewritten } from '../parameter-index.ts';
import { namedEntries } from '../parameter-names.ts';
import type { Entries } from '../write.ts';
import type { Owners, Pass } from './index-work.ts';
import type { Database, Statement } from './open.ts';
import { type ParameterNumbers, packResource } from './pack.ts';
import { changesTo, type ParameterRow, parameterNumbers, parameterRows } from './parameters.ts';
import type { Writer } from './writer.ts';

/** Resources that one step fills. */
const step = 200;
/** Milliseconds of the thread that a step takes at a time: other requests are answered in between. */
const slice = 3;

/** The order of a pass's stages. */
const stageAfter = { live: 'kept', kept: 'contained', contained: undefined } as const;

type PassRow = [
  type: number,
  params: string,
  stage: Pass['stage'],
  after: number,
  upto: number,
  done: number,
  total: number,
];
type RewriteRow = [type: number, rid: number, vid: number, id: string, body: Uint8Array];
type OwnerRow = [owner: number, version: number, body: Uint8Array];

export class SqliteParameterIndex implements ParameterIndex {
  readonly #writer: Writer;
  readonly #readRows: () => readonly ParameterRow[];
  readonly #passes: Statement<PassRow>;
  readonly #newest: Statement<[number]>;
  readonly #owners: { readonly [S in Pass['stage']]: Statement<OwnerRow> };
  readonly #one: Statement<RewriteRow>;
  readonly #some: Statement<RewriteRow>;
  readonly #live: Statement<[number]>;
  #rows: readonly ParameterRow[];
  #numbers: ParameterNumbers;
  #generation = 0;
  /** Rises when something begins that a step in work must not go on beside. */
  #epoch = 0;
  /** Resolves when all commits are done that began before the parameters changed. */
  #settled: Promise<void> = Promise.resolve();
  /** What the writer does to states, and what follows from it, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param rows the parameters that the store has. */
  constructor(db: Database, writer: Writer, rows: readonly ParameterRow[]) {
    this.#writer = writer;
    this.#readRows = () => parameterRows(db);
    this.#passes = db.prepare('SELECT type, params, stage, after, upto, done, total FROM filling ORDER BY type');
    this.#newest = db.prepare('SELECT coalesce(max(vid), 0) FROM version');
    this.#owners = {
      live: db.prepare(`SELECT t.rid, t.vid, version.body FROM entity AS t INDEXED BY entity_by_change
        CROSS JOIN version ON version.vid = t.vid
        WHERE t.type = ? AND t.state = 1 AND t.vid > ? AND t.vid <= ? ORDER BY t.vid LIMIT ${step}`),
      kept: db.prepare(`SELECT t.vid, t.vid, version.body FROM kept AS t CROSS JOIN version ON version.vid = t.vid
        WHERE t.type = ? AND t.vid > ? AND t.vid <= ? ORDER BY t.vid LIMIT ${step}`),
      contained: db.prepare(`SELECT x.vid, x.vid, version.body FROM (SELECT DISTINCT e.vid FROM type AS t
          CROSS JOIN type AS c ON c.name = '${containedType('')}' || t.name
          CROSS JOIN entity AS e INDEXED BY entity_by_change ON e.type = c.num AND e.state = 1 AND e.vid > ?2 AND e.vid <= ?3
          WHERE t.num = ?1 ORDER BY e.vid LIMIT ${step}) AS x
        CROSS JOIN version ON version.vid = x.vid ORDER BY x.vid`),
    };
    const columns = 'type.num, entity.rid, entity.vid, entity.id, version.body';
    this.#one = db.prepare(`SELECT ${columns} FROM type
      CROSS JOIN entity ON entity.type = type.num AND entity.id = ?2 AND entity.state = 1
      CROSS JOIN version ON version.vid = entity.vid WHERE type.name = ?1`);
    this.#some = db.prepare(`SELECT ${columns} FROM type
      CROSS JOIN entity INDEXED BY entity_by_change
        ON entity.type = type.num AND entity.state = 1 AND entity.vid > ?2 AND entity.vid <= ?3
      CROSS JOIN version ON version.vid = entity.vid WHERE type.name = ?1 ORDER BY entity.vid LIMIT ${step}`);
    this.#live = db.prepare('SELECT live FROM type WHERE num = ?');
    this.#rows = rows;
    this.#numbers = parameterNumbers(rows);
    writer.useParameters(this.#numbers);
  }

  get generation(): number {
    return this.#generation;
  }

  states(): readonly ParameterState[] {
    const passes = new Map(this.#passes.all().map((row) => [row[0], passOf(row)]));
    const live = new Map<number, number>();
    const liveOf = (type: number): number => {
      const known = live.get(type) ?? this.#live.get(type)?.[0] ?? 0;
      live.set(type, known);
      return known;
    };
    // Literals with all properties: there are thousands, and what a spread object gains gives each a shape of its own.
    return namedEntries(this.#rows).map(([entry, { type, code, definition, source, status, number, typeNumber }]) => {
      if (status === 'current') return { type, code, definition, source, entry, state: 'current', done: 0, total: 0 };
      const pass = passes.get(typeNumber);
      const total = pass?.total ?? liveOf(typeNumber);
      const begun = pass?.parameters.includes(number) === true ? pass.done : 0;
      const done = status === 'filled' ? total : Math.min(begun, total);
      return { type, code, definition, source, entry, state: 'filling', done, total };
    });
  }

  declare(wanted: () => readonly ParameterDefinition[], changed: () => void): Promise<void> {
    return this.#inTurn(async () => {
      const changes = changesTo(this.#rows, wanted());
      if (changes === undefined) return;
      this.#epoch += 1;
      await this.#writer.index({ kind: 'declare', changes });
      this.#change(changed);
      if (!this.#rows.some(({ status }) => status === 'filling' || status === 'filled')) return;
      await this.#settled;
      if (await this.#writer.index({ kind: 'empty' })) this.#change(changed);
    });
  }

  async advance(extract: Reextract, changed: () => void): Promise<number | undefined> {
    await this.#settled;
    const epoch = this.#epoch;
    const pass = this.#nextPass();
    if (pass === undefined) return this.#clean();
    const found = this.#owners[pass.stage].all(pass.type, pass.after, pass.upto);
    const owners = await this.#extracted(pass, found, extract);
    // The pass may begin again, so this step is left to the one that does.
    if (owners === undefined || epoch !== this.#epoch) return 0;
    const last = found.at(-1)?.[1] ?? pass.after;
    const over = found.length < step;
    const done = pass.stage === 'live' ? pass.done + found.length : pass.done;
    const stage = stageAfter[pass.stage];
    const next: Pass = over ? { ...pass, stage: stage ?? pass.stage, after: 0, done } : { ...pass, after: last, done };
    const finished = over && stage === undefined;
    return this.#inTurn(async () => {
      if (epoch !== this.#epoch) return 0;
      const settled = await this.#writer.index({ kind: 'fill', pass: next, finished, owners });
      if (settled) this.#change(changed);
      return found.length;
    });
  }

  async rewrite(type: string, id: string, extract: Reextract): Promise<Rewritten> {
    for (;;) {
      const result = await this.#rewrite(this.#one.all(type, id), extract);
      if (result !== undefined) return result;
    }
  }

  async rewriteSome(type: string, place: readonly number[] | undefined, extract: Reextract): Promise<Rewritten> {
    const [after = 0, upto = this.#newest.get()?.[0] ?? 0] = place ?? [];
    const found = this.#some.all(type, after, upto);
    const result = await this.#rewrite(found, extract);
    if (result === undefined) return { looked: 0, changed: 0, failed: [], next: [after, upto] };
    const last = found.at(-1)?.[2] ?? after;
    return found.length < step ? result : { ...result, next: [last, upto] };
  }

  /** undefined: the parameters changed meanwhile, and nothing was written. */
  async #rewrite(found: readonly RewriteRow[], extract: Reextract): Promise<Rewritten | undefined> {
    const [type] = found[0] ?? [];
    if (type === undefined) return { looked: 0, changed: 0, failed: [] };
    const epoch = this.#epoch;
    const failed: string[] = [];
    const packed = new PackedOwners('live', this.#typeName(type), this.#numbers);
    const pace = makePace(slice);
    for (const [, rid, vid, id, body] of found) {
      if (epoch !== this.#epoch) return undefined;
      const entries = entriesOrNothing(extract, body);
      if (entries === undefined) failed.push(id);
      else packed.add(rid, vid, entries);
      await pace();
    }
    if (epoch !== this.#epoch) return undefined;
    return { looked: found.length, changed: await this.#writer.rewrite(type, packed), failed };
  }

  /** Follows the states that the writer has set: the entries' numbers, the generation and whoever listens, in one go. */
  #change(changed: () => void): void {
    this.#epoch += 1;
    this.#generation += 1;
    this.#rows = this.#readRows();
    this.#numbers = parameterNumbers(this.#rows);
    this.#writer.useParameters(this.#numbers);
    changed();
    // The writer works in order, so it has done by then what it was given before.
    this.#settled = this.#writer.walks(0);
    // Who goes on hears of it; nobody may be waiting when the store closes.
    this.#settled.catch(() => undefined);
  }

  /** The pass in work, or a new one for a type that has parameters to fill. */
  #nextPass(): Pass | undefined {
    const [begun] = this.#passes.all();
    if (begun !== undefined) return passOf(begun);
    const type = this.#rows.find(({ status }) => status === 'filling')?.typeNumber;
    if (type === undefined) return undefined;
    const parameters = this.#rows
      .filter(({ status, typeNumber }) => status === 'filling' && typeNumber === type)
      .map(({ number }) => number);
    const upto = this.#newest.get()?.[0] ?? 0;
    return { type, parameters, stage: 'live', after: 0, upto, done: 0, total: this.#live.get(type)?.[0] ?? 0 };
  }

  /** The entries of a pass's parameters, and all of what is contained, with pauses. undefined: the parameters changed. */
  async #extracted(
    { parameters, stage, type }: Pass,
    found: readonly OwnerRow[],
    extract: Reextract,
  ): Promise<Owners | undefined> {
    const epoch = this.#epoch;
    const wanted = new Set(parameters);
    const typeName = this.#typeName(type);
    const numbers = this.#numbers.get(typeName);
    const packed = new PackedOwners(stage, typeName, this.#numbers);
    const pace = makePace(slice);
    for (const [owner, version, body] of found) {
      if (epoch !== this.#epoch) return undefined;
      const all = entriesOrNothing(extract, body);
      const ofPass = ({ parameter }: IndexEntry) => wanted.has(numbers?.get(parameter) ?? 0);
      // What can't be read keeps what it has.
      if (all !== undefined) {
        const entries = stage === 'contained' ? [] : all.entries.filter(ofPass);
        packed.add(owner, version, { ...all, entries });
      }
      await pace();
    }
    return packed;
  }

  #clean(): Promise<number | undefined> {
    return this.#inTurn(async () => {
      if (!this.#rows.some(({ status }) => status === 'retired')) return undefined;
      const gone = await this.#writer.index({ kind: 'clean' });
      // Nobody brings or searches its entries any more, so this is no change for others.
      if (gone) this.#rows = this.#readRows();
      return 0;
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const running = this.#turn.then(act);
    this.#turn = running.catch(() => undefined);
    return running;
  }

  #typeName(number: number): string {
    return this.#rows.find(({ typeNumber }) => typeNumber === number)?.type ?? '';
  }
}

function passOf([type, params, stage, after, upto, done, total]: PassRow): Pass {
  return { type, parameters: JSON.parse(params), stage, after, upto, done, total };
}

/** Entries as they go to the writer, of one resource or kept version after the other. */
class PackedOwners implements Owners {
  readonly which: Owners['which'];
  readonly numbers: number[] = [];
  readonly versions: number[] = [];
  readonly lengths: number[] = [];
  readonly fields: (string | number)[] = [];
  readonly #type: string;
  readonly #parameters: ParameterNumbers;

  constructor(which: Owners['which'], type: string, parameters: ParameterNumbers) {
    this.which = which;
    this.#type = type;
    this.#parameters = parameters;
  }

  add(owner: number, version: number, entries: Entries): void {
    const before = this.fields.length;
    packResource(this.fields, this.#type, entries, this.#parameters);
    this.numbers.push(owner);
    this.versions.push(version);
    this.lengths.push(this.fields.length - before);
  }
}

function entriesOrNothing(extract: Reextract, body: Uint8Array): Entries | undefined {
  try {
    return extract(body);
  } catch {
    return undefined;
  }
}
