/** Rules that R4 has in words, or in expressions that one pass does better. https://hl7.org/fhir/R4/validation.html */
import type { ElementDefinition, TypeDefinition } from '../../fhir/definitions/definitions.ts';
import { base64Length } from '../../fhir/definitions/text.ts';
import { isObject, type JsonValue } from '../../fhir/resource.ts';
import { checkBundle } from '../bundle.ts';
import { checkConceptCodes } from '../concept-codes.ts';
import { checkNarrative } from '../narrative.ts';
import type { ValueCheck, Walk } from '../walk.ts';

/**
 * Invariants that other checks have: `reference-target.ts`, `contained.ts`, `narrative.ts`, `concept-codes.ts`; and dom-6, asked for
 * directly.
 */
export const handled: ReadonlySet<string> = new Set(['ref-1', 'dom-3', 'dom-6', 'txt-1', 'txt-2', 'csd-1']);

/** R4: "The actual content of the narrative, a stripped down version of XHTML." */
function narrative(value: JsonValue, walk: Walk): void {
  if (!isObject(value) || typeof value.div !== 'string') return;
  walk.budget.spend(value.div.length >> 5);
  const fault = checkNarrative(value.div, walk.budget);
  if (fault !== undefined) walk.error('invariant', fault.rule, `${fault.text} (${fault.rule})`, walk.place.path('div'));
}

/** R4: size is "the number of bytes of data that make up this attachment (before base64 encoding, if that is done)". */
function attachment(value: JsonValue, walk: Walk): void {
  if (!isObject(value) || typeof value.size !== 'number' || typeof value.data !== 'string') return;
  walk.budget.read(value.data.length);
  const size = base64Length(value.data);
  if (size === undefined || size === value.size) return;
  walk.error('value', 'attachment-size', `must be the number of bytes that data has, ${size}`, walk.place.path('size'));
}

/** R4: "The URL SHALL be an absolute URL" but for extensions within one. https://hl7.org/fhir/R4/extensibility.html#Extension */
function extension(value: JsonValue, walk: Walk): void {
  if (!isObject(value) || typeof value.url !== 'string' || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(value.url)) return;
  walk.error('value', 'extension-url', 'must be an absolute URL', walk.place.path('url'));
}

/** By the type whose values they are for. */
export const typeRules: ReadonlyMap<string, readonly ValueCheck[]> = new Map([
  ['Narrative', [narrative]],
  ['Attachment', [attachment]],
  ['Bundle', [checkBundle]],
  ['CodeSystem', [checkConceptCodes]],
]);

/** Those of an element. */
export function elementRules({ type }: ElementDefinition, parent: TypeDefinition): readonly ValueCheck[] {
  return type === 'Extension' && parent.name !== 'Extension' ? [extension] : [];
}

/** R4 lets these stand for the formats of resources: "formats supported (xml | json | ttl | mime type)". */
export const shortFormats: ReadonlySet<string> = new Set(['xml', 'json', 'ttl', 'none']);

/** The elements in which they do. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.format */
export const withShortFormats: ReadonlySet<string> = new Set([
  'CapabilityStatement.format',
  ...['setup', 'test', 'teardown'].flatMap((part) =>
    ['accept', 'contentType'].map((name) => `TestScript.${part}.action.operation.${name}`),
  ),
  ...['setup', 'test'].map((part) => `TestScript.${part}.action.assert.contentType`),
]);
