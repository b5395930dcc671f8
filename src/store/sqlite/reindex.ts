/** Writes a stored version's index rows anew. https://hl7.org/fhir/R4/search.html */
import type { IndexEntry } from '../../search/entry.ts';
import { Entities } from './entities.ts';
import { IndexRows } from './index-rows.ts';
import { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import { FieldReader, type ParameterNumbers, packEntries } from './pack.ts';
import { everyTable, patternOf, type ResourceRows, type RowNumbers, readRows, rowNumbers } from './rows.ts';

/** The index entries of a stored resource of a type, extracted anew. */
type ReextractOf = (body: Uint8Array, type: string) => readonly IndexEntry[];

/** Rows of entries. @throws Error for an entry of a parameter without a number. */
export function rowsOf(
  type: string,
  entries: readonly IndexEntry[],
  parameters: ParameterNumbers,
  numbers: RowNumbers,
): ResourceRows {
  const fields: (string | number)[] = [];
  packEntries(fields, type, entries, parameters);
  return readRows(new FieldReader(fields), numbers);
}

/** Rewrites index rows on a writing connection, in the caller's transactions. */
export class Reindexer {
  readonly #parameters: ParameterNumbers;
  readonly #reextract: ReextractOf;
  readonly #numbers: Numbers;
  readonly #entities: Entities;
  readonly #rowNumbers: RowNumbers;
  readonly #index: { readonly live: IndexRows; readonly kept: IndexRows };
  readonly #setPattern: { readonly live: Statement; readonly kept: Statement };
  readonly #typeName: Statement<[string]>;

  constructor(db: Database, parameters: ParameterNumbers, reextract: ReextractOf) {
    this.#parameters = parameters;
    this.#reextract = reextract;
    this.#numbers = new Numbers(db);
    this.#entities = new Entities(db);
    this.#rowNumbers = rowNumbers(this.#numbers, this.#entities);
    this.#index = { live: new IndexRows(db), kept: new IndexRows(db, 'kept_') };
    this.#setPattern = {
      live: db.prepare('UPDATE entity SET pattern = ? WHERE rid = ?'),
      kept: db.prepare('UPDATE kept SET pattern = ? WHERE vid = ?'),
    };
    this.#typeName = db.prepare('SELECT name FROM type WHERE num = ?');
  }

  /** @param owner the resource's number, or the change number of a kept version. */
  reindex(which: 'live' | 'kept', type: number, owner: number, body: Uint8Array): void {
    const name = this.#typeName.get(type)?.[0] ?? '';
    const rows = rowsOf(name, this.#reextract(body, name), this.#parameters, this.#rowNumbers);
    this.#index[which].replace(owner, everyTable, rows);
    const { params, tables } = patternOf(rows);
    this.#setPattern[which].run(this.#numbers.pattern(type, params, tables), owner);
  }

  /** The transaction is on disk. */
  committed(): void {
    this.#numbers.commit();
    this.#entities.commit();
  }
}
