/** Index entries as rows of the index tables. https://hl7.org/fhir/R4/search.html#ptypes */
import { isContained } from '../../search/contained.ts';
import type { Entities } from './entities.ts';
import type { Numbers } from './numbers.ts';
import type { SqlValue } from './open.ts';
import type { FieldReader } from './pack.ts';
import { type IndexTable, indexTables } from './schema.ts';

/** The tables in the order of the bits of `pattern.tables`. */
export const tableNames = Object.keys(indexTables) as readonly IndexTable[];

/** The bits of all tables. */
export const everyTable: number = 2 ** tableNames.length - 1;

/** The bit of `pattern.tables` that says that the resource contains others: beyond those of tables still to come. */
export const containsOthers: number = 2 ** 30;

/** A row without `rid`: the parameter's number, then the table's columns. */
export type IndexRow = SqlValue[];

/** One resource's rows, by table in the order of `tableNames`. */
export type ResourceRows = readonly IndexRow[][];

/** The numbers that rows are made of. The writer makes those that are missing; who only reads finds what there is. */
export interface RowNumbers {
  code(system: string, value: string): number;
  /** 0 for ''. */
  system(uri: string): number;
  /** 0 where all three are ''. */
  unit(system: string, code: string, unit: string): number;
  /** A resource, whether or not it exists; `vid` is the change number of the version that refers. */
  target(type: string, id: string, vid: number): number;
}

/** What a contained resource of a version is called in `entity.id`: ids of clients have no `#`. */
export function containedId(id: string, vid: number): string {
  return `${id}#${vid}`;
}

/** The id of a contained resource in its container, from its `containedId`. */
export function localId(contained: string): string {
  return contained.slice(0, contained.lastIndexOf('#'));
}

/** The writer's numbers. */
export function rowNumbers(numbers: Numbers, entities: Entities): RowNumbers {
  return {
    code: (system, value) => numbers.code(system, value),
    system: (uri) => numbers.system(uri),
    unit: (system, code, unit) => numbers.unit(system, code, unit),
    target: (type, id, vid) => entities.referred(numbers.type(type), isContained(type) ? containedId(id, vid) : id),
  };
}

/** Positions in `tableNames`. */
const TOKEN = 0;
const IDENTIFIER = 1;
const STRING = 2;
const DATE = 3;
const QUANTITY = 4;
const REFERENCE = 5;
const URI = 6;
const COMPOSITE = 7;
/** Where a value of each kind of `valueKinds` lies. */
const tableOfKind = [TOKEN, IDENTIFIER, STRING, DATE, QUANTITY, QUANTITY, REFERENCE, URI, COMPOSITE, DATE] as const;
const columnsOfComponent = 3;
const components = 3;

/** Reads the packed entries of a resource, or of one that it contains, as rows. `vid`: the version's change number. */
export function readRows(fields: FieldReader, numbers: RowNumbers, vid: number): ResourceRows {
  const rows: IndexRow[][] = [[], [], [], [], [], [], [], []];
  const count = fields.number();
  for (let index = 0; index < count; index++) {
    const row: IndexRow = [fields.number()];
    const kind = fields.number();
    if (kind === 8) {
      const length = fields.number();
      for (let part = 0; part < components; part++) {
        const before = row.length;
        if (part < length) {
          const componentKind = fields.number();
          readValue(row, componentKind, fields, numbers, vid);
          // A component keeps no version of a reference.
          if (componentKind === 6) row.length = before + 1;
        }
        while (row.length < before + columnsOfComponent) row.push('');
      }
    } else {
      readValue(row, kind, fields, numbers, vid);
    }
    rows[tableOfKind[kind] ?? COMPOSITE]?.push(row);
  }
  return rows;
}

/** Appends a value's columns, in the order of `indexTables`. */
function readValue(row: IndexRow, kind: number, fields: FieldReader, numbers: RowNumbers, vid: number): void {
  switch (kind) {
    case 0:
      row.push(numbers.code(fields.text(), fields.text()));
      break;
    case 1: {
      const system = numbers.system(fields.text());
      row.push(fields.text(), system);
      break;
    }
    case 2:
      row.push(fields.text(), fields.text());
      break;
    case 3:
    case 9:
      row.push(fields.number(), fields.number());
      break;
    case 4:
      row.push(0, fields.text(), fields.text());
      break;
    case 5:
      row.push(numbers.unit(fields.text(), fields.text(), fields.text()), fields.text(), fields.text());
      break;
    case 6: {
      const target = numbers.target(fields.text(), fields.text(), vid);
      row.push(target, fields.text());
      break;
    }
    case 7:
      row.push(fields.text());
      break;
    default:
      throw new Error('an unknown kind of value in a packed write');
  }
}

/**
 * The pattern of a resource's rows: its sorted parameters as JSON, a bit for each table that has rows, and
 * `containsOthers`.
 */
export function patternOf(rows: ResourceRows, contains: boolean): { readonly params: string; readonly tables: number } {
  const seen = new Set<number>();
  let tables = contains ? containsOthers : 0;
  rows.forEach((list, table) => {
    if (list.length > 0) tables |= 1 << table;
    for (const [parameter] of list) seen.add(Number(parameter));
  });
  const params = [...seen].sort((a, b) => a - b);
  return { params: JSON.stringify(params), tables };
}
