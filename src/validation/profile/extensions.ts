/** Where extensions may stand: their definitions' context, and what changes the meaning of the element. https://hl7.org/fhir/R4/defining-extensions.html#context */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import { objectsOf, textOf } from './element.ts';
import type { Node } from './tree.ts';

/** What an extension stands in. */
export interface Holder {
  /** The element as R4 names it, and as the types on the way name it: `Patient.contact.name`, `HumanName`, `Element` … */
  readonly names: ReadonlySet<string>;
  /** Urls of the extensions it stands in, outermost first. */
  readonly extensions: readonly string[];
}

/** The holder that a way through a resource leads to: the names of the properties from the resource on. */
export function holderAt(resourceType: string, properties: readonly string[], definitions: Definitions): Holder {
  const names = new Set([resourceType]);
  let type = resourceType;
  let suffixes = [resourceType];
  for (const property of properties) {
    const name = property.startsWith('_') ? property.slice(1) : property;
    const element = (definitions.type(type) ?? definitions.type('Element'))?.elements.get(name);
    const own = element?.choice ?? name;
    suffixes = [...suffixes, type].map((each) => `${each}.${own}`);
    type = element?.type ?? 'Element';
  }
  for (const suffix of suffixes) names.add(suffix);
  if (properties.length > 0) names.delete(resourceType);
  for (let general: string | undefined = type; general !== undefined; general = definitions.type(general)?.base)
    names.add(general);
  // R4's definitions say Element for whatever has extensions, resources too.
  names.add('Element');
  return { names, extensions: [] };
}

const r4 = 'http://hl7.org/fhir/StructureDefinition/';

/** Where R4 itself uses extensions beyond their contexts. Contexts by url. */
const r4Contexts: ReadonlyMap<string, readonly string[]> = new Map([
  // "ElementDefinition.type.code", but R4's definitions have it beside the code.
  [`${r4}structuredefinition-fhir-type`, ['ElementDefinition.type']],
  [`${r4}regex`, ['ElementDefinition.type']],
  // "StructureDefinition", but value sets, code systems, operations and elements became normative, too.
  [`${r4}structuredefinition-normative-version`, ['Element']],
  // "ValueSet.compose.include.concept", but R4's code systems comment their concepts with it.
  [`${r4}valueset-concept-comments`, ['CodeSystem.concept']],
]);

/** Whether an extension's definition lets it stand there; an expression of FHIRPath is left to `fits`. */
export function fitsContext(
  definition: JsonObject,
  { names, extensions }: Holder,
  fits: (expression: string) => boolean,
): boolean {
  const contexts = objectsOf(definition.context);
  if (contexts.length === 0) return true;
  if (r4Contexts.get(textOf(definition.url) ?? '')?.some((each) => names.has(each)) === true) return true;
  return contexts.some(({ type, expression }) => {
    const text = textOf(expression) ?? '';
    if (type === 'fhirpath') return fits(text);
    if (type === 'extension') return matchesExtension(text, extensions);
    // A slice or a profile's element can't be told from here.
    if (/[#:]/.test(text)) return true;
    return names.has(text.replace('[x]', ''));
  });
}

function matchesExtension(text: string, extensions: readonly string[]): boolean {
  const [url, inner] = text.split('#');
  const own = extensions.at(-1);
  return inner === undefined ? own === url : own === inner && extensions.at(-2) === url;
}

/** What a definition says where its extension may stand, for messages. */
export function contextText({ context }: JsonObject): string {
  return objectsOf(context)
    .map(({ expression }) => textOf(expression) ?? '')
    .join(', ');
}

/** Whether an extension changes the meaning of the element that it stands in. */
export function isModifier({ element }: Node): boolean {
  return element.isModifier === true;
}
