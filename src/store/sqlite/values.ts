/** The distinct values of a search parameter. https://hl7.org/fhir/R4/search.html#token */
import type { Parameter } from '../../search/criteria.ts';
import type { SimpleValue } from '../../search/entry.ts';
import type { Database, Statement } from './open.ts';

/** Few distinct values over many rows: each step seeks the next greater one instead of reading the rows between. */
const distinct = (table: string, column: string): string => `WITH RECURSIVE found (value) AS (
  SELECT min(${column}) FROM ${table} WHERE param = ?1
  UNION ALL
  SELECT (SELECT min(${column}) FROM ${table} WHERE param = ?1 AND ${column} > found.value) FROM found
    WHERE found.value IS NOT NULL)`;

export class Values {
  readonly #parameter: Statement<[number]>;
  readonly #codes: Statement<[string, string]>;
  readonly #identifiers: Statement<[string, string]>;
  readonly #uris: Statement<[string]>;

  constructor(db: Database) {
    this.#parameter = db.prepare(`SELECT parameter.num FROM parameter JOIN type ON type.num = parameter.type
      WHERE type.name = ? AND parameter.code = ? AND parameter.state = 'current'`);
    this.#codes = db.prepare(`${distinct('token', 'code')}
      SELECT coalesce(system.uri, ''), code.value FROM found CROSS JOIN code ON code.num = found.value
        LEFT JOIN system ON system.num = code.system WHERE found.value IS NOT NULL`);
    this.#identifiers = db.prepare(`SELECT DISTINCT coalesce(system.uri, ''), identifier.value FROM identifier
      LEFT JOIN system ON system.num = identifier.system WHERE identifier.param = ?1`);
    this.#uris = db.prepare(`${distinct('uri', 'value')} SELECT value FROM found WHERE value IS NOT NULL`);
  }

  /** The values that live resources have of a token or uri parameter, in no order. */
  of({ type, code }: Parameter): readonly SimpleValue[] {
    const number = this.#parameter.get(type, code)?.[0];
    if (number === undefined) return [];
    return [
      ...this.#codes.all(number).map(([system, value]): SimpleValue => ({ kind: 'token', system, value })),
      ...this.#identifiers.all(number).map(([system, value]): SimpleValue => ({ kind: 'identifier', system, value })),
      ...this.#uris.all(number).map(([value]): SimpleValue => ({ kind: 'uri', value })),
    ];
  }
}
