/** The numbers of search parameters, one for each version of a definition, and their states. https://hl7.org/fhir/R4/searchparameter.html */
import { containedType } from '../../search/contained.ts';
import type { ParameterDefinition } from '../parameter-index.ts';
import { isIndexed, keyOf, namedEntries, type ParameterStatus } from '../parameter-names.ts';
import { Numbers } from './numbers.ts';
import type { Database } from './open.ts';
import type { ParameterNumbers } from './pack.ts';
import { transaction } from './transaction.ts';

/** A row of `parameter`. */
export interface ParameterRow extends ParameterDefinition {
  readonly number: number;
  /** The type's number. */
  readonly typeNumber: number;
  readonly status: ParameterStatus;
}

/** What makes the parameters those that are wanted. */
export interface ParameterChanges {
  readonly add: readonly ParameterDefinition[];
  /** Definitions that were retired and are wanted again. */
  readonly again: readonly Sourced[];
  readonly retire: readonly number[];
  /** Definitions that stay, and that their owner says something else of. */
  readonly sources: readonly Sourced[];
}

interface Sourced {
  readonly number: number;
  readonly source: string | undefined;
}

export function parameterRows(db: Database): readonly ParameterRow[] {
  return db
    .prepare<[number, number, string, string, string, ParameterStatus, string | null]>(
      `SELECT parameter.num, parameter.type, type.name, parameter.code, parameter.definition, parameter.state,
        parameter.source FROM parameter JOIN type ON type.num = parameter.type ORDER BY parameter.num`,
    )
    .all()
    .map(([number, typeNumber, type, code, definition, status, source]) => {
      return { number, typeNumber, type, code, definition, status, source: source ?? undefined };
    });
}

/** The numbers under which commits bring entries: by type and by the entries' name. */
export function parameterNumbers(rows: readonly ParameterRow[]): ParameterNumbers {
  const numbers = new Map<string, Map<string, number>>();
  for (const [name, { type, number }] of namedEntries(rows)) {
    const ofType = numbers.get(type);
    if (ofType === undefined) numbers.set(type, new Map([[name, number]]));
    else ofType.set(name, number);
  }
  return numbers;
}

/** The numbers of the parameters that commits bring entries of. */
export function currentParameters(db: Database): ParameterNumbers {
  return parameterNumbers(parameterRows(db));
}

export function parametersInState(db: Database, state: ParameterStatus): readonly number[] {
  return db
    .prepare<[number]>('SELECT num FROM parameter WHERE state = ?')
    .all(state)
    .map(([number]) => number);
}

/** What has to change so that the parameters are the wanted ones; undefined: nothing. */
export function changesTo(
  rows: readonly ParameterRow[],
  wanted: readonly ParameterDefinition[],
): ParameterChanges | undefined {
  const known = new Map(rows.map((row) => [keyOf(row), row]));
  const keys = new Set<string>();
  const add: ParameterDefinition[] = [];
  const again: Sourced[] = [];
  const sources: Sourced[] = [];
  for (const one of wanted) {
    const key = keyOf(one);
    if (keys.has(key)) continue;
    keys.add(key);
    const row = known.get(key);
    if (row === undefined) add.push(one);
    else if (!isIndexed(row)) again.push({ number: row.number, source: one.source });
    else if (row.source !== one.source) sources.push({ number: row.number, source: one.source });
  }
  const retire = rows.filter((row) => isIndexed(row) && !keys.has(keyOf(row))).map(({ number }) => number);
  const changes = add.length + again.length + retire.length + sources.length;
  return changes === 0 ? undefined : { add, again, retire, sources };
}

/** Applies changes in the caller's transaction. */
export function applyChanges(db: Database, numbers: Numbers, { add, again, retire, sources }: ParameterChanges): void {
  const setState = db.prepare('UPDATE parameter SET state = ? WHERE num = ?');
  const insert = db.prepare(
    "INSERT INTO parameter (type, code, definition, state, source) VALUES (?, ?, ?, 'filling', ?)",
  );
  // A pass that has begun doesn't know what is wanted again, so it begins again too.
  const endPass = db.prepare('DELETE FROM filling WHERE type = (SELECT type FROM parameter WHERE num = ?)');
  for (const number of retire) {
    setState.run('retired', number);
    endPass.run(number);
  }
  const setSource = db.prepare('UPDATE parameter SET source = ? WHERE num = ?');
  for (const { number, source } of [...again, ...sources]) setSource.run(source ?? null, number);
  for (const { number } of again) {
    setState.run('filling', number);
    endPass.run(number);
  }
  for (const { type, code, definition, source } of add) {
    insert.run(numbers.type(type), code, definition, source ?? null);
  }
}

/**
 * What has nothing to fill is filled, in the caller's transaction: not before all commits are done that were given when
 * the parameters were others, since these don't bring its entries.
 * @returns whether there was any.
 */
export function fillEmpty(db: Database): boolean {
  // Not by `type.live`, which the commits of this transaction bring up to date at its end.
  const filled = db.prepare<[number]>(`UPDATE parameter SET state = 'filled' WHERE state = 'filling'
    AND NOT EXISTS (SELECT 1 FROM entity INDEXED BY entity_by_change WHERE entity.type = parameter.type AND entity.state = 1)
    AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.type = parameter.type)
    AND NOT EXISTS (SELECT 1 FROM type AS t CROSS JOIN type AS c
      CROSS JOIN entity INDEXED BY entity_by_change ON entity.type = c.num AND entity.state = 1
      WHERE t.num = parameter.type AND c.name = '${containedType('')}' || t.name) RETURNING num`);
  if (filled.all().length === 0) return false;
  settle(db);
  return true;
}

/** A pass is over: its parameters are filled, in the caller's transaction. */
export function finishPass(db: Database, type: number, parameters: readonly number[]): void {
  const fill = db.prepare("UPDATE parameter SET state = 'filled' WHERE num = ? AND state = 'filling'");
  for (const number of parameters) fill.run(number);
  db.prepare('DELETE FROM filling WHERE type = ?').run(type);
  settle(db);
}

/** Definitions that are filled for all of their types take the place of the ones before, at once for all types. */
function settle(db: Database): void {
  const rows = db
    .prepare<[number, number, string, string, string]>(
      "SELECT num, type, code, definition, state FROM parameter WHERE state IN ('current', 'filling', 'filled')",
    )
    .all();
  const keyOf = (code: string, definition: string) => `${code} ${definition}`;
  const waiting = new Set<string>();
  const current = new Map<string, number>();
  for (const [number, type, code, definition, state] of rows) {
    if (state === 'filling') waiting.add(keyOf(code, definition));
    if (state === 'current') current.set(`${type} ${code}`, number);
  }
  const setState = db.prepare('UPDATE parameter SET state = ? WHERE num = ?');
  for (const [number, type, code, definition, state] of rows) {
    if (state !== 'filled' || waiting.has(keyOf(code, definition))) continue;
    const before = current.get(`${type} ${code}`);
    if (before !== undefined) setState.run('retired', before);
    setState.run('current', number);
  }
}

/**
 * Makes the parameters of a store that is being opened the wanted ones. Filling and removing come later.
 * @param rows what it has.
 * @returns what it has then.
 */
export function registerParameters(
  db: Database,
  wanted: readonly ParameterDefinition[],
  rows: readonly ParameterRow[] = parameterRows(db),
): readonly ParameterRow[] {
  const changes = changesTo(rows, wanted);
  if (changes === undefined) return rows;
  transaction(db, () => {
    const numbers = new Numbers(db);
    applyChanges(db, numbers, changes);
    fillEmpty(db);
  });
  return parameterRows(db);
}
