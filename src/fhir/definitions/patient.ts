/** Which patient a resource concerns. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
import { peekMember } from '../json-scan.ts';
import { isArray, isObject, type JsonValue, type Resource } from '../resource.ts';
import {
  type Definitions,
  type ElementDefinition,
  loadDefinitions,
  type SearchParameterDefinition,
  type TypeDefinition,
} from './definitions.ts';

/** Search parameters and elements that name the patient a resource is about, before those of other roles a patient may have. */
const about = ['patient', 'subject', 'beneficiary', 'individual', 'for', 'candidate', 'source'];

/** JSON properties from the resource down to a Reference. */
type Path = readonly string[];

/** Where resources of a type refer to patients. */
interface Places {
  readonly paths: readonly Path[];
  /** What stands before the id of the first path's patient, where that is a single element of no other depth. */
  readonly usual: Buffer | undefined;
}

const places = new WeakMap<Definitions, Map<string, Places>>();

/** Elements without a choice's type become JSON properties: `payee` stays, `device` is `deviceReference`. */
function jsonPath(type: string, names: Path, definitions: Definitions): Path | undefined {
  let at = type;
  const path: string[] = [];
  for (const name of names) {
    const elements: TypeDefinition['elements'] | undefined = definitions.type(at)?.elements;
    const element: ElementDefinition | undefined = elements?.get(name) ?? elements?.get(`${name}Reference`);
    if (element === undefined) return undefined;
    path.push(element.name);
    at = element.type;
  }
  return at === 'Reference' ? path : undefined;
}

/** The paths that a parameter's expression has for a type, without functions: `Group.member.entity`. */
function pathsOf(
  type: string,
  { expression = '' }: SearchParameterDefinition,
  definitions: Definitions,
): readonly Path[] {
  return expression.split('|').flatMap((alternative) => {
    const [, names = '', next = ''] = /^[\s(]*([A-Za-z.]+)(\(?)/.exec(alternative) ?? [];
    const [root, ...steps] = names.split('.');
    const path = root === type ? jsonPath(type, next === '(' ? steps.slice(0, -1) : steps, definitions) : undefined;
    return path === undefined ? [] : [path];
  });
}

/** Where the references to patients are, those that a resource is about first. */
function patientPaths(type: string, definitions: Definitions): readonly Path[] {
  const codes = definitions.compartments.get('Patient')?.parameters.get(type) ?? [];
  const rank = (name: string): number => (about.includes(name) ? about.indexOf(name) : about.length);
  const parameters = [...codes]
    .sort((one, other) => rank(one) - rank(other))
    .flatMap((code) => definitions.searchParameters.filter((found) => found.code === code && found.base.includes(type)))
    .flatMap((parameter) => pathsOf(type, parameter, definitions));
  // Types outside the compartment refer to patients too: Task.for, Device.patient.
  const elements = [...(definitions.type(type)?.elements.values() ?? [])]
    .filter((element) => element.type === 'Reference' && about.includes(element.name))
    .filter(({ targets }) => targets.length === 0 || targets.includes('Patient'))
    .sort((one, other) => rank(one.name) - rank(other.name))
    .map(({ name }): Path => [name]);
  const known = new Map([...parameters, ...elements].map((path) => [path.join('.'), path]));
  return [...known.values()];
}

const PATIENT = 'Patient/';

/** The id in `Patient/1` or `Patient/1/_history/2`, '' in anything else. */
function patientIdOf(reference: string): string {
  if (!reference.startsWith(PATIENT)) return '';
  const end = reference.indexOf('/', PATIENT.length);
  return end < 0 ? reference.slice(PATIENT.length) : reference.slice(PATIENT.length, end);
}

/** The id of the first patient referred to along a path. */
function follow(value: JsonValue | undefined, path: Path, depth: number): string {
  if (isArray(value)) {
    for (const item of value) {
      const id = follow(item, path, depth);
      if (id !== '') return id;
    }
    return '';
  }
  if (!isObject(value)) return '';
  const name = path[depth];
  if (name !== undefined) return follow(value[name], path, depth + 1);
  return typeof value.reference === 'string' ? patientIdOf(value.reference) : '';
}

/** Whether no element of that name is below the top of a type's resources, apart from those in `contained`. */
function isOnlyAtTop(type: string, name: string, definitions: Definitions): boolean {
  const seen = new Set([type]);
  const isBelow = (at: string): boolean => {
    for (const element of definitions.type(at)?.elements.values() ?? []) {
      if (at !== type && element.name === name) return true;
      if (element.type === 'Resource' && element.name !== 'contained') return true;
      if (seen.has(element.type)) continue;
      seen.add(element.type);
      if (isBelow(element.type)) return true;
    }
    return false;
  };
  return !isBelow(type);
}

function placesOf(type: string): Places | undefined {
  const definitions = loadDefinitions();
  let known = places.get(definitions);
  if (known === undefined) {
    known = new Map();
    places.set(definitions, known);
  }
  const found = known.get(type);
  if (found !== undefined || !definitions.resourceTypes.has(type)) return found;
  const paths = patientPaths(type, definitions);
  const [name, deeper] = paths[0] ?? [];
  const isPlain = name !== undefined && deeper === undefined && isOnlyAtTop(type, name, definitions);
  const usual = isPlain ? Buffer.from(`"${name}":{"reference":"${PATIENT}`) : undefined;
  const made = { paths, usual };
  known.set(type, made);
  return made;
}

/**
 * The logical id of the patient that a resource concerns: a Patient's own (`id`, where the server gives it), otherwise the
 * first one that the parameters of the patient compartment, or elements like `subject`, refer to by a relative reference.
 * '' if there is none.
 */
export function patientOf(resource: Resource, id = resource.id ?? ''): string {
  const type = resource.resourceType;
  if (type === 'Patient') return id;
  for (const path of placesOf(type)?.paths ?? []) {
    const found = follow(resource, path, 0);
    if (found !== '') return found;
  }
  return '';
}

const QUOTE = 0x22;
const CONTAINED = Buffer.from('"contained":');

/**
 * The same for a stored resource that isn't a Patient, by its bytes, which are JSON without white space: of most, nothing
 * is parsed.
 */
export function patientIn(type: string, bytes: Uint8Array): string {
  const found = placesOf(type);
  if (found === undefined || found.paths.length === 0) return '';
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (found.usual !== undefined) {
    const at = buffer.indexOf(found.usual);
    if (at >= 0 && !buffer.subarray(0, at).includes(CONTAINED)) {
      const start = at + found.usual.length - PATIENT.length;
      const reference = buffer.toString('latin1', start, buffer.indexOf(QUOTE, start));
      if (!reference.includes('\\')) return patientIdOf(reference);
    }
  }
  if (!mayNamePatients(buffer)) return '';
  for (const path of found.paths) {
    const [name = ''] = path;
    const member = peekMember(bytes, name);
    if (member === undefined) continue;
    const value: JsonValue = JSON.parse(buffer.toString('utf8', member.start, member.end));
    const id = follow(value, path, 1);
    if (id !== '') return id;
  }
  return '';
}

/** Whether a reference to a patient may be there, which may be written with an escaped slash or escaped letters. */
function mayNamePatients(buffer: Buffer): boolean {
  return buffer.includes(PATIENT) || buffer.includes('Patient\\/') || buffer.includes('\\u');
}
