/** The resources that rows are about, found by few searches for many rows. https://hl7.org/fhir/R4/search.html */

import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { type ExactJson, type ExactObject, isExactObject, parseStored } from '../../fhir/exact-json.ts';
import { failure } from '../../fhir/outcome.ts';
import { parseReference } from '../../fhir/reference.ts';
import type { Context } from '../../interactions/context.ts';
import type { Criterion, TokenTest } from '../../search/criteria.ts';
import { foldToken } from '../../search/normalise.ts';
import type { Position, Version } from '../../store/port.ts';
import type { Condition } from '../../store/write.ts';
import { referenceAt } from '../../tabular/row.ts';
import type { Part, Step, Template } from '../../tabular/template.ts';

/** A resource as it is in the store. */
export interface Held {
  readonly type: string;
  readonly id: string;
  /** 0: there is none. */
  readonly versionId: number;
  /** Undefined: there is none, or it was deleted. */
  readonly tree: ExactObject | undefined;
}

export interface Key {
  readonly system: string;
  readonly value: string;
}

/** Milliseconds: a look-up for a file's rows isn't what `SEARCH_BUDGET_MS` keeps short, and failing in the middle helps nobody. */
const longestLookUp = 60_000;
/** Matches of one page of these look-ups. */
const pageSize = 1000;

/** All matches of a criterion. */
export async function searchAll(context: Context, type: string, criterion: Criterion): Promise<readonly Held[]> {
  const found: Held[] = [];
  let position: Position | undefined;
  do {
    const page = await context.store.search({
      parts: [{ type, criterion, sort: [] }],
      count: pageSize,
      total: 'none',
      totalBound: 0,
      budget: longestLookUp,
      ...(position === undefined ? {} : { position }),
    });
    for (const version of page.matches) found.push(heldOf(version));
    position = page.next;
  } while (position !== undefined);
  return found;
}

export function heldOf({ type, id, versionId, body }: Version): Held {
  const tree = body === undefined ? undefined : parseStored(body);
  return { type, id, versionId, tree: isExactObject(tree) ? tree : undefined };
}

/** The criterion that a resource of the type has one of the identifiers. Throws 422 for a type that isn't searched by identifiers. */
export function identifierCriterion({ registry }: Context, type: string, keys: readonly Key[]): Criterion {
  const parameter = registry.get(type, 'identifier');
  if (parameter === undefined) {
    throw failure(422, 'not-supported', `${type} is not searched by identifiers, so that rows can't name one.`);
  }
  const anyOf = keys.map(({ system, value }): TokenTest => {
    return { kind: 'token', system, code: parameter.values.folded ? foldToken(value) : value, fold: false };
  });
  return { kind: 'value', parameter: parameter.parameter, anyOf };
}

/** The resources with these identifiers, and the condition that nothing else has them. */
export async function findByIdentifier(
  context: Context,
  type: string,
  keys: readonly Key[],
): Promise<{ readonly found: readonly Held[]; readonly condition: Condition }> {
  const criterion = identifierCriterion(context, type, keys);
  const found = await searchAll(context, type, criterion);
  const matches = found.map(({ id }) => id).sort();
  return { found, condition: { type, criterion, matches, limit: matches.length + 1 } };
}

/** The resources with these ids. */
export function findById(context: Context, type: string, ids: readonly string[]): Promise<readonly Held[]> {
  return ids.length === 0 ? Promise.resolve([]) : searchAll(context, type, { kind: 'id', ids });
}

/** `Type/id` of a reference to this server; undefined for any other. */
export function localOf(
  { settings }: Context,
  reference: string | undefined,
): { readonly type: string; readonly id: string } | undefined {
  const parsed = reference === undefined ? undefined : parseReference(reference, settings.baseUrl);
  return parsed?.kind === 'local' ? { type: parsed.type, id: parsed.id } : undefined;
}

/** What a part's resources refer to: the row's main resource, or its patient. */
export function ownerOf(template: Template, { link, patient }: Part): Part {
  const path = (steps: readonly Step[]) => steps.map(({ node }) => node.property).join('.');
  const toPatient = link !== undefined && patient !== undefined && path(link.steps) === path(patient);
  return toPatient && template.patient !== undefined ? template.patient : template.main;
}

/**
 * The resources of parts that refer to these owners, by `Type/id` of the owner. `owners`: ids of the row's main resources or patients.
 */
export async function findParts(
  context: Context,
  template: Template,
  owners: (part: Part) => readonly string[],
): Promise<ReadonlyMap<string, readonly Held[]>> {
  const byOwner = new Map<string, Held[]>();
  const searched = new Map<string, { readonly part: Part; readonly profiles: Set<string> }>();
  for (const part of template.parts) {
    if (part.link?.on !== 'part') continue;
    const key = `${part.type} ${part.link.steps.map(({ node }) => node.property).join('.')}`;
    const known = searched.get(key);
    if (known === undefined) searched.set(key, { part, profiles: new Set([part.profile]) });
    else known.profiles.add(part.profile);
  }
  for (const { part, profiles } of searched.values()) {
    const ids = owners(part);
    if (ids.length === 0 || part.link === undefined) continue;
    const owner = ownerOf(template, part).type;
    const criterion: Criterion = {
      kind: 'and',
      of: [
        referenceCriterion(context, part.type, part.link.steps, owner, ids),
        profileCriterion(context, part.type, [...profiles]),
      ],
    };
    for (const held of await searchAll(context, part.type, criterion)) {
      const local = held.tree && localOf(context, referenceAt(held.tree, part.link.steps));
      if (local === undefined) continue;
      const key = `${local.type}/${local.id}`;
      const list = byOwner.get(key);
      if (list === undefined) byOwner.set(key, [held]);
      else if (!list.some(({ type, id }) => type === held.type && id === held.id)) list.push(held);
    }
  }
  return byOwner;
}

/** The criterion that a resource says it is of one of the profiles. */
export function profileCriterion({ registry }: Context, type: string, profiles: readonly string[]): Criterion {
  const parameter = registry.get(type, '_profile')?.parameter;
  if (parameter === undefined) throw new Error('R4 has _profile for every type');
  return { kind: 'value', parameter, anyOf: profiles.map((value) => ({ kind: 'uri', match: 'canonical', value })) };
}

function referenceCriterion(
  context: Context,
  type: string,
  steps: readonly Step[],
  owner: string,
  ids: readonly string[],
): Criterion {
  const path = [type, ...steps.map(({ node }) => node.property)].join('.');
  const code = codeOf(context.definitions, type, path);
  const parameter = code === undefined ? undefined : context.registry.get(type, code)?.parameter;
  if (parameter === undefined) {
    throw failure(422, 'not-supported', `${path} has no search parameter, so that it can't join a part and its row.`);
  }
  return { kind: 'value', parameter, anyOf: ids.map((id) => ({ kind: 'reference', type: owner, id })) };
}

const codes = new WeakMap<Definitions, Map<string, string | undefined>>();

/** The code of R4's search parameter of a reference; undefined: it has none. */
function codeOf(definitions: Definitions, type: string, path: string): string | undefined {
  const known = codes.get(definitions) ?? new Map<string, string | undefined>();
  codes.set(definitions, known);
  if (!known.has(path)) {
    const found = definitions.searchParameters.find(
      ({ type: kind, base, expression = '' }) =>
        kind === 'reference' &&
        base.includes(type) &&
        expression.split('|').some((each) => each.trim().replace(/\.where\(.*$/, '') === path),
    );
    known.set(path, found?.code);
  }
  return known.get(path);
}

/** The first identifier of a resource. */
export function identifierOf(tree: ExactObject | undefined): Key | undefined {
  const identifiers = Array.isArray(tree?.identifier) ? tree.identifier : [];
  return identifiers.map(keyIn).find((key) => key !== undefined);
}

/** All identifiers of a resource. */
export function identifiersOf({ identifier }: ExactObject): readonly Key[] {
  return Array.isArray(identifier) ? identifier.map(keyIn).filter((key) => key !== undefined) : [];
}

function keyIn(identifier: ExactJson): Key | undefined {
  if (!isExactObject(identifier) || typeof identifier.value !== 'string') return undefined;
  return { system: typeof identifier.system === 'string' ? identifier.system : '', value: identifier.value };
}
