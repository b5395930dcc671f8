/** What commits call the search parameters that a store keeps entries of. https://hl7.org/fhir/R4/searchparameter.html */
import type { ParameterDefinition } from './parameter-index.ts';

/**
 * `filling`, then `filled` until all types of the definition are, then `current`; `retired` while its values are removed,
 * `gone` when they are.
 */
export type ParameterStatus = 'current' | 'filling' | 'filled' | 'retired' | 'gone';

interface Row extends ParameterDefinition {
  readonly status: ParameterStatus;
}

export const isCurrent = ({ status }: Pick<Row, 'status'>): boolean => status === 'current';

/** Whether commits bring its entries. */
export const isIndexed = ({ status }: Pick<Row, 'status'>): boolean => status !== 'retired' && status !== 'gone';

/** Tells a definition of a type from all others. */
export function keyOf({ type, code, definition }: ParameterDefinition): string {
  return `${type} ${code} ${definition}`;
}

/** Of these rows the ones of which commits bring entries, with the name that the entries have. */
export function namedEntries<R extends Row>(rows: readonly R[]): readonly (readonly [name: string, row: R])[] {
  const current = new Set(rows.filter(isCurrent).map(({ type, code }) => `${type} ${code}`));
  return rows.filter(isIndexed).map((row) => {
    const beside = !isCurrent(row) && current.has(`${row.type} ${row.code}`);
    return [beside ? `${row.code}|${row.definition}` : row.code, row] as const;
  });
}
