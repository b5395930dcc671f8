/** What the index has of resources, by the configuration. https://hl7.org/fhir/R4/search.html */
import { createHash } from 'node:crypto';
import type { Configuration } from './config.ts';
import type { Definitions, SearchParameterDefinition } from './fhir/definitions/definitions.ts';
import { parseJson } from './fhir/json.ts';
import { isResource } from './fhir/resource.ts';
import type { Context } from './interactions/context.ts';
import { referencesParameter, withReferences } from './interactions/integrity.ts';
import { companionsOf } from './search/companion.ts';
import { extractAll } from './search/extract/contained.ts';
import { createExtractor, type ExtractedParameters } from './search/extract/extract.ts';
import type { ParameterDefinition } from './store/parameter-index.ts';
import type { Entries } from './store/write.ts';

/**
 * The version of what extraction, or a store, makes of a definition. `ofR4`: whether it is one of R4's own. Where a release
 * makes other entries than the one before, raise it for the definitions that this concerns: what is stored of these is then
 * indexed anew, while what there is, from `oldestReadable` on, goes on answering.
 *
 * 3: words of names and parts of addresses don't sort; FHIRPath's `join`, `matches` and `replace` as they are defined;
 * languages that are a `code` have their system.
 */
export function extractionVersion(definition: Definition, ofR4: boolean): number {
  const { type, expression = '', components } = definition;
  const changed = [expression, ...components.map((component) => component.expression)].some((each) =>
    changedFunctions.test(each),
  );
  // Whether expressions that aren't R4's lead to names isn't known before they are compiled.
  const words = type === 'string' && (!ofR4 || namesOrAddresses.test(expression));
  const languages = type === 'token' && (ofR4 ? languageCodes : anyLanguage).test(expression);
  return changed || words || languages ? 3 : oldestReadable;
}

/** The oldest version whose entries searches of this release read. */
export const oldestReadable = 2;

const changedFunctions = /\b(?:join|matches|replace(?:Matches)?)\s*\(/;

/** What R4's parameters of names and addresses have in their expressions, told before they are compiled: all others don't. */
const namesOrAddresses =
  /\b(?:Patient|Person|Practitioner|RelatedPerson)\.name\b|\b(?:Patient|Location|Organization|InsurancePlan\.contact)\.address(?![.\w])/;

/** R4's parameters of languages that are a `code`, and what may lead to such a language elsewhere. */
const languageCodes = /\b(?:attachment|designation)\.language\b/;
const anyLanguage = /\blanguage\b/;

type Definition = Pick<SearchParameterDefinition, 'type' | 'expression' | 'components'>;

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

/** What a store has to index for R4's definitions, and for the server itself. */
export interface FixedParameters {
  /** Each parameter of each type, with a text that changes whenever its entries would. */
  readonly wanted: readonly ParameterDefinition[];
  /**
   * By the canonical of a definition of R4's such texts, newest first: where earlier releases had others in its place, whose
   * entries still answer.
   */
  readonly versions: ReadonlyMap<string, readonly string[]>;
}

export function parameterDefinitions(
  { REFERENTIAL_INTEGRITY }: Pick<Configuration, 'REFERENTIAL_INTEGRITY'>,
  definitions: Definitions,
): FixedParameters {
  const types = [...definitions.resourceTypes];
  // A store that gets another policy is indexed anew.
  const references = { code: referencesParameter, definition: '2' };
  const own = REFERENTIAL_INTEGRITY === 'full' ? types.map((type) => ({ type, ...references })) : [];
  const versions = new Map<string, readonly string[]>();
  const defined = definitions.searchParameters.flatMap((each) => {
    const { url, base, code, type: kind, expression = '' } = each;
    const version = extractionVersion(each, true);
    const definition = digestOf(each, version);
    const texts = [definition];
    for (let older = version - 1; older >= oldestReadable; older--) texts.push(digestOf(each, older));
    if (texts.length > 1) versions.set(url, texts);
    const general = base.includes('Resource') || base.includes('DomainResource');
    const codes = [code, ...companionsOf({ url, code, kind, expression }).map((companion) => companion.code)];
    return (general ? types : base).flatMap((type) => codes.map((one) => ({ type, code: one, definition })));
  });
  return { wanted: [...own, ...defined], versions };
}

function digestOf({ type, expression = '', components }: Definition, version: number): string {
  const text = JSON.stringify([version, type, expression, components]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}
