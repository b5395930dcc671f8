/** What search tests share: R4's definitions, an extractor and contexts to parse in. */
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { IndexValue } from '../../src/search/entry.ts';
import { extractContained } from '../../src/search/extract/contained.ts';
import { createExtractor } from '../../src/search/extract/extract.ts';
import { matches } from '../../src/search/match.ts';
import { parseSearch, type SearchContext } from '../../src/search/query.ts';
import { createRegistry } from '../../src/search/registry.ts';

export const definitions = loadDefinitions();
export const registry = createRegistry(definitions);
export const baseUrl = 'http://osteon.test/fhir';
export const timezone = 'Europe/Berlin';
export const extract = createExtractor(registry, definitions, { baseUrl, timezone });

/** 2026-01-01T00:00:00Z. */
export const now = 1_767_225_600_000;

export function context(types: readonly string[] = ['Patient'], more: Partial<SearchContext> = {}): SearchContext {
  return {
    registry,
    definitions,
    types,
    baseUrl,
    timezone,
    now,
    handling: 'strict',
    defaultCount: 50,
    maxCount: 1000,
    ignoredParameters: [],
    ...more,
  };
}

/** Extracts with times without a zone in `zone`. */
export function extractIn(zone: string): typeof extract {
  return createExtractor(registry, definitions, { baseUrl, timezone: zone });
}

/** The values of one parameter of a resource. */
export function valuesOf(resource: Resource, parameter: string): readonly IndexValue[] {
  return extract(resource)
    .filter((entry) => entry.parameter === parameter)
    .map((entry) => entry.value);
}

/** Parses a query string on a type. */
export function search(type: string, query: string, more: Partial<SearchContext> = {}): ReturnType<typeof parseSearch> {
  return parseSearch([...new URLSearchParams(query)], context([type], more));
}

interface Find extends Pick<SearchContext, 'terms'> {
  readonly type?: string;
  readonly lastUpdated?: number;
  readonly zone?: string;
}

/** Which of the resources a query finds: their places in the list. Resources without an id have their place as id. */
export function find(
  resources: readonly Resource[],
  query: string,
  { type = resources[0]?.resourceType ?? '', lastUpdated = now, zone = timezone, terms }: Find = {},
): readonly number[] {
  const [part] = search(type, query, { timezone: zone, terms }).parts;
  if (part === undefined) return [];
  const extractor = zone === timezone ? extract : extractIn(zone);
  return resources.flatMap((resource, n) => {
    const { id = String(n) } = resource;
    const contained = extractContained(resource, extractor);
    const indexed = { type: resource.resourceType, id, lastUpdated, entries: extractor(resource), contained };
    return resource.resourceType === type && matches(part.criterion, indexed) ? [n] : [];
  });
}
