/** Where extensions may stand: their definitions' context, and what changes the meaning of the element. https://hl7.org/fhir/R4/defining-extensions.html#context */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { compileExpression, compileInvariant, type Expression, type Invariant } from '../../fhir/fhirpath/invariant.ts';
import { EvaluationFault, type Scope } from '../../fhir/fhirpath/scope.ts';
import { ExpressionFault } from '../../fhir/fhirpath/syntax.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import { objectsOf, textOf } from './element.ts';
import type { Node } from './tree.ts';

/** What an extension stands in. */
export interface Holder {
  /** The element as R4 names it, and as the types on the way name it: `Patient.contact.name`, `HumanName`, `Element` … */
  readonly names: ReadonlySet<string>;
  /** Its type: a data type, or a backbone element's path. */
  readonly type: string;
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
  return { names, type, extensions: [] };
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
  { names, extensions }: Pick<Holder, 'names' | 'extensions'>,
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

/**
 * Whether an element is one of those that an expression leads to from its resource: a context of type `fhirpath`. `holder` is what JSON has:
 * of a primitive what stands beside it. undefined: it can't be said.
 */
export function isAmong(
  expression: string,
  holder: JsonObject,
  resourceType: string,
  definitions: Definitions,
  scope: Scope,
): boolean | undefined {
  try {
    const items = compiled(
      expression,
      resourceType,
      definitions,
      expressions,
      compileExpression,
    )(scope.resource, scope);
    return items.some(({ value, beside }) => value === holder || beside === holder);
  } catch (error) {
    if (error instanceof ExpressionFault || error instanceof EvaluationFault) return undefined;
    throw error;
  }
}

/**
 * The rules of a definition about when its extension may be used that don't hold on the element that it stands in; `unsaid`: those that
 * can't be evaluated. https://hl7.org/fhir/R4/structuredefinition-definitions.html#StructureDefinition.contextInvariant
 */
export function brokenRules(
  { contextInvariant }: JsonObject,
  holder: JsonObject,
  type: string,
  definitions: Definitions,
  scope: Scope,
): { readonly broken: readonly string[]; readonly unsaid: readonly string[] } {
  const broken: string[] = [];
  const unsaid: string[] = [];
  // Of a primitive's value nothing is known where its extensions are.
  const primitive = definitions.type(type)?.kind === 'primitive';
  for (const rule of Array.isArray(contextInvariant) ? contextInvariant : []) {
    if (typeof rule !== 'string') continue;
    const holds = primitive ? undefined : holdsOf(rule, holder, type, definitions, scope);
    if (holds === undefined) unsaid.push(rule);
    else if (!holds) broken.push(rule);
  }
  return { broken, unsaid };
}

function holdsOf(
  rule: string,
  holder: JsonObject,
  type: string,
  definitions: Definitions,
  scope: Scope,
): boolean | undefined {
  try {
    return compiled(rule, type, definitions, invariants, compileInvariant)(holder, scope);
  } catch (error) {
    if (error instanceof ExpressionFault) return undefined;
    throw error;
  }
}

/** How many expressions are kept: few definitions have any. */
const mostKept = 500;
const expressions = new Map<string, Expression>();
const invariants = new Map<string, Invariant>();

function compiled<T>(
  expression: string,
  type: string,
  definitions: Definitions,
  kept: Map<string, T>,
  compile: (expression: string, type: string, definitions: Definitions) => T,
): T {
  const key = `${type} ${expression}`;
  const known = kept.get(key) ?? compile(expression, type, definitions);
  if (kept.size >= mostKept) kept.clear();
  kept.set(key, known);
  return known;
}
