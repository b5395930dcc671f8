/** A template as files: its header, and what each column is. https://www.rfc-editor.org/rfc/rfc4180 */

import { writeCsv } from './csv.ts';
import { neutralised } from './formula.ts';
import type { Column, ColumnCodes, Template } from './template.ts';

/** How many codes of a value set are listed. */
const mostListed = 200;

/** The header row. */
export function headerOf({ columns }: Template): string {
  return writeCsv([columns.map(({ name }) => name)]);
}

/** A row for each column: what it is, and which element has it. */
export function descriptionOf({ columns, parts }: Template): string {
  const heads = ['column', 'part', 'time', 'type', 'required', 'key', 'several', 'allowed_values', 'unit', 'element'];
  const rows = columns.map((column) => {
    const part = parts[column.part];
    return [
      column.name,
      part?.name ?? '',
      part?.time ?? '',
      column.type === 'Reference' ? `system|value of a ${column.targets.join(' or ')}, or Type/id` : column.type,
      requiredOf(column),
      column.key ? 'yes' : 'no',
      column.several === undefined ? 'no' : 'yes',
      allowed(column.codes),
      column.unit ?? '',
      column.path,
    ].map(neutralised);
  });
  return writeCsv([heads, ...rows]);
}

function requiredOf({ required }: Column): string {
  return required === 'part' ? 'with its part' : required;
}

function allowed(codes: ColumnCodes | undefined): string {
  if (codes === undefined) return '';
  const { byCode, systems } = codes;
  if (byCode === undefined) return `codes of ${systems.join(' or ')}`;
  const spelled = [...byCode].flatMap(([code, same]) =>
    same.length === 1 ? [code] : same.map(({ system }) => `${system}|${code}`),
  );
  const more = spelled.length > mostListed ? `; … (${spelled.length})` : '';
  return `${spelled.slice(0, mostListed).join('; ')}${more}`;
}
