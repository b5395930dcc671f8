/** What `REFERENTIAL_INTEGRITY` asks of writes. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.referencePolicy */
import { localReferenceSteps } from '../fhir/references.ts';
import type { Resource } from '../fhir/resource.ts';
import { atOnce } from '../fhir/steps.ts';
import type { IndexEntry } from '../search/entry.ts';
import { entrySteps } from '../search/extract/extract.ts';
import { isType } from '../search/extract/route.ts';
import type { ResourceKey } from '../store/write.ts';
import type { RequiredReference } from './commit.ts';
import type { Context } from './context.ts';

/** References that are noted at once. */
const atATime = 5000;

/**
 * The references of a resource that must resolve after it is written, those to one resource once: by the first of them. `prefix` goes
 * before each expression.
 */
export function requiredReferences(context: Context, resource: Resource, prefix = ''): readonly RequiredReference[] {
  return atOnce(requiredSteps(context, resource, prefix));
}

/** The same in steps. */
export function* requiredSteps(
  context: Context,
  resource: Resource,
  prefix = '',
): Generator<void, readonly RequiredReference[]> {
  const { referentialIntegrity, baseUrl } = context.settings;
  if (referentialIntegrity === 'off') return [];
  const required = new Map<string, RequiredReference>();
  for (const { type, id, expression } of yield* localReferenceSteps(resource, context.definitions, baseUrl)) {
    const key = `${type}/${id}`;
    if (required.has(key)) continue;
    required.set(key, { type, id, expression: prefix + expression });
    if (required.size % atATime === 0) yield;
  }
  return [...required.values()];
}

/** What nothing may refer to once it is deleted. Throws 503 while that can't be known yet. */
export function unreferencedAfter(context: Context, deleted: readonly ResourceKey[]): readonly ResourceKey[] {
  if (context.settings.referentialIntegrity !== 'full' || deleted.length === 0) return [];
  context.searchParameters.requireReferences();
  return deleted;
}

/** Under this name references are indexed that no search parameter finds. No definition has it, so no search names it. */
export const referencesParameter = '_references';

/**
 * An extractor that finds every local reference, also those in extensions and in elements without a search parameter:
 * `full` has to know them all. They make up the parameter `_references`, without those that another one of R4's has: the
 * server's own may go.
 */
export function withReferences(
  extract: Context['extract'],
  definitions: Context['definitions'],
  baseUrl: string,
): Context['extract'] {
  const lasting = new Map<string, ReadonlySet<string>>();
  const lastingOf = (type: string): ReadonlySet<string> => {
    const known = lasting.get(type);
    if (known !== undefined) return known;
    const own = definitions.searchParameters.filter(({ base }) => base.some((each) => isType(type, each, definitions)));
    const codes = new Set(own.map(({ code }) => code));
    lasting.set(type, codes);
    return codes;
  };
  function* steps(resource: Resource): Generator<void, readonly IndexEntry[]> {
    const entries = yield* entrySteps(resource, extract);
    const codes = lastingOf(resource.resourceType);
    const known = new Set<string>();
    for (const { parameter, value } of entries) {
      if (value.kind === 'reference' && codes.has(parameter)) known.add(`${value.type}/${value.id}`);
    }
    const others = new Map<string, IndexEntry>();
    for (const { type, id } of yield* localReferenceSteps(resource, definitions, baseUrl)) {
      const key = `${type}/${id}`;
      if (known.has(key)) continue;
      others.set(key, { parameter: referencesParameter, value: { kind: 'reference', type, id, version: '' } });
    }
    return others.size === 0 ? entries : [...entries, ...others.values()];
  }
  return Object.assign((resource: Resource) => atOnce(steps(resource)), { steps });
}
