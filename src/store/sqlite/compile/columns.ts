/** Where the parts of a value stand in an index row. https://hl7.org/fhir/R4/search.html#composite */
import type { IndexTable } from '../schema.ts';
import { raw, type Sql } from '../sql.ts';

/** The columns of one value in a row: up to three, in the order of `indexTables`. */
export interface Columns {
  readonly a: Sql;
  readonly b: Sql;
  readonly c: Sql;
}

const names = {
  token: ['code'],
  identifier: ['value', 'system'],
  string: ['norm', 'exact'],
  date: ['low', 'high'],
  quantity: ['unit', 'low', 'high'],
  reference: ['target'],
  uri: ['value'],
} as const satisfies Record<Exclude<IndexTable, 'composite'>, readonly string[]>;

/** The columns of a table's rows under an alias. */
export function columnsOf(table: keyof typeof names, alias: string): Columns {
  const list: readonly string[] = names[table];
  const column = (place: number) => raw(`${alias}.${list[place] ?? list[0]}`);
  return { a: column(0), b: column(1), c: column(2) };
}

/** The columns of a component (0 to 2) in a composite's rows under an alias. */
export function componentColumns(component: number, alias: string): Columns {
  const column = (name: string) => raw(`${alias}.${name}${component + 1}`);
  return { a: column('a'), b: column('b'), c: column('c') };
}
