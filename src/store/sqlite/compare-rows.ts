/** Compares index rows. https://hl7.org/fhir/R4/search.html */
import { type ResourceRows, tableNames } from './rows.ts';

/** How rows differ from those that are there, undefined where they don't. */
export function compareRows(wanted: ResourceRows, present: (place: number) => readonly string[]): string | undefined {
  for (const [place, table] of tableNames.entries()) {
    const expected = new Set((wanted[place] ?? []).map((row) => asStored(row.join('\u0000'))));
    const found = new Set(present(place));
    if (expected.size === found.size && [...expected].every((row) => found.has(row))) continue;
    const missing = [...expected].filter((row) => !found.has(row)).length;
    const added = [...found].filter((row) => !expected.has(row)).length;
    return `lacks ${missing} rows of ${table} and has ${added} too many`;
  }
  return undefined;
}

const surrogate = /[\ud800-\udfff]/;

/** A text as the file has it: in UTF-8 a half of a pair of surrogates, which JSON can write, becomes U+FFFD. */
function asStored(text: string): string {
  return surrogate.test(text) ? Buffer.from(text).toString() : text;
}
