/** Rows as resources, and resources as rows. https://hl7.org/fhir/R4/profiling.html */
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../fhir/exact-json.ts';
import { cellOf, elementOf, type Read, type Resolve, sameElement, textOf, textsOf } from './cell.ts';
import { copyOf, fits } from './json.ts';
import { putAt, valuesAt } from './place.ts';
import type { Column, Part, Step } from './template.ts';

/** On an Observation: when after the operation it was made. */
export const timeExtension = 'http://osteon.example/StructureDefinition/follow-up-time';

/** What is wrong with a cell. */
export interface CellFault {
  readonly column: string;
  readonly reason: string;
}

/** Cells by the place of their column; undefined where the file has no such column. */
export type Cells = readonly (string | undefined)[];

/** What a cell says: none where it is empty. */
export interface CellElements {
  readonly column: Column;
  readonly values: readonly ExactJson[];
}

/** A part's elements in the order of its columns. Columns that the file doesn't have are left out. */
export interface ReadPart {
  readonly part: Part;
  readonly elements: readonly CellElements[];
  /** Whether no cell has anything. */
  readonly empty: boolean;
  /** Whether the file has all columns of the part. */
  readonly whole: boolean;
}

/** Values of one cell. */
const mostValues = 1000;
const tooMany = `has more than ${mostValues} values`;

const noTexts: readonly string[] = [];
const noValues: readonly ExactJson[] = [];
const noElements: ReadPart['elements'] = [];

const emptyCells = new WeakMap<Part, readonly CellElements[]>();

/** Of each column of a part what its empty cell says: most cells of most files are empty. */
function emptyOf(part: Part): readonly CellElements[] {
  const known = emptyCells.get(part);
  if (known !== undefined) return known;
  const made = part.columns.map((column) => ({ column, values: noValues }));
  emptyCells.set(part, made);
  return made;
}

/** The elements of a row's part; what is wrong with its cells goes to `faults`. */
export function readPart(part: Part, cells: Cells, resolve: Resolve, faults: CellFault[]): ReadPart {
  if (part.columns.every(({ index, required }) => required !== 'yes' && (cells[index] ?? '') === '')) {
    const whole = part.columns.every(({ index }) => cells[index] !== undefined);
    return { part, elements: noElements, empty: true, whole };
  }
  const elements: CellElements[] = [];
  let empty = true;
  let whole = true;
  for (const none of emptyOf(part)) {
    const { column } = none;
    const cell = cells[column.index];
    if (cell === undefined) {
      whole = false;
      continue;
    }
    const texts = cell === '' ? noTexts : textsOf(cell, column);
    if (texts.length === 0) {
      elements.push(none);
      continue;
    }
    empty = false;
    const read = texts.length > mostValues ? { fault: tooMany } : elementsOf(texts, column, resolve);
    if ('fault' in read) faults.push({ column: column.name, reason: read.fault });
    elements.push('fault' in read ? none : { column, values: read.value });
  }
  for (const { column, values } of elements) {
    if (values.length > 0 || !(column.required === 'yes' || (column.required === 'part' && !empty))) continue;
    if (faults.some((fault) => fault.column === column.name)) continue;
    faults.push({ column: column.name, reason: 'must have a value' });
  }
  return { part, elements, empty, whole };
}

/** The elements of a cell's texts; of several that are faulty the first is told. */
function elementsOf(texts: readonly string[], column: Column, resolve: Resolve): Read<readonly ExactJson[]> {
  const values: ExactJson[] = [];
  for (const text of texts) {
    const read = elementOf(text, column, resolve);
    if ('fault' in read) return read;
    values.push(read.value);
  }
  return { value: values };
}

/** A new resource of a part, without its columns. */
export function newResource(part: Part): ExactObject {
  const resource = exactObject();
  resource.resourceType = part.type;
  resource.meta = Object.assign(exactObject(), { profile: [part.profile] });
  Object.assign(resource, copyOf(part.content));
  if (part.time !== undefined) addTime(resource, part.time);
  return resource;
}

function addTime(resource: ExactObject, time: string): void {
  const extension = Object.assign(exactObject(), { url: timeExtension, valueCode: time });
  const others = Array.isArray(resource.extension) ? resource.extension : [];
  resource.extension = [...others, extension];
}

/** The time that a resource names; undefined: none. */
export function timeOf(resource: ExactObject): string | undefined {
  const extensions = Array.isArray(resource.extension) ? resource.extension : [];
  for (const each of extensions) {
    if (isExactObject(each) && each.url === timeExtension && typeof each.valueCode === 'string') return each.valueCode;
  }
  return undefined;
}

/** Whether a resource is the part, by its profile, its code and its time. */
export function isPart(resource: ExactObject, { profile, content, time }: Part): boolean {
  if (timeOf(resource) !== time || !profilesOf(resource).includes(profile)) return false;
  return content.code === undefined || fits(resource.code, content.code);
}

/** Canonicals of the profiles that a resource says it is of. */
export function profilesOf({ meta }: ExactObject): readonly ExactJson[] {
  return isExactObject(meta) && Array.isArray(meta.profile) ? meta.profile : [];
}

/** What is to become of a resource. */
export interface Change {
  readonly read: ReadPart;
  /** References to be, by the steps that lead to them; undefined removes one. */
  readonly references: readonly (readonly [steps: readonly Step[], reference: string | undefined])[];
  /** Whether it is to name its profile even where it has all else. */
  readonly claims?: boolean;
}

/**
 * The resource with the row's elements; the same object where it has them all. Elements that are no columns stay. What changes names
 * the part's profile. `own`: the object is nobody else's, and may be changed itself.
 */
export function merged(present: ExactObject, { read, references, claims }: Change, own = false): ExactObject {
  const { part, elements } = read;
  let changed: ExactObject | undefined = own ? present : undefined;
  const draft = (): ExactObject => {
    changed ??= shallow(present);
    return changed;
  };
  for (const { column, values } of elements) {
    // What is fixed counts where the cell is empty.
    if (values.length === 0 && column.steps.at(-1)?.node.fixed !== undefined && isSimple(column)) continue;
    if (own) {
      // A new resource has nothing to be compared with.
      if (values.length > 0) putAt(present, column.steps, values, column.several);
      continue;
    }
    // What the column can't say, an export left out: its absence from the file says nothing of it.
    const there = valuesAt(present, column.steps, column.several).filter((each) => isSayable(each, column));
    const same = there.length === values.length && there.every((each, n) => isSame(each, values[n], column));
    if (!same) putAt(draft(), column.steps, values, column.several);
  }
  for (const [steps, reference] of references) {
    const [there] = valuesAt(present, steps);
    const now = isExactObject(there) ? there.reference : undefined;
    if (now === reference) continue;
    const values = reference === undefined ? [] : [Object.assign(exactObject(), { reference })];
    putAt(draft(), steps, values);
  }
  if (claims === true && !isOf(present, part)) draft();
  if (changed !== undefined) claim(changed, part);
  return changed ?? present;
}

/** Whether a resource names the part's profile and has what that fixes. */
function isOf(resource: ExactObject, { profile, content }: Part): boolean {
  return profilesOf(resource).includes(profile) && Object.keys(content).every((name) => resource[name] !== undefined);
}

function claim(resource: ExactObject, { profile, content }: Part): void {
  if (!profilesOf(resource).includes(profile)) {
    const meta = isExactObject(resource.meta) ? resource.meta : exactObject();
    meta.profile = [...profilesOf(resource), profile];
    resource.meta = meta;
  }
  for (const [name, value] of Object.entries(content)) resource[name] ??= copyOf(value);
}

/** Whether the columns of a part can say the values that a resource has in their places. */
export function isTold({ columns }: Part, resource: ExactObject): boolean {
  return columns.every((column) =>
    valuesAt(resource, column.steps, column.several).every((each) => isSayable(each, column)),
  );
}

const isSayable = (element: ExactJson, column: Column) =>
  textOf(element, column, (reference) => reference) !== undefined;

const isSimple = ({ type }: Column) => /^[a-z]/.test(type);

function isSame(there: ExactJson, wanted: ExactJson | undefined, column: Column): boolean {
  return wanted !== undefined && sameElement(there, wanted, column);
}

function shallow(resource: ExactObject): ExactObject {
  const copy = copyOf(resource);
  return isExactObject(copy) ? copy : exactObject();
}

/** The reference at the end of the steps. */
export function referenceAt(resource: ExactObject, steps: readonly Step[]): string | undefined {
  const [there] = valuesAt(resource, steps);
  return isExactObject(there) && typeof there.reference === 'string' ? there.reference : undefined;
}

/** The cells of a part in the order of its columns; empty ones where there is no such resource. */
export function cellsOf(
  part: Part,
  resource: ExactObject | undefined,
  nameOf: (reference: string, column: Column) => string | undefined,
): readonly string[] {
  if (resource === undefined) return part.columns.map(() => '');
  return part.columns.map((column) => {
    const values = valuesAt(resource, column.steps, column.several);
    const texts = values.flatMap((each) => textOf(each, column, (reference) => nameOf(reference, column)) ?? []);
    return cellOf(texts, column);
  });
}

/** System and value of the identifier that a part's key columns are of. */
export function keyOf(
  part: Part,
  resource: ExactObject,
): { readonly system: string; readonly value: string } | undefined {
  for (const column of part.key) {
    const place = column.steps.findIndex(({ node }) => node.type === 'Identifier');
    if (place < 0) continue;
    const [identifier] = valuesAt(resource, column.steps.slice(0, place + 1));
    if (!isExactObject(identifier) || typeof identifier.value !== 'string') continue;
    return { system: typeof identifier.system === 'string' ? identifier.system : '', value: identifier.value };
  }
  return undefined;
}
