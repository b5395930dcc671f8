/** Definitions of search parameters as SearchParameter resources have them. https://hl7.org/fhir/R4/searchparameter.html */
import { createHash } from 'node:crypto';
import type {
  Definitions,
  SearchParameterComponent,
  SearchParameterDefinition,
} from '../fhir/definitions/definitions.ts';
import { isKind } from '../fhir/definitions/snapshot.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { isType } from './extract/route.ts';

/** A SearchParameter resource as far as searches are concerned. What it lacks is empty. */
export interface WrittenDefinition {
  readonly status: string;
  /** Canonical of the definition that it narrows. */
  readonly derivedFrom: string | undefined;
  readonly definition: SearchParameterDefinition;
}

/** Reads a resource whose structure is right, though it may lack what R4 requires. */
export function readDefinition(resource: JsonObject): WrittenDefinition {
  const { status, derivedFrom, url, code, name, type, expression, description, multipleAnd, multipleOr } = resource;
  return {
    status: textOf(status),
    derivedFrom: derivedFrom === undefined ? undefined : withoutVersion(textOf(derivedFrom)),
    definition: {
      url: textOf(url),
      code: textOf(code),
      name: textOf(name),
      // What is none of R4's kinds can't be searched by either.
      type: typeof type === 'string' && isKind(type) ? type : 'special',
      base: textsOf(resource.base),
      ...(expression === undefined ? {} : { expression: textOf(expression) }),
      target: textsOf(resource.target),
      components: listOf(resource.component).map(componentOf),
      ...(description === undefined ? {} : { description: textOf(description) }),
      ...(multipleAnd === false ? { multipleAnd } : {}),
      ...(multipleOr === false ? { multipleOr } : {}),
    },
  };
}

function componentOf(component: JsonValue): SearchParameterComponent {
  if (!isObject(component)) return { definition: '', expression: '' };
  return { definition: withoutVersion(textOf(component.definition)), expression: textOf(component.expression) };
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (isArray(value) ? value : []);
const textsOf = (value: JsonValue | undefined): readonly string[] => listOf(value).map(textOf);
const withoutVersion = (canonical: string): string => canonical.split('|')[0] ?? '';

/** By the bases: hundreds of definitions have the same few. */
const typesOfBases = new WeakMap<Definitions, Map<string, readonly string[]>>();
const mostBases = 1000;

/** The resource types that a definition's bases stand for. */
export function searchedTypes(base: readonly string[], definitions: Definitions): readonly string[] {
  const known = typesOfBases.get(definitions) ?? new Map<string, readonly string[]>();
  typesOfBases.set(definitions, known);
  const key = JSON.stringify(base);
  const types =
    known.get(key) ??
    [...definitions.resourceTypes].filter((type) => base.some((each) => isType(type, each, definitions)));
  if (known.size >= mostBases) known.clear();
  known.set(key, types);
  return types;
}

/**
 * R4's definition that a resource merely describes: the same canonical, or one that it is derived from, for the same code
 * and type and no further bases. Such a resource changes nothing.
 */
export function describedDefinition(
  { definition, derivedFrom }: WrittenDefinition,
  definitions: Definitions,
): SearchParameterDefinition | undefined {
  const { url, code, type, base, expression } = definition;
  return definitions.searchParameters.find((each) => {
    if (each.url !== url && each.url !== derivedFrom) return false;
    if (each.code !== code || each.type !== type) return false;
    if (!base.every((one) => each.base.some((other) => isType(one, other, definitions)))) return false;
    return each.url !== url || expression === undefined || plain(each.expression) === plain(expression);
  });
}

/** R4 prints some expressions with other spaces. */
const plain = (expression: string | undefined): string => (expression ?? '').replaceAll(/\s/g, '');

/**
 * The definition with a digest of everything that its index entries depend on. `others`: where the definitions of its
 * components are found; `salt`: what else entries depend on.
 */
export function withDigest(
  definition: SearchParameterDefinition,
  others: readonly SearchParameterDefinition[],
  salt: number,
): SearchParameterDefinition {
  const { url, code, type, expression, components, target } = definition;
  const parts = components.map((component) => {
    const of = others.find(({ url }) => url === component.definition);
    return [component.definition, component.expression, of?.type, of?.target];
  });
  const text = JSON.stringify([salt, url, code, type, expression, target, parts]);
  return { ...definition, digest: createHash('sha256').update(text).digest('base64url').slice(0, 16) };
}
