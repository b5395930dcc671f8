/**
 * Compares a store's index with its resources, and the tables with each other. https://hl7.org/fhir/R4/search.html
 *
 * Reads beside a running server, in many short snapshots so that the log doesn't grow. Repairing takes the store's lock.
 */
import { containedType } from '../../search/contained.ts';
import { foldToken } from '../../search/normalise.ts';
import { type Finding, finding, type Progress } from '../finding.ts';
import type { ParameterDefinition, Reextract } from '../parameter-index.ts';
import { checkContainedLists, compareContained, type PresentContained } from './check-contained.ts';
import { checkText } from './check-text.ts';
import { compareRows } from './compare-rows.ts';
import type { ContainedRows } from './contained.ts';
import { FoundNumbers } from './found-numbers.ts';
import type { Database, Statement } from './open.ts';
import { parameterNumbers, parameterRows } from './parameters.ts';
import { containedRowsOf, Reindexer, rowsOf } from './reindex.ts';
import { countAnew, wrongCounts } from './row-counts.ts';
import { patternOf, type ResourceRows, tableNames } from './rows.ts';
import { indexTables } from './schema.ts';
import { setSetting } from './settings.ts';
import { checkTerminology } from './terminology-check.ts';
import { transaction } from './transaction.ts';
import { Unsettled } from './unsettled.ts';

export interface CheckOptions {
  /** Whether to rewrite what is wrong; the connection must be a writing one then, under the store's lock. */
  readonly repair?: boolean;
  /** Whether a parameter's entries are those of an earlier release, which this one doesn't make; by default none are. */
  readonly isEarlier?: (parameter: ParameterDefinition) => boolean;
}

/** Resources between two reports of progress, and in one transaction of repairs. */
const batch = 500;

/** A version with the index rows it should have: of a live resource, or kept. */
interface Indexed {
  readonly which: 'live' | 'kept';
  readonly type: number;
  /** The resource's number, or the kept version's change number. */
  readonly owner: number;
  /** The version's change number. */
  readonly vid: number;
  readonly typeName: string;
  readonly id: string;
  readonly body: Uint8Array;
  readonly params: string | null;
  readonly tables: number | null;
}

/** Checks a store; yields what is wrong as it is found, and progress in between. */
export function* checkStore(
  db: Database,
  reextract: Reextract,
  options: CheckOptions = {},
): Generator<Finding | Progress> {
  const repair = options.repair === true;
  // Repairing leaves the rows of current parameters alone, so that the others are filled from the beginning.
  if (repair) db.exec("DELETE FROM filling; UPDATE parameter SET state = 'filling' WHERE state = 'filled'");
  yield* checkFile(db);
  yield* checkVersions(db);
  yield* checkCounts(db, repair);
  yield* checkCodes(db, repair);
  const wrong = wrongCounts(db);
  if (wrong > 0) yield finding(`${wrong} counts of index rows are not those of the rows`, repair);
  // Rows are repaired without their counts: these are made anew at the end, or when the store is opened next.
  if (repair) setSetting(db, 'uncounted', 1);
  yield* checkOrphans(db, repair);
  yield* checkContainedLists(db, repair);
  yield* checkRows(db, reextract, repair, options.isEarlier);
  const text = checkText(db, repair);
  if (text !== undefined) yield finding(text, repair);
  yield* checkTerminology(db, repair);
  if (repair) countAnew(db);
}

function* checkFile(db: Database): Generator<Finding> {
  for (const [message] of db.prepare<[string]>('PRAGMA integrity_check').all()) {
    if (message !== 'ok') yield finding(`the file is damaged: ${message}`);
  }
}

/** Types of resources of their own; the contained ones have no versions and aren't counted. */
const ofOwn = `t.name NOT GLOB '${containedType('*')}'`;

/** Versions without gaps, whose change numbers rise with their version ids; the current one is the last. */
function* checkVersions(db: Database): Generator<Finding> {
  const wrong = db.prepare<[string, string]>(`
    SELECT t.name, e.id FROM entity AS e JOIN type AS t ON t.num = e.type AND ${ofOwn}
      LEFT JOIN (SELECT rid, count(*) AS count, min(number) AS least, max(number) AS number, max(vid) AS vid
        FROM version INDEXED BY version_by_number GROUP BY rid) AS v ON v.rid = e.rid
      WHERE (e.state = 0 AND (v.rid IS NOT NULL OR e.number <> 0 OR e.vid IS NOT NULL))
        OR (e.state <> 0 AND (v.rid IS NULL OR v.least <> 1 OR v.count <> v.number OR v.number <> e.number OR v.vid <> e.vid))
        OR (e.state = 1) <> (e.pattern IS NOT NULL)`);
  for (const [type, id] of wrong.all())
    yield finding(`${type}/${id}: its versions are not 1, 2, … up to the current one`);
  const order = db.prepare<[string, string, number]>(`
    SELECT t.name, e.id, v.number FROM version AS v
      JOIN version AS n ON n.rid = v.rid AND n.number = v.number + 1
      JOIN entity AS e ON e.rid = v.rid JOIN type AS t ON t.num = e.type
      WHERE n.vid <= v.vid OR n.updated < v.updated OR n.type <> v.type`);
  for (const [type, id, number] of order.all())
    yield finding(`${type}/${id}: version ${number} is not older than the next`);
  const lost = db.prepare<[number]>('SELECT vid FROM version WHERE rid NOT IN (SELECT rid FROM entity)');
  for (const [vid] of lost.all()) yield finding(`change ${vid} belongs to no resource`);
  const state = db.prepare<[string, string]>(`
    SELECT t.name, e.id FROM entity AS e JOIN version AS v ON v.vid = e.vid JOIN type AS t ON t.num = e.type AND ${ofOwn}
      WHERE v.rid <> e.rid OR (e.state = 1) <> (v.body IS NOT NULL) OR (e.state = 2) <> (v.method = 3)`);
  for (const [type, id] of state.all())
    yield finding(`${type}/${id}: deleted or not, its current version says otherwise`);
}

function* checkCounts(db: Database, repair: boolean): Generator<Finding> {
  const wrong = db.prepare<[number, string, number, number]>(`
    SELECT t.num, t.name, t.live, (SELECT count(*) FROM entity AS e WHERE e.type = t.num AND e.state = 1) AS counted
      FROM type AS t WHERE ${ofOwn} AND t.live <> counted`);
  const set = db.prepare('UPDATE type SET live = ? WHERE num = ?');
  for (const [number, name, live, counted] of wrong.all()) {
    if (repair) set.run(counted, number);
    yield finding(`${name}: ${counted} resources are there, ${live} are counted`, repair);
  }
}

/** Codes by the form in which case doesn't count. */
function* checkCodes(db: Database, repair: boolean): Generator<Finding> {
  const codes = db.prepare<[number, string, string]>('SELECT num, value, folded FROM code').all();
  const wrong = codes.filter(([, value, folded]) => foldToken(value) !== folded);
  if (wrong.length === 0) return;
  const set = db.prepare('UPDATE code SET folded = ? WHERE num = ?');
  const correct = () => {
    for (const [number, value] of wrong) set.run(foldToken(value), number);
  };
  if (repair) transaction(db, correct);
  yield finding(`${wrong.length} codes are not found without regard to case`, repair);
}

/** Rows of what is not live, not kept, or of no parameter that is there, is coming or going. */
function* checkOrphans(db: Database, repair: boolean): Generator<Finding> {
  for (const table of tableNames) {
    for (const [prefix, owners] of [
      ['', 'SELECT rid FROM entity WHERE state = 1'],
      ['kept_', 'SELECT vid FROM kept'],
    ] as const) {
      const where = `rid NOT IN (${owners}) OR abs(param) NOT IN (SELECT num FROM parameter WHERE state <> 'gone')`;
      const count = db.prepare<[number]>(`SELECT count(*) FROM ${prefix}${table} WHERE ${where}`).get()?.[0] ?? 0;
      if (count === 0) continue;
      if (repair) db.exec(`DELETE FROM ${prefix}${table} WHERE ${where}`);
      yield finding(`${count} rows of the index ${prefix}${table} belong to nothing`, repair);
    }
  }
  const kept = db.prepare<[number]>(`SELECT k.vid FROM kept AS k WHERE NOT EXISTS (SELECT 1 FROM version AS v
    JOIN version AS n ON n.vid = k.replaced AND n.rid = v.rid AND n.number = v.number + 1 WHERE v.vid = k.vid)`);
  for (const [vid] of kept.all()) yield finding(`change ${vid} is kept for walks but was not replaced as it says`);
}

function* checkRows(
  db: Database,
  reextract: Reextract,
  repair: boolean,
  isEarlier: CheckOptions['isEarlier'],
): Generator<Finding | Progress> {
  const declared = parameterRows(db);
  const parameters = parameterNumbers(declared.filter(({ status }) => status === 'current'));
  const unsettled = new Unsettled(declared, isEarlier);
  const extract = (body: Uint8Array, type: string) => unsettled.without(type, reextract(body));
  // What is indexed anew gets entries also of those that an earlier release filled, which go on answering.
  const moving = new Unsettled(declared);
  const answering = (body: Uint8Array, type: string) => moving.without(type, reextract(body));
  const numbers = new FoundNumbers(db);
  const rowsNow = new PresentRows(db);
  const reindexer = repair ? new Reindexer(db, parameters, answering) : undefined;
  const total = db.prepare<[number]>(`SELECT (SELECT coalesce(sum(live), 0) FROM type) + (SELECT count(*) FROM kept)`);
  const all = total.get()?.[0] ?? 0;
  let done = 0;
  for (const which of ['live', 'kept'] as const) {
    const next = batchOf(db, which);
    for (let last = 0, more = true; more; ) {
      const wrong: { readonly one: Indexed; readonly problem: Problem }[] = [];
      // One snapshot for a batch, so that a version is compared with its own rows.
      db.exec('BEGIN');
      const some = next(last);
      for (const one of some) {
        const problem = compare(one, rowsNow, unsettled, () => {
          const { entries, contained = [] } = extract(one.body, one.typeName);
          const rows = rowsOf(one.typeName, entries, parameters, numbers, one.vid);
          return { rows, contained: containedRowsOf(contained, parameters, numbers, one.vid) };
        });
        if (problem !== undefined) wrong.push({ one, problem });
      }
      db.exec('COMMIT');
      const repairable = wrong.filter(({ problem }) => problem.repairable);
      if (reindexer !== undefined && repairable.length > 0) {
        transaction(db, () => {
          for (const { one } of repairable) reindexer.reindex(which, one.type, one.owner, one.body);
        });
        reindexer.committed();
      }
      for (const { one, problem } of wrong)
        yield finding(`${one.typeName}/${one.id}: ${problem.text}`, repair && problem.repairable);
      last = some.at(-1)?.owner ?? last;
      more = some.length === batch;
      done += some.length;
      yield { kind: 'progress', done, total: all };
    }
  }
}

/** Reads the next live resources, or kept versions, after an owner. */
function batchOf(db: Database, which: 'live' | 'kept'): (after: number) => readonly Indexed[] {
  const [table, column] = which === 'live' ? ['entity', 'rid'] : ['kept', 'vid'];
  const select = db.prepare<[number, number, number, string, string, Uint8Array, string | null, number | null]>(
    `SELECT x.${column}, x.vid, x.type, t.name, e.id, v.body, p.params, p.tables FROM ${table} AS x
      CROSS JOIN version AS v ON v.vid = x.vid CROSS JOIN entity AS e ON e.rid = x.rid
      CROSS JOIN type AS t ON t.num = x.type AND ${ofOwn} LEFT JOIN pattern AS p ON p.num = x.pattern AND p.type = x.type
      WHERE x.${column} > ? ${which === 'live' ? 'AND x.state = 1' : ''} AND v.body IS NOT NULL
      ORDER BY x.${column} LIMIT ${batch}`,
  );
  return (after) =>
    select.all(after).map(([owner, vid, type, typeName, id, body, params, tables]) => ({
      which,
      owner,
      vid,
      type,
      typeName,
      id,
      body,
      params,
      tables,
    }));
}

/** What a version should be indexed by. */
interface Wanted {
  readonly rows: ResourceRows;
  readonly contained: readonly ContainedRows[];
}

interface Problem {
  readonly text: string;
  /** Whether indexing the version anew puts it right. */
  readonly repairable: boolean;
}

/** What is wrong with a version's index rows, undefined where nothing is. */
function compare(one: Indexed, present: PresentRows, unsettled: Unsettled, extract: () => Wanted): Problem | undefined {
  let wanted: Wanted;
  try {
    wanted = extract();
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'an unknown failure';
    return { text: `it can't be indexed (${reason}): restore a backup`, repairable: false };
  }
  const { rows, contained } = wanted;
  const of = one.which === 'kept' ? ', as kept for walks,' : '';
  const problem = compareRows(rows, (place) => unsettled.settled(present.rows(one.which, place, one.owner)));
  if (problem !== undefined) return { text: `its index${of} ${problem}`, repairable: true };
  if (!unsettled.isPattern(patternOf(rows, contained.length > 0), one.params, one.tables))
    return { text: `its pattern of parameters${of} is wrong`, repairable: true };
  const inside = compareContained(contained, present.contained(one.vid), one.vid, unsettled, (rid, place) =>
    present.rows('live', place, rid),
  );
  return inside === undefined ? undefined : { text: inside, repairable: true };
}

/** The rows that index tables have. */
class PresentRows {
  readonly #contained: Statement<PresentContained>;
  readonly #select: { readonly live: readonly Select[]; readonly kept: readonly Select[] };

  constructor(db: Database) {
    const of = (prefix: string): readonly Select[] =>
      tableNames.map((table) => {
        const columns = ['param', ...indexTables[table]].join(', ');
        const select = db.prepare(
          `SELECT ${columns} FROM ${prefix}${table} INDEXED BY ${prefix}${table}_by_resource WHERE rid = ?`,
        );
        return (owner) => select.all(owner).map((row) => row.join('\u0000'));
      });
    this.#contained = db.prepare(`SELECT e.rid, t.name, e.id, p.params, p.tables FROM contained AS c
      CROSS JOIN entity AS e ON e.rid = c.rid CROSS JOIN type AS t ON t.num = e.type
      LEFT JOIN pattern AS p ON p.num = e.pattern WHERE c.vid = ?`);
    this.#select = { live: of(''), kept: of('kept_') };
  }

  contained(vid: number): readonly PresentContained[] {
    return this.#contained.all(vid);
  }

  rows(which: 'live' | 'kept', table: number, owner: number): readonly string[] {
    return this.#select[which][table]?.(owner) ?? [];
  }
}

type Select = (owner: number) => readonly string[];
