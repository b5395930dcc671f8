/** Cells as elements, and elements as cells. https://hl7.org/fhir/R4/datatypes.html */
import { isDecimal } from '../fhir/decimal.ts';
import { primitives } from '../fhir/definitions/primitives.ts';
import { type ExactJson, ExactNumber, type ExactObject, exactObject, isExactObject } from '../fhir/exact-json.ts';
import { parseReference } from '../fhir/reference.ts';
import { neutralised, restored } from './formula.ts';
import { copyOf, fits } from './json.ts';
import type { AllowedCode, Column, ColumnCodes } from './template.ts';

/** An identifier of a resource that a reference is to lead to. */
export interface Named {
  readonly types: readonly string[];
  readonly system: string;
  readonly value: string;
}

/** Finds what a reference is to lead to: the reference, or what is wrong. */
export type Resolve = (named: Named) => { readonly reference: string } | { readonly fault: string };

export type Read<T> = { readonly value: T } | { readonly fault: string };

/** Data types that a column may have besides primitive ones. */
export const columnTypes: ReadonlySet<string> = new Set([
  'CodeableConcept',
  'Coding',
  'Quantity',
  'Age',
  'Duration',
  'Reference',
  'Identifier',
]);

const numeric: ReadonlySet<string> = new Set([
  'decimal',
  'integer',
  'positiveInt',
  'unsignedInt',
  'Quantity',
  'Age',
  'Duration',
]);

/** Types whose white space belongs to the value. */
const verbatim: ReadonlySet<string> = new Set(['string', 'markdown']);

/** How many codes a message lists. */
const mostListed = 12;

/** The texts of a cell's values: one, or several with `;` between them; none for an empty cell. */
export function textsOf(cell: string, { type, several }: Column): readonly string[] {
  const whole = restored(cell);
  const parts = several === undefined ? [whole] : split(whole);
  const trimmed = verbatim.has(type) ? parts : parts.map((each) => each.trim());
  return trimmed.filter((each) => each.trim() !== '');
}

/** Texts as a cell: the inverse of `textsOf`. */
export function cellOf(texts: readonly string[], { type, several }: Column): string {
  const joined =
    several === undefined ? (texts[0] ?? '') : texts.map((each) => each.replaceAll(/[\\;]/g, '\\$&')).join(';');
  // Numbers stay numbers; several of them in one cell are a text.
  return numeric.has(type) && several === undefined ? joined : neutralised(joined);
}

function split(text: string): readonly string[] {
  if (!text.includes('\\')) return text.split(';');
  const parts = [''];
  for (const [piece] of text.matchAll(/\\[\\;]|[^\\;]+|./gs)) {
    if (piece === ';') parts.push('');
    else parts[parts.length - 1] += piece === '\\;' || piece === '\\\\' ? piece.slice(1) : piece;
  }
  return parts;
}

/** The element of a text. `content`: what the profile fixes of it. */
export function elementOf(text: string, column: Column, resolve: Resolve): Read<ExactJson> {
  const content = column.steps.at(-1)?.content;
  switch (column.type) {
    case 'CodeableConcept': {
      const coding = codingOf(text, column);
      if ('fault' in coding) return coding;
      return { value: withMembers(content, { coding: [coding.value] }) };
    }
    case 'Coding':
      return codingOf(text, column);
    case 'Quantity':
    case 'Age':
    case 'Duration':
      if (!isDecimal(text)) return { fault: 'must be a number, with a point for decimals' };
      return { value: withMembers(content, { value: new ExactNumber(text) }) };
    case 'Identifier':
      return { value: withMembers(content, { value: text }) };
    case 'Reference':
      return referenceOf(text, column, resolve);
    default:
      return primitiveOf(text, column);
  }
}

/** The text of an element: the inverse of `elementOf`; undefined where the column can't say what it says. */
export function textOf(
  element: ExactJson,
  column: Column,
  nameOf: (reference: string) => string | undefined,
): string | undefined {
  const content = column.steps.at(-1)?.content;
  switch (column.type) {
    case 'CodeableConcept': {
      const codings = isExactObject(element) && Array.isArray(element.coding) ? element.coding : [];
      const known = codings.find((each) => isAllowed(each, column.codes));
      return codingText(known ?? codings[0], column.codes);
    }
    case 'Coding':
      return codingText(element, column.codes);
    case 'Quantity':
    case 'Age':
    case 'Duration': {
      if (!isExactObject(element) || !(element.value instanceof ExactNumber) || element.comparator !== undefined)
        return undefined;
      // Another unit is another value.
      const { code } = content ?? {};
      return code === undefined || element.code === code ? element.value.text : undefined;
    }
    case 'Identifier':
      return isExactObject(element) && typeof element.value === 'string' ? element.value : undefined;
    case 'Reference':
      // With a bar it would be read as an identifier.
      return isExactObject(element) && typeof element.reference === 'string' && !element.reference.includes('|')
        ? nameOf(element.reference)
        : undefined;
    default:
      if (element instanceof ExactNumber) return element.text;
      return typeof element === 'string' || typeof element === 'boolean' ? String(element) : undefined;
  }
}

function withMembers(content: ExactObject | undefined, members: ExactObject): ExactObject {
  const object = exactObject();
  // The value stands first, and what the profile fixes behind it.
  return Object.assign(object, members, content === undefined ? {} : copyOf(content), members);
}

function primitiveOf(text: string, { type, codes }: Column): Read<ExactJson> {
  const primitive = primitives.get(type);
  if (primitive === undefined) return { fault: `can't be told: ${type} is no type of a column` };
  const fault = `must be ${primitive.expected}`;
  if (primitive.json === 'boolean') {
    const folded = text.toLowerCase();
    return folded === 'true' || folded === 'false' ? { value: folded === 'true' } : { fault };
  }
  if (primitive.json === 'number') {
    if (primitive.pattern?.test(text) === false || !primitive.accepts(Number(text))) return { fault };
    return type === 'decimal' && !isDecimal(text) ? { fault } : { value: new ExactNumber(text) };
  }
  if (!primitive.accepts(text)) return { fault };
  if (codes?.byCode !== undefined && codes.closed && !codes.byCode.has(text))
    return { fault: notAllowed(codes.byCode) };
  return { value: text };
}

function notAllowed(byCode: ReadonlyMap<string, readonly AllowedCode[]>): string {
  const names = [...byCode.keys()];
  const listed = names.slice(0, mostListed).join(', ');
  const more = names.length > mostListed ? ` … (${names.length} codes; $csv-template?describe=true lists them)` : '';
  return `must be one of ${listed}${more}`;
}

function codingOf(text: string, { codes }: Column): Read<ExactObject> {
  const bar = text.indexOf('|');
  const named = bar < 0 ? undefined : text.slice(0, bar);
  const code = text.slice(bar + 1);
  const accepted = primitives.get('code')?.accepts(code) === true;
  if (!accepted) return { fault: 'must be a code, or system|code' };
  const { systems = [], byCode, closed = false } = codes ?? {};
  const allowed = byCode?.get(code)?.filter(({ system }) => named === undefined || system === named) ?? [];
  const [first, second] = allowed;
  if (first !== undefined && second === undefined) return { value: coding(first) };
  if (first !== undefined) {
    const spelled = allowed.map(({ system }) => `${system}|${code}`).join(' or ');
    return { fault: `has a code of several systems: write ${spelled}` };
  }
  if (byCode !== undefined && closed) return { fault: notAllowed(byCode) };
  if (named !== undefined) {
    if (closed && systems.length > 0 && !systems.includes(named))
      return { fault: `must have a code of ${systems.join(' or ')}` };
    return { value: coding({ system: named, code }) };
  }
  const [only] = systems;
  if (only !== undefined && systems.length === 1 && byCode === undefined)
    return { value: coding({ system: only, code }) };
  return { fault: 'must say which code system it means: write system|code' };
}

function coding({ system, code, display }: AllowedCode): ExactObject {
  const object = exactObject();
  if (system !== '') object.system = system;
  object.code = code;
  if (display !== undefined && display !== '') object.display = display;
  return object;
}

function isAllowed(element: ExactJson, codes: ColumnCodes | undefined): boolean {
  if (!isExactObject(element) || typeof element.code !== 'string') return false;
  const { system = '', code } = element;
  if (codes?.byCode === undefined) return codes?.systems.includes(String(system)) === true;
  return codes.byCode.get(code)?.some((each) => each.system === system) === true;
}

function codingText(element: ExactJson | undefined, codes: ColumnCodes | undefined): string | undefined {
  if (!isExactObject(element) || typeof element.code !== 'string') return undefined;
  const { code } = element;
  const system = typeof element.system === 'string' ? element.system : '';
  const { systems = [], byCode } = codes ?? {};
  const same = byCode?.get(code) ?? [];
  if (same.length === 1 && same[0]?.system === system && !code.includes('|')) return code;
  const plain = byCode === undefined && systems.length === 1 && systems[0] === system && !code.includes('|');
  return plain ? code : `${system}|${code}`;
}

function referenceOf(text: string, { targets, steps }: Column, resolve: Resolve): Read<ExactJson> {
  const bar = text.lastIndexOf('|');
  const found =
    bar < 0
      ? literalReference(text, targets)
      : resolve({ types: targets, system: text.slice(0, bar), value: text.slice(bar + 1) });
  if ('fault' in found) return found;
  return { value: withMembers(steps.at(-1)?.content, { reference: found.reference }) };
}

/** A reference that is written as resources have it: `Location/1`. */
function literalReference(text: string, targets: readonly string[]): ReturnType<Resolve> {
  const parsed = parseReference(text, '');
  // With a slash in front it is no reference to this server's resources.
  if (parsed.kind === 'other' || text.startsWith('/'))
    return { fault: 'must name a resource by an identifier, system|value, or as Type/id' };
  const anywhere = targets.length === 0 || targets.includes('Resource');
  if (parsed.kind === 'local' && !anywhere && !targets.includes(parsed.type))
    return { fault: `must lead to a ${targets.join(' or ')}` };
  return { reference: text };
}

/** Whether two elements say the same, as far as a column can tell. */
export function sameElement(one: ExactJson, other: ExactJson, column: Column): boolean {
  if (column.type === 'Reference') {
    return isExactObject(one) && isExactObject(other) && one.reference === other.reference;
  }
  const noName = () => undefined;
  const text = textOf(one, column, noName);
  if (text === undefined) return fits(one, other) && fits(other, one);
  return text === textOf(other, column, noName);
}
