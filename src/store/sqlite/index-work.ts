/** What the writer does to the index beside commits: search parameters come, are filled, and go. https://hl7.org/fhir/R4/searchparameter.html */
import { containedType } from '../../search/contained.ts';
import { type Contained, readContained } from './contained.ts';
import { IndexRows } from './index-rows.ts';
import { ordered } from './numbered.ts';
import type { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import { FieldReader } from './pack.ts';
import { applyChanges, fillEmpty, finishPass, type ParameterChanges, parametersInState } from './parameters.ts';
import { containsOthers, everyTable, type RowNumbers, readRows } from './rows.ts';
import { countSetting } from './settings.ts';

/** A pass over a type's resources that fills the index of parameters: a row of `filling`. */
export interface Pass {
  /** The type's number. */
  readonly type: number;
  /** The numbers of the parameters. */
  readonly parameters: readonly number[];
  /**
   * The resources, then the replaced versions that walks may still show, then the versions of any type that contain
   * resources of the type.
   */
  readonly stage: 'live' | 'kept' | 'contained';
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

/** Resources, or kept versions, or versions of which only what they contain counts; and their entries. */
export interface Owners {
  readonly which: Pass['stage'];
  /** Numbers of resources, or change numbers of versions. */
  readonly numbers: readonly number[];
  /** The change numbers of the versions whose entries these are. */
  readonly versions: readonly number[];
  /** How many fields the entries of each take. */
  readonly lengths: readonly number[];
  /** Entries as `packResource` packs them. */
  readonly fields: readonly (string | number)[];
}

export type IndexWork =
  | { readonly kind: 'declare'; readonly changes: ParameterChanges }
  /** Parameters of types without resources are filled. */
  | { readonly kind: 'empty' }
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
  readonly #contained: Contained;
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

  /** @param index writes the rows of live resources. */
  constructor(db: Database, numbers: Numbers, rowNumbers: RowNumbers, index: IndexRows, contained: Contained) {
    this.#db = db;
    this.#numbers = numbers;
    this.#rowNumbers = rowNumbers;
    this.#contained = contained;
    this.#rows = { live: index, kept: new IndexRows(db, 'kept_') };
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
      case 'empty':
        return fillEmpty(this.#db) ? new Float64Array([1, 1]) : new Float64Array([0, 0]);
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
    let moved = false;
    numbers.forEach((owner, place) => {
      if (which === 'contained') {
        if (this.#refillContained(owner, fields, lengths[place] ?? 0)) changed += 1;
        return;
      }
      const [version, pattern] = this.#owner[which].get(owner) ?? [];
      // What was written since brought its entries along.
      if (version === undefined || version !== versions[place] || pattern === undefined) {
        fields.skip(lengths[place] ?? 0);
        return;
      }
      let rows = readRows(fields, this.#rowNumbers, version);
      const contained = readContained(fields, this.#rowNumbers, version);
      if (parameters !== undefined) {
        rows = rows.map((list) => list.filter(([parameter]) => parameters.has(Number(parameter))));
      }
      const [, params = '[]', tables = 0] = this.#pattern.get(pattern) ?? [];
      const present = parameters === undefined ? everyTable : tables;
      const after = this.#rows[which].refill(owner, present, parameters, rows);
      const others = parameters === undefined ? [] : numbersIn(params).filter((number) => !parameters.has(number));
      const found = rows.flatMap((list) => list.map(([parameter]) => Number(parameter)));
      const contains = contained.length === 0 ? 0 : containsOthers;
      const next = this.#patternOf(type, [...others, ...found], after.tables | contains);
      if (next !== pattern) {
        this.#setPattern[which].run(next, owner);
        moved = true;
      }
      const otherwise = this.#contained.replace(version, contained);
      if (after.changed || otherwise || next !== pattern) changed += 1;
    });
    if (moved) countSetting(this.#db, `patterns ${type}`);
    return changed;
  }

  /** @returns whether what a version contains had other rows. */
  #refillContained(version: number, fields: FieldReader, length: number): boolean {
    // A version that is gone took what it contained along.
    if (!this.#contained.has(version)) {
      fields.skip(length);
      return false;
    }
    readRows(fields, this.#rowNumbers, version);
    return this.#contained.replace(version, readContained(fields, this.#rowNumbers, version));
  }

  #patternOf(type: number, parameters: readonly number[], tables: number): number {
    return this.#numbers.pattern(type, JSON.stringify(ordered(parameters)), tables);
  }

  /** Only resources with a value of the parameter have rows of it, and their patterns tell which these are. */
  #clean(): Float64Array<ArrayBuffer> {
    const retired = this.#db
      .prepare<[number, number, number | null]>(`SELECT p.num, p.type,
        (SELECT c.num FROM type AS t CROSS JOIN type AS c ON c.name = '${containedType('')}' || t.name WHERE t.num = p.type)
        FROM parameter AS p WHERE p.state = 'retired' ORDER BY p.num LIMIT 1`)
      .get();
    if (retired === undefined) return new Float64Array([0, 1]);
    const [number, type, contained] = retired;
    let left = cleanStep;
    left -= this.#cleanOf('live', type, number, left);
    if (left > 0) left -= this.#cleanOf('kept', type, number, left);
    if (left > 0 && contained !== null) left -= this.#cleanOf('live', contained, -number, left);
    if (left <= 0) return new Float64Array([1, 0]);
    this.#db.prepare("UPDATE parameter SET state = 'gone' WHERE num = ?").run(number);
    return new Float64Array([1, 1]);
  }

  /** Removes a parameter's rows of some of a type's resources. @returns of how many. */
  #cleanOf(which: 'live' | 'kept', type: number, number: number, most: number): number {
    const only = new Set([number]);
    const patterns = new Map(
      this.#patternsOfType
        .all(type)
        .map(([pattern, params, tables]) => [pattern, { parameters: numbersIn(params), tables }] as const)
        .filter(([, { parameters }]) => parameters.includes(number)),
    );
    const owners = this.#withPatterns[which].all(JSON.stringify([...patterns.keys()]), type, most);
    for (const [owner, pattern] of owners) {
      const { parameters, tables } = patterns.get(pattern) ?? { parameters: [], tables: everyTable };
      const after = this.#rows[which].refill(owner, tables, only, []);
      const others = parameters.filter((each) => each !== number);
      this.#setPattern[which].run(this.#patternOf(type, others, after.tables | (tables & containsOthers)), owner);
    }
    if (owners.length > 0) countSetting(this.#db, `patterns ${type}`);
    return owners.length;
  }
}

function numbersIn(params: string): readonly number[] {
  return JSON.parse(params);
}
