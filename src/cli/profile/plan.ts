/** What the columns of a case come to: fields, narrowed elements and outcome measures. https://hl7.org/fhir/R4/profiling.html */
import type { JsonObject } from '../../fhir/resource.ts';
import { type CaseField, type CasePart, type Narrowing, narrowable } from './case-profile.ts';
import { type Column, ColumnsError } from './columns.ts';
import { dataTypeOf, unitPattern } from './field.ts';
import { exampleValue, type Library, type SharedField } from './library.ts';
import { canonicalOf, idOf, titleOf } from './names.ts';
import { systemOf } from './terminology.ts';

/** An extension with an example of its value. */
export interface Exemplified {
  /** Id of its definition. */
  readonly extension: string;
  readonly example: JsonObject;
}

/** A field of the case's own, or one of `shared`. */
export interface PlannedField extends CaseField, Exemplified {
  readonly written: Column;
  /** Its definition, where it is that of `shared`. */
  readonly shared: SharedField | undefined;
}

/** An outcome measure, of the case's own or of `shared`. */
export interface PlannedOutcome {
  readonly written: Column;
  readonly part: CasePart;
  readonly title: string;
  readonly shared: boolean;
  /** Its columns, each of them once for each time. */
  readonly columns: readonly string[];
}

export interface PlannedNarrowing extends Narrowing {
  readonly written: Column;
}

export interface Plan {
  readonly id: string;
  readonly title: string;
  /** The fields of every case. */
  readonly common: readonly Exemplified[];
  readonly fields: readonly PlannedField[];
  readonly narrowings: readonly PlannedNarrowing[];
  readonly outcomes: readonly PlannedOutcome[];
}

export interface PlanOptions {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly library: Library;
  /** Columns that every case has. */
  readonly taken: ReadonlySet<string>;
  /** Codes of R4's search parameters of Procedure. */
  readonly codes: ReadonlySet<string>;
}

/** Throws ColumnsError that names the line where a column can't be what it says. */
export function planCase(options: PlanOptions): Plan {
  const { id, title, columns, library, taken } = options;
  const plan = {
    id,
    title,
    common: [...library.fields].flatMap(([extension, { example }]) =>
      taken.has(columnOf(extension)) ? [{ extension, example }] : [],
    ),
    fields: columns.filter(isField).map((column) => fieldOf(column, options)),
    narrowings: columns.filter(({ name }) => narrowable.has(name)).map((column) => narrowingOf(column, options)),
    outcomes: columns.filter(({ times }) => times.length > 0).map((column) => outcomeOf(column, options)),
  };
  const names = new Map<string, Column>();
  for (const { columns: own, written, part } of plan.outcomes) {
    for (const name of own.flatMap((column) => (part.times ?? []).map((time) => `${column}_${time}`))) {
      const other = names.get(name) ?? columns.find((column) => column.name === name && column !== written);
      if (other !== undefined)
        throw fault(written, 'name', `its CSV column ${name} is that of line ${other.line} too.`);
      names.set(name, written);
    }
  }
  return plan;
}

const isField = ({ name, times }: Column): boolean => times.length === 0 && !narrowable.has(name);

function fault({ line }: Column, header: string, text: string): ColumnsError {
  return new ColumnsError(`line ${line}, column ${header}: ${text}`);
}

function fieldOf(column: Column, { id, library, taken, codes }: PlanOptions): PlannedField {
  const { name, required, repeats } = column;
  const code = idOf(name);
  if (taken.has(name)) throw fault(column, 'name', `every case has ${name} already; choose another name.`);
  const shared = library.fields.get(code);
  if (column.type === 'shared') {
    if (shared === undefined) {
      const hint = library.outcomes.has(code) ? ` ${name} is an outcome measure: say its times.` : '';
      throw fault(column, 'type', `shared has no field ${name}.${hint} ${known(library)}`);
    }
    const chosen = chosenOf(column, shared);
    const valueSet = chosen === shared ? undefined : `${id}-${code}`;
    const { title, example } = chosen;
    return {
      ...{ column: name, extension: code, title, required, repeats, valueSet },
      ...{ written: column, shared: chosen, example },
    };
  }
  if (shared !== undefined) {
    throw fault(column, 'name', `${name} is a field of shared: give it the type shared, or choose another name.`);
  }
  const file = library.parameters.get(code);
  if (file !== undefined && !file.startsWith(`${id}/`)) {
    throw fault(column, 'name', `the search parameter ${code} is that of ${file}; choose another name.`);
  }
  if (codes.has(code))
    throw fault(column, 'name', `R4 has a search parameter ${code} of Procedure; choose another name.`);
  const example = exampleOf(column, `${id}-${code}`);
  return {
    column: name,
    extension: `${id}-${code}`,
    title: titleOf(name),
    required,
    repeats,
    written: column,
    shared: undefined,
    example,
  };
}

/** The field with those of its codes that the column allows; the same one where it allows all. */
function chosenOf(column: Column, shared: SharedField): SharedField {
  if (column.allowed.length === 0) return shared;
  const codings = column.allowed.map(({ system, code }) => {
    const found = shared.codings.find((each) => each.code === code && (system === undefined || each.system === system));
    if (found !== undefined) return found;
    const all = shared.codings.map((each) => each.code).join(', ');
    throw fault(
      column,
      'allowed_values',
      `${code} is no value of the field ${column.name} of shared: ${all || 'it has no codes'}.`,
    );
  });
  return {
    ...shared,
    codings,
    example: { valueCodeableConcept: { coding: codings.slice(0, 1).map((each) => ({ ...each })) } },
  };
}

const known = ({ fields, outcomes }: Library): string =>
  `It has the fields ${[...fields.keys()].map(columnOf).join(', ')} and the outcomes ${[...outcomes.keys()].map(columnOf).join(', ')}.`;
const columnOf = (id: string): string => id.replaceAll('-', '_');

function narrowingOf(column: Column, { id }: PlanOptions): PlannedNarrowing {
  const { name, type, required, times } = column;
  if (type !== 'code' || times.length > 0) {
    throw fault(column, 'type', `${name} is an element of every case: a code with allowed values narrows it.`);
  }
  return {
    column: name,
    element: narrowable.get(name) ?? '',
    required,
    valueSet: `${id}-${idOf(name)}`,
    written: column,
  };
}

/** Types that an extension may have and an Observation's value not. */
const noOutcomes = new Set(['decimal', 'date']);

function outcomeOf(column: Column, { id, library }: PlanOptions): PlannedOutcome {
  const { name, type, times } = column;
  const code = idOf(name);
  const link = 'Observation.partOf';
  if (type === 'shared') {
    const shared = library.outcomes.get(code);
    if (shared === undefined) throw fault(column, 'type', `shared has no outcome measure ${name}. ${known(library)}`);
    if (column.allowed.length > 0)
      throw fault(column, 'allowed_values', 'an outcome measure of shared has the values of its definition.');
    return { written: column, part: { name, profile: code, link, times }, ...shared, shared: true };
  }
  if (library.outcomes.has(code)) {
    throw fault(
      column,
      'name',
      `${name} is an outcome measure of shared: give it the type shared, or choose another name.`,
    );
  }
  if (noOutcomes.has(dataTypeOf(column))) {
    const instead = type === 'date' ? 'dateTime' : 'quantity, with the unit {score} where there is none';
    throw fault(column, 'type', `an Observation has no value of type ${type}; use ${instead}.`);
  }
  const part = { name, profile: `${id}-${code}`, link, times };
  return { written: column, part, title: titleOf(name), columns: [name], shared: false };
}

/** An example of a column's value, as an extension or an Observation has it. `valueSet`: id of that of its allowed values. */
export function exampleOf(column: Column, valueSet: string): JsonObject {
  const dataType = dataTypeOf(column);
  if (dataType === 'Quantity') return { valueQuantity: { value: 12, ...unitPattern(column.unit ?? '1') } };
  const [first] = column.allowed;
  if (dataType !== 'CodeableConcept' || first === undefined) return exampleValue(column.type);
  const coding = { system: systemOf(first, valueSet), code: first.code, display: first.display };
  return { valueCodeableConcept: { coding: [coding] } };
}

/** Canonical of a case's profile. */
export function profileOf({ id }: Pick<Plan, 'id'>): string {
  return canonicalOf('StructureDefinition', id);
}
