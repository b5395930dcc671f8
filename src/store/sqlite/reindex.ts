/** Writes a stored version's index rows anew. https://hl7.org/fhir/R4/search.html */
import { containedType } from '../../search/contained.ts';
import type { ContainedEntries, IndexEntry } from '../../search/entry.ts';
import type { Entries } from '../write.ts';
import { Contained, type ContainedRows } from './contained.ts';
import { Entities } from './entities.ts';
import { IndexRows } from './index-rows.ts';
import { Numbers } from './numbers.ts';
import type { Database, Statement } from './open.ts';
import { FieldReader, type ParameterNumbers, packEntries } from './pack.ts';
import { everyTable, patternOf, type ResourceRows, type RowNumbers, readRows, rowNumbers } from './rows.ts';

/** The index entries of a stored resource of a type, extracted anew. */
type ReextractOf = (body: Uint8Array, type: string) => Entries;

/** Rows of entries of the version `vid`. @throws Error for an entry of a parameter without a number. */
export function rowsOf(
  type: string,
  entries: readonly IndexEntry[],
  parameters: ParameterNumbers,
  numbers: RowNumbers,
  vid: number,
): ResourceRows {
  const fields: (string | number)[] = [];
  packEntries(fields, type, entries, parameters);
  return readRows(new FieldReader(fields), numbers, vid);
}

/** The contained resources of the version `vid` with their rows. @throws as `rowsOf`. */
export function containedRowsOf(
  contained: readonly ContainedEntries[],
  parameters: ParameterNumbers,
  numbers: RowNumbers,
  vid: number,
): readonly ContainedRows[] {
  return contained.map(({ type: name, id, entries }) => {
    const type = containedType(name);
    return { type, id, rows: rowsOf(type, entries, parameters, numbers, vid) };
  });
}

/** Rewrites index rows on a writing connection, in the caller's transactions. */
export class Reindexer {
  readonly #parameters: ParameterNumbers;
  readonly #reextract: ReextractOf;
  readonly #numbers: Numbers;
  readonly #entities: Entities;
  readonly #rowNumbers: RowNumbers;
  readonly #index: { readonly live: IndexRows; readonly kept: IndexRows };
  readonly #contained: Contained;
  readonly #setPattern: { readonly live: Statement; readonly kept: Statement };
  readonly #typeName: Statement<[string]>;
  readonly #current: Statement<[number]>;

  constructor(db: Database, parameters: ParameterNumbers, reextract: ReextractOf) {
    this.#parameters = parameters;
    this.#reextract = reextract;
    this.#numbers = new Numbers(db);
    this.#entities = new Entities(db);
    this.#rowNumbers = rowNumbers(this.#numbers, this.#entities);
    this.#index = { live: new IndexRows(db), kept: new IndexRows(db, 'kept_') };
    this.#contained = new Contained(db, this.#numbers, this.#entities, this.#index.live);
    this.#setPattern = {
      live: db.prepare('UPDATE entity SET pattern = ? WHERE rid = ?'),
      kept: db.prepare('UPDATE kept SET pattern = ? WHERE vid = ?'),
    };
    this.#typeName = db.prepare('SELECT name FROM type WHERE num = ?');
    this.#current = db.prepare('SELECT vid FROM entity WHERE rid = ?');
  }

  /** @param owner the resource's number, or the change number of a kept version. */
  reindex(which: 'live' | 'kept', type: number, owner: number, body: Uint8Array): void {
    const name = this.#typeName.get(type)?.[0] ?? '';
    const vid = which === 'kept' ? owner : (this.#current.get(owner)?.[0] ?? 0);
    const { entries, contained = [] } = this.#reextract(body, name);
    const rows = rowsOf(name, entries, this.#parameters, this.#rowNumbers, vid);
    this.#index[which].replace(owner, everyTable, rows);
    this.#contained.replace(vid, containedRowsOf(contained, this.#parameters, this.#rowNumbers, vid));
    const { params, tables } = patternOf(rows, contained.length > 0);
    this.#setPattern[which].run(this.#numbers.pattern(type, params, tables), owner);
  }

  /** The transaction is on disk. */
  committed(): void {
    this.#numbers.commit();
    this.#entities.commit();
  }
}
