/**
 * The tables of the embedded store. Search parameters: https://hl7.org/fhir/R4/search.html, versions:
 * https://hl7.org/fhir/R4/http.html#versions
 *
 * Everything that repeats is a number: types, parameters, systems, codes, units. An index table has one narrow row a
 * value, ordered by (param, value, rid), and a second order by (rid, param). Only live resources have rows in them.
 * When a version is replaced, its rows move to the table of the same name with `kept_` in front, where `rid` is the
 * number of that version (`kept.vid`); a walk reads them until the cursor lifetime is over.
 */
import { DATE_MAX, DATE_MIN } from '../../search/entry.ts';

/** The index tables: columns after `param`, in the order of the primary key, `rid` last. */
export const indexTables = {
  /** `code`: number in `code`, which has the texts of tokens too. */
  token: ['code'],
  /** Token values kept as text. `system`: number in `system`, 0 for none. */
  identifier: ['value', 'system'],
  /** `exact`: the text as it stands, '' for a word of a longer part. */
  string: ['norm', 'exact'],
  /** Milliseconds, [low, high). Of a position `low` is the latitude and `high` the longitude, in degrees. */
  date: ['low', 'high'],
  /** Numbers too, with unit 0. `unit`: number in `unit`; low and high are decimal keys. */
  quantity: ['unit', 'low', 'high'],
  /** `target`: entity.rid, a row of its own even if the target does not exist. `version`: '' mostly. */
  reference: ['target', 'version'],
  /** Uris, canonicals, references to other servers. */
  uri: ['value'],
  /**
   * Up to three components of three columns each, '' where unused. By the component's kind:
   * token: a = code; textual token: a = value, b = system; string: a = norm, b = exact; date: a = low, b = high;
   * quantity and number: a = unit, b = low, c = high; reference: a = target; uri: a = value.
   */
  composite: ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'],
} as const satisfies Record<string, readonly string[]>;

export type IndexTable = keyof typeof indexTables;

const columnTypes: Readonly<Record<string, string>> = {
  code: 'INTEGER',
  value: 'TEXT',
  system: 'INTEGER',
  norm: 'TEXT',
  exact: 'TEXT',
  unit: 'INTEGER',
  target: 'INTEGER',
  version: 'TEXT',
};

function indexTable(prefix: '' | 'kept_', table: IndexTable): string {
  const columns: readonly string[] = indexTables[table];
  // Columns without a type keep what is bound: dates are numbers, decimal keys are text.
  const declared = columns.map((column) => `${column} ${columnTypes[column] ?? ''} NOT NULL`).join(', ');
  const name = `${prefix}${table}`;
  return `
CREATE TABLE ${name} (param INTEGER NOT NULL, ${declared}, rid INTEGER NOT NULL,
  PRIMARY KEY (param, ${columns.join(', ')}, rid)) WITHOUT ROWID;
CREATE INDEX ${name}_by_resource ON ${name} (rid, param);
${table === 'date' ? dateIndexes(name) : ''}${table === 'quantity' ? quantityIndexes(name) : ''}`;
}

/** Milliseconds: intervals wider than a day's, with what a time zone adds, are in an index of their own. */
export const wideFrom = 2 * 86_400_000;

/** The classes of wide intervals. `upTo`: their greatest width in milliseconds; `opens`: which end is open. */
export const wideClasses: readonly WideClass[] = [
  { number: 1, upTo: 4 * wideFrom },
  { number: 2, upTo: 16 * wideFrom },
  { number: 3, upTo: 64 * wideFrom },
  { number: 4, upTo: 256 * wideFrom },
  { number: 5, upTo: 1024 * wideFrom },
  { number: 6, upTo: 4096 * wideFrom },
  { number: 7 },
  { number: 8, opens: 'end' },
  { number: 9, opens: 'start' },
];

interface WideClass {
  readonly number: number;
  readonly upTo?: number;
  readonly opens?: 'start' | 'end';
}

/** The class of a wide interval as SQL, the same text in the index and in queries. `alias`: '' or `d.`. */
export function wideClass(alias: '' | 'd.'): string {
  const [low, high] = [`${alias}low`, `${alias}high`];
  const widths = wideClasses.flatMap(({ number, upTo }) =>
    upTo === undefined ? [] : [`WHEN ${high} - ${low} <= ${upTo} THEN ${number}`],
  );
  return `(CASE WHEN ${high} >= ${DATE_MAX} THEN 8 WHEN ${low} <= ${DATE_MIN} THEN 9 ${widths.join(' ')} ELSE 7 END)`;
}

function dateIndexes(name: string): string {
  return `CREATE INDEX ${name}_by_high ON ${name} (param, high, low, rid);
CREATE INDEX ${name}_wide ON ${name} (param, ${wideClass('')}, low, high, rid) WHERE high - low > ${wideFrom};`;
}

/** Ranges (points have low = high), so that a bound of `high` alone needn't read all rows. */
function quantityIndexes(name: string): string {
  return `CREATE INDEX ${name}_ranged ON ${name} (param, unit, high, low, rid) WHERE low < high;`;
}

const names = Object.keys(indexTables) as readonly IndexTable[];

/** The schema of version 1. */
export const schema = `
-- Settings that the file carries (settings.ts).
CREATE TABLE setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- live: how many resources of the type there are, without deleted ones.
CREATE TABLE type (num INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, live INTEGER NOT NULL DEFAULT 0);
-- One number for each type, parameter and version of its definition. state: 'current', 'filling', 'retired'.
CREATE TABLE parameter (num INTEGER PRIMARY KEY, type INTEGER NOT NULL, code TEXT NOT NULL, definition TEXT NOT NULL,
  state TEXT NOT NULL, UNIQUE (type, code, definition));
-- 0 is "no system".
CREATE TABLE system (num INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE);
CREATE TABLE code (num INTEGER PRIMARY KEY, system INTEGER NOT NULL, value TEXT NOT NULL, folded TEXT NOT NULL,
  UNIQUE (value, system));
CREATE INDEX code_by_folded ON code (folded, system);
CREATE INDEX code_by_system ON code (system);
-- Quantity units: each distinct (system, code, unit text). 0 is a number without any.
CREATE TABLE unit (num INTEGER PRIMARY KEY, system INTEGER NOT NULL, code TEXT NOT NULL, unit TEXT NOT NULL,
  UNIQUE (code, system, unit));
-- Which parameters a resource has values of: the sorted parameter numbers as JSON. Few distinct ones, so :missing is a
-- look-up of patterns and then of (type, pattern). tables: a bit for each index table that has rows, in the order of
-- indexTables; a (type, params) may come with several.
CREATE TABLE pattern (num INTEGER PRIMARY KEY, type INTEGER NOT NULL, params TEXT NOT NULL, tables INTEGER NOT NULL,
  UNIQUE (type, params, tables));

-- state: 0 only referred to, 1 live, 2 deleted. vid: the current version (the deletion's, if deleted).
CREATE TABLE entity (rid INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL, state INTEGER NOT NULL,
  vid INTEGER, number INTEGER NOT NULL, pattern INTEGER, UNIQUE (type, id));
CREATE INDEX entity_by_change ON entity (type, vid) WHERE state = 1;
CREATE INDEX entity_by_pattern ON entity (type, pattern, rid) WHERE state = 1;

-- Appended once, never moved. vid is the change number. updated: milliseconds, rising with vid.
-- method: 0 POST, 1 PUT, 2 PATCH, 3 DELETE (body NULL).
CREATE TABLE version (vid INTEGER PRIMARY KEY, rid INTEGER NOT NULL, type INTEGER NOT NULL, number INTEGER NOT NULL,
  updated INTEGER NOT NULL, method INTEGER NOT NULL, body BLOB);
CREATE UNIQUE INDEX version_by_number ON version (rid, number);
CREATE INDEX version_by_type ON version (type, vid);

-- Replaced versions that a walk may still show. replaced: the vid that replaced it; until: milliseconds.
CREATE TABLE kept (vid INTEGER PRIMARY KEY, rid INTEGER NOT NULL, type INTEGER NOT NULL, pattern INTEGER NOT NULL,
  replaced INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX kept_by_type ON kept (type, replaced);
CREATE INDEX kept_by_resource ON kept (rid);
CREATE INDEX kept_by_until ON kept (until);
${names.map((name) => indexTable('', name) + indexTable('kept_', name)).join('')}
-- Texts kept until an instant (queries too long for a link).
CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX note_by_until ON note (until);
`;

/**
 * The step of the schema to version 5: parameters that come and go while the server runs.
 * States: `filling`, then `filled` until all types of the definition are, then `current`; `retired` while its rows are
 * removed, then `gone`: its number is never given to another.
 */
export const fillingSchema = `
-- What the definition says, as JSON, for those that are not the release's own.
ALTER TABLE parameter ADD COLUMN source TEXT;
-- A type whose index is being filled: the numbers of the parameters as JSON; 'live' resources up to a version, then
-- 'kept' ones; how many resources are done of how many there were.
CREATE TABLE filling (type INTEGER PRIMARY KEY, params TEXT NOT NULL, stage TEXT NOT NULL, after INTEGER NOT NULL,
  upto INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL);
`;
