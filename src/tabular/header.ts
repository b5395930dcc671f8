/** The header of a file against the columns of a template. https://www.rfc-editor.org/rfc/rfc4180 */
import { distance } from 'fastest-levenshtein';
import { failure, type Issue, OutcomeError } from '../fhir/outcome.ts';
import type { Column, Template } from './template.ts';

/** How many faults of a header are told. */
const mostTold = 50;

/**
 * For each column of the template the place in the file's rows, undefined where the file doesn't have it.
 * Throws 400 naming each unknown column with the nearest ones, each that is there twice, and each required one that is lacking.
 */
export function readHeader(names: readonly string[], { columns }: Template): readonly (number | undefined)[] {
  const issues: Issue[] = [];
  const fault = (diagnostics: string) => issues.push({ severity: 'error', code: 'structure', diagnostics });
  const [only = ''] = names;
  if (names.length === 1 && /[;\t]/.test(only)) {
    throw failure(400, 'structure', 'Line 1: columns are separated by commas, not by semicolons or tabs.');
  }
  const places = new Map<string, number>();
  for (const [place, written] of names.entries()) {
    // A line of half a million names is looked at no further.
    if (issues.length >= mostTold) break;
    const name = written.trim();
    if (!columns.some((column) => column.name === name)) {
      const valid = columns.map((column) => column.name);
      fault(
        `Line 1: there is no column "${name.slice(0, 80)}"; nearest: ${nearest(name.slice(0, 80), valid).join(', ')}.`,
      );
    } else if (places.has(name)) {
      fault(`Line 1: the column ${name} is there twice.`);
    } else {
      places.set(name, place);
    }
  }
  for (const column of columns) {
    if (isNeeded(column) && !places.has(column.name)) fault(`Line 1: the column ${column.name} is lacking.`);
  }
  if (issues.length > 0) throw new OutcomeError(400, issues.slice(0, mostTold));
  return columns.map(({ name }) => places.get(name));
}

/** What each row must have, and what its key is made of. */
const isNeeded = ({ required, key, steps }: Column) =>
  required === 'yes' || (key && required === 'part') || (key && steps.at(-1)?.node.property === 'value');

function nearest(name: string, valid: readonly string[]): readonly string[] {
  const folded = name.toLowerCase();
  return valid
    .map((each) => ({ each, far: distance(folded, each) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ each }) => each);
}
