/** The numbers of search parameters, one for each version of a definition. https://hl7.org/fhir/R4/searchparameter.html */
import { containedType } from '../../search/contained.ts';
import { Numbers } from './numbers.ts';
import type { Database } from './open.ts';
import type { ParameterNumbers } from './pack.ts';
import { type Reextract, Reindexer } from './reindex.ts';
import { transaction } from './transaction.ts';

/** A search parameter as the store was opened with it. */
export interface ParameterDefinition {
  /** The searched type, e.g. `Patient`. */
  readonly type: string;
  readonly code: string;
  /** A text that changes whenever what is extracted changes. */
  readonly definition: string;
}

/** Resources that are filled in one transaction. */
const batch = 500;

/** The numbers of the current parameters. */
export function currentParameters(db: Database): ParameterNumbers {
  return parametersIn(db, "'current'");
}

/**
 * Numbers the parameters, and fills the index for those whose definition is new to a store that has resources. What was
 * replaced or is no longer given goes. A process that ends in between leaves the rest to the next start.
 */
export function registerParameters(db: Database, wanted: readonly ParameterDefinition[], reextract: Reextract): void {
  const changed = transaction(db, () => declare(db, wanted));
  if (changed.length === 0) return;
  if (db.prepare('SELECT 1 FROM version LIMIT 1').get() !== undefined) {
    const reindexer = new Reindexer(db, parametersIn(db, "'current', 'filling'"), reextract);
    for (const type of withContainers(db, changed)) {
      refill(db, type, 'live', reindexer);
      refill(db, type, 'kept', reindexer);
    }
  }
  transaction(db, () => {
    db.exec(`DELETE FROM parameter WHERE state = 'retired';
      UPDATE parameter SET state = 'current' WHERE state = 'filling'`);
  });
}

/** Declares the parameters. @returns the numbers of the types whose resources must be indexed again. */
function declare(db: Database, wanted: readonly ParameterDefinition[]): readonly number[] {
  const numbers = new Numbers(db);
  const known = new Map<string, { number: number; state: string; definition: string }[]>();
  const rows = db.prepare<[number, number, string, string, string]>(
    'SELECT num, type, code, definition, state FROM parameter',
  );
  for (const [number, type, code, definition, state] of rows.iterate()) {
    const key = `${type} ${code}`;
    const list = known.get(key) ?? [];
    list.push({ number, state, definition });
    known.set(key, list);
  }
  const setState = db.prepare('UPDATE parameter SET state = ? WHERE num = ?');
  const insert = db.prepare("INSERT INTO parameter (type, code, definition, state) VALUES (?, ?, ?, 'filling')");
  const changed = new Set<number>();
  const seen = new Set<string>();
  for (const { type: name, code, definition } of wanted) {
    const type = numbers.type(name);
    const key = `${type} ${code}`;
    seen.add(key);
    const list = known.get(key) ?? [];
    if (list.some((one) => one.state === 'current' && one.definition === definition)) continue;
    changed.add(type);
    for (const one of list) if (one.definition !== definition) setState.run('retired', one.number);
    const same = list.find((one) => one.definition === definition);
    if (same === undefined) insert.run(type, code, definition);
    else setState.run('filling', same.number);
  }
  for (const [key, list] of known) {
    if (!seen.has(key)) changed.add(Number(key.split(' ')[0]));
    for (const one of list) {
      if (!seen.has(key)) setState.run('retired', one.number);
    }
  }
  return [...changed];
}

/** The types, and those of resources that contain some of them: what is contained is indexed with its container. */
function withContainers(db: Database, types: readonly number[]): readonly number[] {
  const select = db.prepare<[number]>(`SELECT DISTINCT v.type FROM type AS t CROSS JOIN type AS c
    CROSS JOIN entity AS e CROSS JOIN version AS v ON v.vid = e.vid
    WHERE t.num = ? AND c.name = '${containedType('')}' || t.name AND e.type = c.num AND e.state = 1`);
  return [...new Set(types.flatMap((type) => [type, ...select.all(type).map(([container]) => container)]))];
}

/** Makes the rows of a type's live resources, or of their kept versions, those of the declared parameters. */
function refill(db: Database, type: number, which: 'live' | 'kept', reindexer: Reindexer): void {
  const [table, owner] = which === 'live' ? ['entity', 'rid'] : ['kept', 'vid'];
  const select = db.prepare<[number, Uint8Array]>(
    `SELECT t.${owner}, version.body FROM ${table} AS t JOIN version ON version.vid = t.vid
      WHERE t.type = ? AND t.${owner} > ? ${which === 'live' ? 'AND t.state = 1' : ''}
      ORDER BY t.${owner} LIMIT ${batch}`,
  );
  let last = 0;
  const fill = (): number => {
    const rows = select.all(type, last);
    for (const [number, body] of rows) {
      reindexer.reindex(which, type, number, body);
      last = number;
    }
    return rows.length;
  };
  while (transaction(db, fill) === batch) reindexer.committed();
}

function parametersIn(db: Database, states: string): ParameterNumbers {
  const rows = db
    .prepare<[string, string, number]>(
      `SELECT type.name, parameter.code, parameter.num FROM parameter JOIN type ON type.num = parameter.type
        WHERE parameter.state IN (${states})`,
    )
    .all();
  const numbers = new Map<string, Map<string, number>>();
  for (const [type, code, number] of rows) {
    const ofType = numbers.get(type) ?? new Map<string, number>();
    numbers.set(type, ofType.set(code, number));
  }
  return numbers;
}
