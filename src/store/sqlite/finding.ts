/** What a check of a store finds. https://hl7.org/fhir/R4/search.html */
import { type ResourceRows, tableNames } from './rows.ts';

export interface Finding {
  readonly kind: 'finding';
  /** What is wrong, for a person: names types, ids and parameters, never contents. */
  readonly text: string;
  readonly repaired: boolean;
}

export function finding(text: string, repaired = false): Finding {
  return { kind: 'finding', text, repaired };
}

/** How rows differ from those that are there, undefined where they don't. */
export function compareRows(wanted: ResourceRows, present: (place: number) => readonly string[]): string | undefined {
  for (const [place, table] of tableNames.entries()) {
    const expected = new Set((wanted[place] ?? []).map((row) => row.join('\u0000')));
    const found = new Set(present(place));
    if (expected.size === found.size && [...expected].every((row) => found.has(row))) continue;
    const missing = [...expected].filter((row) => !found.has(row)).length;
    const added = [...found].filter((row) => !expected.has(row)).length;
    return `lacks ${missing} rows of ${table} and has ${added} too many`;
  }
  return undefined;
}
