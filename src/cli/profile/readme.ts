/** The README of a case's folder: its columns, the resources of a row, its examples. https://hl7.org/fhir/R4/profiling.html */
import type { AllowedValue, Column } from './columns.ts';
import type { Example } from './examples.ts';
import { dataTypeOf } from './field.ts';
import type { SharedField } from './library.ts';
import { idOf } from './names.ts';
import { type Plan, profileOf } from './plan.ts';

/** The text of README.md. */
export function readmeOf(plan: Plan, examples: readonly Example[]): string {
  const { title, fields, narrowings, outcomes } = plan;
  const own = fields.filter(({ shared }) => shared === undefined);
  return `# ${title}

Profile: \`${profileOf(plan)}\`, a Procedure on the base \`research-case\`. What every case has (patient, encounter, surgeon, code, date,
anaesthesia …) is in \`docs/research-cases.md\` of Osteon; this is what ${title.toLowerCase()} has of its own.

## Fields

${table(
  ['column', 'what', 'required', 'values', 'search'],
  [
    ...fields.map(({ column, title: what, required, repeats, written, shared }) => [
      `\`${column}\``,
      written.description ?? what,
      required ? 'yes' : '',
      shared === undefined ? valuesOf(written, repeats) : sharedValues(shared, repeats),
      `\`Procedure?${idOf(column)}=\``,
    ]),
    ...narrowings.map(({ column, required, written }) => [
      `\`${column}\``,
      written.description ?? 'an element of every case, with fewer values',
      required ? 'yes' : '',
      valuesOf(written, false),
      column === 'procedure_code'
        ? '`Procedure?code=`'
        : `\`Procedure?${column === 'body_site' ? 'body-site' : 'reason-code'}=\``,
    ]),
  ],
)}
## Outcome measures

Each is an Observation of the patient that is part of the Procedure; its columns are there once for each time: \`pain_vas_6w\`.

${table(
  ['measure', 'columns', 'times', 'profile'],
  outcomes.map(({ title: what, columns, part }) => [
    what,
    columns.map((column) => `\`${column}\``).join(', '),
    (part.times ?? []).join(' '),
    `\`${part.profile}\``,
  ]),
)}
## What a row becomes

One Procedure of this profile; the Patient, the Encounter and the surgeon's Practitioner, found by their keys or made; and for each outcome
measure and time with a value one Observation. The case's key is the patient's (\`mrn_system\`, \`mrn\`) and \`case_id\`.

## Files

\`columns.csv\` is what this folder was made from. ${own.length === 0 ? 'It has no extensions of its own.' : `Extensions of its own: ${own.map(({ extension }) => `\`${extension}\``).join(', ')}.`}

${table(
  ['example', 'refused at', 'because'],
  examples.map(({ file, fault }) => [
    `\`examples/${file}.json\``,
    fault === undefined ? '' : `\`${fault.expression}\``,
    fault === undefined ? 'is right' : fault.text,
  ]),
)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'None.\n';
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')}\n`;
}

function valuesOf(column: Column, repeats: boolean): string {
  const type = dataTypeOf(column);
  if (type === 'CodeableConcept') return several(repeats) + column.allowed.map(valueText).join(', ');
  return several(repeats) + (type === 'Quantity' ? `a number in ${column.unit}` : type);
}

/** The values of a field of `shared`. */
function sharedValues({ type, codings }: SharedField, repeats: boolean): string {
  if (codings.length === 0) return several(repeats) + type;
  return several(repeats) + codings.map(valueText).join(', ');
}

const several = (repeats: boolean): string => (repeats ? 'several with `;`: ' : '');

const valueText = ({ code, display }: AllowedValue): string => `\`${code}\` ${display}`;
