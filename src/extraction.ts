/** What the index has of resources, by the configuration. https://hl7.org/fhir/R4/search.html */
import { createHash } from 'node:crypto';
import type { Configuration } from './config.ts';
import type { Definitions } from './fhir/definitions/definitions.ts';
import { parseJson } from './fhir/json.ts';
import { isResource } from './fhir/resource.ts';
import type { Context } from './interactions/context.ts';
import { referencesParameter, withReferences } from './interactions/integrity.ts';
import { companionsOf } from './search/companion.ts';
import { extractAll } from './search/extract/contained.ts';
import { createExtractor, type ExtractedParameters } from './search/extract/extract.ts';
import type { Entries } from './store/write.ts';

/** Raise this when extraction gives other entries for the same definition: what is stored is then indexed anew. */
export const extractionVersion = 2;

export function extractorOf(
  { baseUrl, references }: Extraction,
  timezone: string,
  definitions: Definitions,
  registry: ExtractedParameters,
): Context['extract'] {
  const extract = createExtractor(registry, definitions, { baseUrl, timezone });
  return references ? withReferences(extract, definitions, baseUrl) : extract;
}

export function extractStored(extract: Context['extract'], bytes: Uint8Array): Entries {
  const { indexed } = parseJson(bytes);
  if (!isResource(indexed)) return { entries: [] };
  return extractAll(indexed, extract);
}

/** What entries depend on besides the definitions and the time zone. */
export interface Extraction {
  /** Absolute references that begin with it are local ones. */
  readonly baseUrl: string;
  /** Whether each reference has an entry of its own. */
  readonly references: boolean;
}

export function extractionOf({ REFERENTIAL_INTEGRITY }: Configuration, baseUrl: string): Extraction {
  return { baseUrl, references: REFERENTIAL_INTEGRITY === 'full' };
}

/** Each parameter of each type, with a text that changes whenever its entries would. */
export function parameterDefinitions({ REFERENTIAL_INTEGRITY }: Configuration, definitions: Definitions) {
  const types = [...definitions.resourceTypes];
  // A store that gets another policy is indexed anew.
  const references = { code: referencesParameter, definition: String(extractionVersion) };
  const own = REFERENTIAL_INTEGRITY === 'full' ? types.map((type) => ({ type, ...references })) : [];
  const defined = definitions.searchParameters.flatMap(
    ({ url, base, code, type: kind, expression = '', components }) => {
      const text = JSON.stringify([extractionVersion, kind, expression, components]);
      const definition = createHash('sha256').update(text).digest('base64url').slice(0, 12);
      const general = base.includes('Resource') || base.includes('DomainResource');
      const codes = [code, ...companionsOf({ url, code, kind, expression }).map((companion) => companion.code)];
      return (general ? types : base).flatMap((type) => codes.map((each) => ({ type, code: each, definition })));
    },
  );
  return [...own, ...defined];
}
