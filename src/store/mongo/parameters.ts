/** The search parameters that documents are indexed by, as the database records them. https://hl7.org/fhir/R4/searchparameter.html */
import type { ParameterDefinition } from '../parameter-index.ts';
import { isCurrent, isIndexed, keyOf, namedEntries, type ParameterStatus } from '../parameter-names.ts';
import { type Fields, pathPart } from './fields.ts';

export interface ParameterRow extends ParameterDefinition {
  /** The name of its values in documents (`fields.ts`); no other row of the type has it. */
  readonly field: string;
  readonly status: ParameterStatus;
}

/** The fields of rows. */
export class RowFields implements Fields {
  readonly #entries = new Map<string, string>();
  readonly #current = new Map<string, string>();
  readonly #definitions = new Map<string, string>();

  constructor(rows: readonly ParameterRow[]) {
    for (const [name, { type, field }] of namedEntries(rows)) this.#entries.set(`${type} ${name}`, field);
    for (const row of rows) {
      if (isCurrent(row)) this.#current.set(`${row.type} ${row.code}`, row.field);
      this.#definitions.set(keyOf(row), row.field);
    }
  }

  ofEntry(type: string, entry: string): string | undefined {
    return this.#entries.get(`${type} ${entry}`);
  }

  ofParameter({ type, code, definition }: Parameters<Fields['ofParameter']>[0]): string | undefined {
    if (definition !== undefined) return this.#definitions.get(keyOf({ type, code, definition }));
    return this.#current.get(`${type} ${code}`);
  }
}

/** The rows once the parameters are the wanted ones; the same array where nothing changes. */
export function declared(
  rows: readonly ParameterRow[],
  wanted: readonly ParameterDefinition[],
): readonly ParameterRow[] {
  const asked = new Map<string, ParameterDefinition>();
  for (const one of wanted) if (!asked.has(keyOf(one))) asked.set(keyOf(one), one);
  let changed = false;
  const next = rows.map((row): ParameterRow => {
    const one = asked.get(keyOf(row));
    asked.delete(keyOf(row));
    if (one === undefined) {
      if (!isIndexed(row)) return row;
      changed = true;
      return { ...row, status: 'retired' };
    }
    // Its owner may say something else of a definition that stays.
    if (isIndexed(row) && row.source === one.source) return row;
    changed = true;
    return { ...one, field: row.field, status: isIndexed(row) ? row.status : 'filling' };
  });
  const taken = new Set(rows.map(({ type, field }) => `${type} ${field}`));
  for (const one of asked.values()) {
    const { type, code, definition, source } = one;
    const field = freeField(type, pathPart(code), taken);
    next.push({ type, code, definition, ...(source === undefined ? {} : { source }), field, status: 'filling' });
    changed = true;
  }
  return changed ? settled(next) : rows;
}

/** The rows once these of a type are filled. */
export function filled(rows: readonly ParameterRow[], keys: ReadonlySet<string>): readonly ParameterRow[] {
  return settled(
    rows.map((row) => (row.status === 'filling' && keys.has(keyOf(row)) ? { ...row, status: 'filled' } : row)),
  );
}

function freeField(type: string, name: string, taken: Set<string>): string {
  let field = name;
  for (let n = 2; taken.has(`${type} ${field}`); n++) field = `${name}~${n}`;
  taken.add(`${type} ${field}`);
  return field;
}

/** Definitions that are filled for all of their types take the place of the ones before, at once for all types. */
function settled(rows: readonly ParameterRow[]): readonly ParameterRow[] {
  const definitionOf = ({ code, definition }: ParameterRow) => `${code} ${definition}`;
  const waiting = new Set(rows.filter(({ status }) => status === 'filling').map(definitionOf));
  const coming = (row: ParameterRow) => row.status === 'filled' && !waiting.has(definitionOf(row));
  const replaced = new Set(rows.filter(coming).map(({ type, code }) => `${type} ${code}`));
  return rows.map((row): ParameterRow => {
    if (coming(row)) return { ...row, status: 'current' };
    return isCurrent(row) && replaced.has(`${row.type} ${row.code}`) ? { ...row, status: 'retired' } : row;
  });
}
