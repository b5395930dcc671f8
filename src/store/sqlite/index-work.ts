/** What the writer does to the index beside commits: search parameters come, are filled, and go. https://hl7.org/fhir/R4/searchparameter.html */
import { IndexRows } from './index-rows.ts';
import type { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import { FieldReader } from './pack.ts';
import { applyChanges, finishPass, type ParameterChanges, parametersInState } from './parameters.ts';
import { everyTable, type RowNumbers, readRows } from './rows.ts';

/** A pass over a type's resources that fills the index of parameters: a row of `filling`. */
export interface Pass {
  /** The type's number. */
  readonly type: number;
  /** The numbers of the parameters. */
  readonly parameters: readonly number[];
  /** The resources, then the replaced versions that walks may still show. */
  readonly stage: 'live' | 'kept';
  /** The last change number that is done, and the last one that has to be: later ones brought their entries along. */
  readonly after: number;
  readonly upto: number;
  readonly done: number;
  readonly total: number;
}

/** A step of a pass. */
export interface FillWork {
  readonly kind: 'fill';
  /** The pass as it is after the step; `finished`: there is nothing left of it. */
  readonly pass: Pass;
  readonly finished: boolean;
  readonly owners: Owners;
}

/** Resources, or kept versions, and their entries. */
export interface Owners {
  readonly which: 'live' | 'kept';
  /** Numbers of resources, or of kept versions. */
  readonly numbers: readonly number[];
  /** The change numbers of the versions whose entries these are. */
  readonly versions: readonly number[];
  /** How many fields the entries of each take. */
  readonly lengths: readonly number[];
  /** Entries as `packEntries` packs them. */
  readonly fields: readonly (string | number)[];
}

export type IndexWork =
  | { readonly kind: 'declare'; readonly changes: ParameterChanges }
  | FillWork
  /** Makes a resource's rows those of its entries, of all parameters. */
  | { readonly kind: 'rewrite'; readonly type: number; readonly owners: Owners }
  /** Removes a little of what a retired parameter has left. */
  | { readonly kind: 'clean' };

/** Resources that one step of `clean` looks at. */
const cleanStep = 200;

type PatternRow = [num: number, params: string, tables: number];

export class IndexWorker {
  readonly #db: Database;
  readonly #numbers: Numbers;
  readonly #rowNumbers: RowNumbers;
  readonly #rows: { readonly live: IndexRows; readonly kept: IndexRows };
  readonly #owner: {
    readonly live: Statement<[vid: number, pattern: number]>;
    readonly kept: Statement<[number, number]>;
  };
  readonly #setPattern: { readonly live: Statement; readonly kept: Statement };
  /** Owners of a type with one of the patterns (JSON): at most so many. */
  readonly #withPatterns: {
    readonly live: Statement<[owner: number, pattern: number]>;
    readonly kept: Statement<[number, number]>;
  };
  readonly #pattern: Statement<PatternRow>;
  readonly #patternsOfType: Statement<PatternRow>;
  readonly #savePass: Statement;

  constructor(db: Database, numbers: Numbers, rowNumbers: RowNumbers) {
    this.#db = db;
    this.#numbers = numbers;
    this.#rowNumbers = rowNumbers;
    this.#rows = { live: new IndexRows(db), kept: new IndexRows(db, 'kept_') };
    this.#owner = {
      live: db.prepare('SELECT vid, pattern FROM entity WHERE rid = ? AND state = 1'),
      kept: db.prepare('SELECT vid, pattern FROM kept WHERE vid = ?'),
    };
    this.#setPattern = {
      live: db.prepare('UPDATE entity SET pattern = ? WHERE rid = ?'),
      kept: db.prepare('UPDATE kept SET pattern = ? WHERE vid = ?'),
    };
    this.#withPatterns = {
      live: db.prepare(`SELECT e.rid, e.pattern FROM json_each(?1) AS j
        CROSS JOIN entity AS e INDEXED BY entity_by_pattern ON e.type = ?2 AND e.pattern = j.value AND e.state = 1 LIMIT ?3`),
      kept: db.prepare(`SELECT vid, pattern FROM kept
        WHERE type = ?2 AND pattern IN (SELECT value FROM json_each(?1)) LIMIT ?3`),
    };
    this.#pattern = db.prepare('SELECT num, params, tables FROM pattern WHERE num = ?');
    this.#patternsOfType = db.prepare('SELECT num, params, tables FROM pattern WHERE type = ?');
    this.#savePass = db.prepare('INSERT OR REPLACE INTO filling VALUES (?, ?, ?, ?, ?, ?, ?)');
  }

  /** @returns how many things changed that searches may see, and whether states of parameters are others now (1). */
  run(work: IndexWork): Float64Array<ArrayBuffer> {
    switch (work.kind) {
      case 'declare':
        applyChanges(this.#db, this.#numbers, work.changes);
        return new Float64Array([1, 1]);
      case 'fill':
        return this.#fill(work);
      case 'rewrite':
        return new Float64Array([this.#refill(work.type, undefined, work.owners), 0]);
      case 'clean':
        return this.#clean();
    }
  }

  #fill({ pass, finished, owners }: FillWork): Float64Array<ArrayBuffer> {
    const { type, parameters, stage, after, upto, done, total } = pass;
    // One that was retired meanwhile gets no new rows.
    const filling = new Set(parametersInState(this.#db, 'filling'));
    const changed = this.#refill(type, new Set(parameters.filter((number) => filling.has(number))), owners);
    if (finished) {
      finishPass(this.#db, type, parameters);
      return new Float64Array([changed + 1, 1]);
    }
    this.#savePass.run(type, JSON.stringify(parameters), stage, after, upto, done, total);
    return new Float64Array([changed, 0]);
  }

  /** @returns how many had other rows. */
  #refill(type: number, parameters: ReadonlySet<number> | undefined, owners: Owners): number {
    const { which, numbers, versions, lengths } = owners;
    const fields = new FieldReader(owners.fields);
    let changed = 0;
    numbers.forEach((owner, place) => {
      const [version, pattern] = this.#owner[which].get(owner) ?? [];
      // What was written since brought its entries along.
      if (version !== versions[place] || pattern === undefined) {
        fields.skip(lengths[place] ?? 0);
        return;
      }
      let rows = readRows(fields, this.#rowNumbers);
      if (parameters !== undefined) {
        rows = rows.map((list) => list.filter(([parameter]) => parameters.has(Number(parameter))));
      }
      const [, params = '[]', tables = 0] = this.#pattern.get(pattern) ?? [];
      const present = parameters === undefined ? everyTable : tables;
      const after = this.#rows[which].refill(owner, present, parameters, rows);
      const others = parameters === undefined ? [] : numbersIn(params).filter((number) => !parameters.has(number));
      const found = rows.flatMap((list) => list.map(([parameter]) => Number(parameter)));
      const next = this.#patternOf(type, [...others, ...found], after.tables);
      if (next !== pattern) this.#setPattern[which].run(next, owner);
      if (after.changed || next !== pattern) changed += 1;
    });
    return changed;
  }

  #patternOf(type: number, parameters: readonly number[], tables: number): number {
    const sorted = [...new Set(parameters)].sort((a, b) => a - b);
    return this.#numbers.pattern(type, JSON.stringify(sorted), tables);
  }

  /** Only resources with a value of the parameter have rows of it, and their patterns tell which these are. */
  #clean(): Float64Array<ArrayBuffer> {
    const retired = this.#db
      .prepare<[number, number]>("SELECT num, type FROM parameter WHERE state = 'retired' ORDER BY num LIMIT 1")
      .get();
    if (retired === undefined) return new Float64Array([0, 1]);
    const [number, type] = retired;
    const only = new Set([number]);
    const patterns = new Map(
      this.#patternsOfType
        .all(type)
        .map(([pattern, params, tables]) => [pattern, { parameters: numbersIn(params), tables }] as const)
        .filter(([, { parameters }]) => parameters.includes(number)),
    );
    let left = cleanStep;
    for (const which of ['live', 'kept'] as const) {
      const owners = this.#withPatterns[which].all(JSON.stringify([...patterns.keys()]), type, left);
      for (const [owner, pattern] of owners) {
        const { parameters, tables } = patterns.get(pattern) ?? { parameters: [], tables: everyTable };
        const after = this.#rows[which].refill(owner, tables, only, []);
        const others = parameters.filter((each) => each !== number);
        this.#setPattern[which].run(this.#patternOf(type, others, after.tables), owner);
      }
      left -= owners.length;
      if (left <= 0) return new Float64Array([1, 0]);
    }
    this.#db.prepare("UPDATE parameter SET state = 'gone' WHERE num = ?").run(number);
    return new Float64Array([1, 1]);
  }
}

function numbersIn(params: string): readonly number[] {
  return JSON.parse(params);
}
