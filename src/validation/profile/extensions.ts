/** Where extensions may stand: their definitions' context, and what changes the meaning of the element. https://hl7.org/fhir/R4/defining-extensions.html#context */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { compileExpression, compileInvariant, type Expression, type Invariant } from '../../fhir/fhirpath/invariant.ts';
import { EvaluationFault, type Scope } from '../../fhir/fhirpath/scope.ts';
import { ExpressionFault } from '../../fhir/fhirpath/syntax.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import { objectsOf, textOf, textsOf } from './element.ts';
import { typeUrl } from './structures.ts';
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

/** What can tell whether an element is the one that a context names. */
interface ContextQuestions {
  /** Whether an expression of FHIRPath leads to it. */
  readonly isAmong: (expression: string) => boolean;
  /** Whether it is the element of that id in a profile; `url` undefined: in one of those that the resource names. */
  readonly isElement: (url: string | undefined, id: string) => boolean;
}

/** Whether an extension's definition lets it stand there. */
export function fitsContext(
  definition: JsonObject,
  { names, extensions }: Pick<Holder, 'names' | 'extensions'>,
  { isAmong, isElement }: ContextQuestions,
): boolean {
  const contexts = objectsOf(definition.context);
  if (contexts.length === 0) return true;
  if (r4Contexts.get(textOf(definition.url) ?? '')?.some((each) => names.has(each)) === true) return true;
  return contexts.some(({ type, expression }) => {
    const text = textOf(expression) ?? '';
    if (type === 'fhirpath') return isAmong(text);
    if (type === 'extension') return matchesExtension(text, extensions);
    const hash = text.indexOf('#');
    const id = text.slice(hash + 1);
    // R4: "The full path for the element is [url]#[elementid]. If there is no #, the Element id is one defined in the base specification."
    const named = names.has(id.replaceAll(/:[^.]*/g, '').replace('[x]', ''));
    if (hash > 0 && !isOfType(text.slice(0, hash), id)) return isElement(text.slice(0, hash), id);
    // There are no slices in R4's types: one of a profile is meant.
    return named && (!id.includes(':') || isElement(undefined, id));
  });
}

/** Whether the canonical of an element's definition is that of R4's type. */
function isOfType(url: string, id: string): boolean {
  return url === typeUrl(id.split('.')[0] ?? '');
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

/** The expressions of one extension's definition, compiled when they are first needed and kept with it. */
export class ContextExpressions {
  readonly #definitions: Definitions;
  readonly #paths = new Map<string, Expression | undefined>();
  readonly #rules = new Map<string, Invariant | undefined>();
  /** What a path leads to in a resource, by the scope of that. */
  readonly #found = new WeakMap<Scope, Map<string, ReadonlySet<unknown> | undefined>>();

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /**
   * Whether an element is one of those that an expression leads to from its resource: a context of type `fhirpath`. `holder` is what JSON
   * has: of a primitive what stands beside it. undefined: it can't be said.
   */
  isAmong(expression: string, holder: JsonObject, resourceType: string, scope: Scope): boolean | undefined {
    const known = this.#found.get(scope) ?? new Map<string, ReadonlySet<unknown> | undefined>();
    this.#found.set(scope, known);
    if (!known.has(expression)) known.set(expression, this.#leadingTo(expression, resourceType, scope));
    return known.get(expression)?.has(holder);
  }

  #leadingTo(expression: string, resourceType: string, scope: Scope): ReadonlySet<unknown> | undefined {
    const path = compiled(this.#paths, expression, resourceType, this.#definitions, compileExpression);
    try {
      const items = path?.(scope.resource, scope);
      return items && new Set(items.flatMap(({ value, beside }): readonly unknown[] => [value, beside]));
    } catch (error) {
      if (error instanceof EvaluationFault) return undefined;
      throw error;
    }
  }

  /**
   * The rules of the definition about when its extension may be used that don't hold on the element that it stands in; `unsaid`: those
   * that can't be evaluated. https://hl7.org/fhir/R4/structuredefinition-definitions.html#StructureDefinition.contextInvariant
   */
  brokenRules(
    { contextInvariant }: JsonObject,
    holder: JsonObject,
    type: string,
    scope: Scope,
  ): { readonly broken: readonly string[]; readonly unsaid: readonly string[] } {
    const broken: string[] = [];
    const unsaid: string[] = [];
    // Of a primitive's value nothing is known where its extensions are.
    const primitive = this.#definitions.type(type)?.kind === 'primitive';
    for (const rule of textsOf(contextInvariant)) {
      const check = primitive ? undefined : compiled(this.#rules, rule, type, this.#definitions, compileInvariant);
      const holds = check?.(holder, scope);
      if (holds === undefined) unsaid.push(rule);
      else if (!holds) broken.push(rule);
    }
    return { broken, unsaid };
  }
}

/** undefined for what can't be compiled. */
function compiled<T>(
  kept: Map<string, T | undefined>,
  expression: string,
  type: string,
  definitions: Definitions,
  compile: (expression: string, type: string, definitions: Definitions) => T,
): T | undefined {
  const key = `${type} ${expression}`;
  if (!kept.has(key)) kept.set(key, compiledOrNot(expression, type, definitions, compile));
  return kept.get(key);
}

function compiledOrNot<T>(
  expression: string,
  type: string,
  definitions: Definitions,
  compile: (expression: string, type: string, definitions: Definitions) => T,
): T | undefined {
  try {
    return compile(expression, type, definitions);
  } catch (error) {
    if (error instanceof ExpressionFault) return undefined;
    throw error;
  }
}
