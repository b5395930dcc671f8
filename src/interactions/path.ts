/** Which interaction a method and a path mean; the same for requests and bundle entries. https://hl7.org/fhir/R4/http.html#summary */

import { closest } from 'fastest-levenshtein';
import { isId } from '../fhir/id.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { type CompartmentOwner, compartmentTypes } from '../search/compartment.ts';
import type { Context, Interaction, Operation } from './context.ts';

/** An interaction and what its path names. */
export interface Target {
  readonly interaction: Interaction;
  readonly type: string | undefined;
  readonly id: string | undefined;
  readonly versionId: string | undefined;
  readonly operation: string | undefined;
  /** Whose compartment is searched. */
  readonly compartment: CompartmentOwner | undefined;
}

/** What a path names, with every property there is: all targets then are objects of one shape. */
type Named = Omit<Target, 'interaction'>;

function named(
  type?: string,
  id?: string,
  versionId?: string,
  operation?: string,
  compartment?: CompartmentOwner,
): Named {
  return { type, id, versionId, operation, compartment };
}

type Level = Operation['levels'][number];

type Known = Pick<Context, 'definitions' | 'operations'>;

type Methods = Readonly<Record<string, Interaction>>;

const system: Methods = { GET: 'search-system', POST: 'batch' };
const type: Methods = { GET: 'search-type', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const instance: Methods = { GET: 'read', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/**
 * What types do not have: an audit trail is not changed, and a Binary's content is no JSON to patch.
 * https://hl7.org/fhir/R4/auditevent.html, https://hl7.org/fhir/R4/binary.html
 */
const withheld: Readonly<Record<string, readonly Interaction[]>> = {
  AuditEvent: ['update', 'patch', 'delete'],
  Binary: ['patch'],
};

function without(methods: Methods, name: string): Methods {
  const out = withheld[name];
  if (out === undefined) return methods;
  return Object.fromEntries(Object.entries(methods).filter(([, interaction]) => !out.includes(interaction)));
}

/** The interactions that a type has, for the capability statement. */
export function interactionsOf(name: string): readonly Interaction[] {
  const direct = [...Object.values(without(instance, name)), ...Object.values(without(type, name))];
  return [...new Set<Interaction>([...direct, 'vread', 'history-instance', 'history-type'])];
}

/** The interactions of the whole system, for the capability statement. */
export const systemInteractions: readonly Interaction[] = ['transaction', 'batch', 'search-system', 'history-system'];

/**
 * The target of a request. `segments`: the path below the base, decoded, without empty segments.
 * Throws 404 for an unknown path or type (naming the nearest type), 405 with `Allow` for a method it does not have.
 */
export function targetOf(known: Known, method: string, segments: readonly string[]): Target {
  const [first, second, third, fourth] = segments;
  if (first === undefined) return choose(system, method, named());
  if (first === 'metadata' && second === undefined) return choose({ GET: 'capabilities' }, method, named());
  if (first === '_history' && second === undefined) return choose({ GET: 'history-system' }, method, named());
  if (first === '_search' && second === undefined) return choose({ POST: 'search-system' }, method, named());
  if (first.startsWith('$') && second === undefined) return operationOf(known, method, 'system', first, named());
  checkType(known, first);
  const ofType = named(first);
  if (second === undefined) return choose(without(type, first), method, ofType);
  if (third === undefined) {
    if (second === '_history') return choose({ GET: 'history-type' }, method, ofType);
    if (second === '_search') return choose({ POST: 'search-type' }, method, ofType);
    if (second.startsWith('$')) return operationOf(known, method, 'type', second, ofType);
    checkId(method, first, second);
    return choose(without(instance, first), method, named(first, second));
  }
  checkId(method, first, second);
  const ofInstance = named(first, second);
  if (third === '_history' && fourth === undefined) return choose({ GET: 'history-instance' }, method, ofInstance);
  if (third === '_history' && fourth !== undefined && segments.length === 4) {
    return choose({ GET: 'vread' }, method, named(first, second, fourth));
  }
  if (third.startsWith('$') && fourth === undefined) return operationOf(known, method, 'instance', third, ofInstance);
  if (segments.length === 3)
    return choose({ GET: searchOf(third) }, method, inCompartment(known, first, second, third));
  if (fourth === '_search' && segments.length === 4) {
    return choose({ POST: searchOf(third) }, method, inCompartment(known, first, second, third));
  }
  throw failure(404, 'not-found', 'There is nothing at this path. GET /metadata tells what this server offers.');
}

/** All types of a compartment, where a type would stand. */
const anyType = '*';

const searchOf = (searched: string): Interaction => (searched === anyType ? 'search-system' : 'search-type');

/** What `Patient/1/Observation` and `Patient/1/*` name. Throws 404 for what is no compartment, or never in it. */
function inCompartment(known: Known, owner: string, id: string, searched: string): Named {
  const types = compartmentTypes(known.definitions, owner);
  if (types.length === 0) {
    const owners = [...known.definitions.compartments.keys()].join(', ');
    throw failure(404, 'not-found', `${owner} has no compartment; these have one: ${owners}.`);
  }
  if (searched === anyType) return named(undefined, undefined, undefined, undefined, { type: owner, id });
  checkType(known, searched);
  if (!types.includes(searched)) {
    throw failure(404, 'not-found', `${searched} is never in the compartment of a resource of type ${owner}.`);
  }
  return named(searched, undefined, undefined, undefined, { type: owner, id });
}

/** An update says of its body what is wrong with the id; elsewhere such an id is one that nothing has. */
function checkId(method: string, type: string, id: string): void {
  if (method === 'PUT' || isId(id)) return;
  const text = `There is no ${type} with that id: an id has 1 to 64 of the characters A-Z a-z 0-9 - and dot.`;
  throw failure(404, 'not-found', text);
}

function checkType({ definitions }: Known, name: string): void {
  if (definitions.resourceTypes.has(name) && name !== 'Parameters') return;
  if (name === 'Parameters') throw failure(404, 'not-supported', 'Parameters have no endpoint; they are not stored.');
  // Comparing takes as long as the name is.
  const nearest = closest(name.slice(0, 80), [...definitions.resourceTypes]);
  throw failure(404, 'not-found', `There is no resource type of that name in R4. The nearest is ${nearest}.`);
}

function choose(methods: Methods, method: string, { type, id, versionId, operation, compartment }: Named): Target {
  const interaction = methods[method === 'HEAD' ? 'GET' : method];
  if (interaction !== undefined) return { interaction, type, id, versionId, operation, compartment };
  throw notAllowed(Object.keys(methods));
}

function notAllowed(methods: readonly string[]): OutcomeError {
  const allow = allowed(methods);
  const issue = { severity: 'error', code: 'not-supported', diagnostics: `This path takes ${allow}.` } as const;
  return new OutcomeError(405, [issue], { Allow: allow });
}

/** The value of `Allow`: HEAD wherever GET is, OPTIONS everywhere. */
function allowed(methods: readonly string[]): string {
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(', ');
}

/** The `Allow` of a path. Throws 404 for an unknown one. */
export function allowOf(known: Known, segments: readonly string[]): string {
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => {
    try {
      targetOf(known, method, segments);
      return true;
    } catch (error) {
      if (error instanceof OutcomeError && error.status === 405) return false;
      throw error;
    }
  });
  return allowed(methods);
}

/** Whether an operation is there on a level, for a type. What can't be updated is not changed by an operation either. */
export function isOffered({ levels, types, affectsState }: Operation, level: Level, type: string | undefined): boolean {
  if (!levels.includes(level)) return false;
  if (type === undefined) return true;
  if (types !== undefined && !types.includes(type)) return false;
  return level !== 'instance' || !affectsState || withheld[type]?.includes('update') !== true;
}

function operationOf({ operations }: Known, method: string, level: Level, name: string, { type, id }: Named): Target {
  const offered = operations.filter((each) => isOffered(each, level, type));
  const operation = offered.find((each) => each.name === name);
  if (operation === undefined) {
    const names = offered.map((each) => each.name).join(', ');
    throw failure(404, 'not-supported', `There is no operation of that name here. There are: ${names || 'none'}.`);
  }
  const methods: Methods = operation.affectsState ? { POST: 'operation' } : { GET: 'operation', POST: 'operation' };
  return choose(methods, method, named(type, id, undefined, name));
}
