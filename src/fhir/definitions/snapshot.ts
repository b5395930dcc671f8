/** Opens the snapshot of R4's definitions and expands a type when it is first asked for. https://hl7.org/fhir/R4/definitions.html */
import { existsSync, readFileSync } from 'node:fs';
import { type CompactParameter, type CompactType, SEARCH_PARAMETER, type Snapshot } from './compact.ts';
import type {
  Compartment,
  Definitions,
  ElementDefinition,
  SearchParameterDefinition,
  SearchParameterKind,
  TypeDefinition,
} from './definitions.ts';
import { expandElement } from './elements.ts';
import { packageFolder } from './package-folder.ts';
import { primitives } from './primitives.ts';

/** The snapshot that `npm run build` makes. Throws an Error that says so where it is missing. */
function readSnapshot(): Snapshot {
  const path = new URL('dist/definitions.json', packageFolder());
  if (!existsSync(path)) throw new Error('dist/definitions.json is missing: run `npm run build`');
  return JSON.parse(readFileSync(path, 'utf8'));
}

const words = (text: string): readonly string[] => (text === '' ? [] : text.split(' '));

const kinds: ReadonlySet<string> = new Set<SearchParameterKind>([
  'number',
  'date',
  'string',
  'token',
  'reference',
  'composite',
  'quantity',
  'uri',
  'special',
]);

/** Whether a SearchParameter's type is one of R4's. https://hl7.org/fhir/R4/valueset-search-param-type.html */
export function isKind(type: string): type is SearchParameterKind {
  return kinds.has(type);
}

function expandParameter(compact: CompactParameter): SearchParameterDefinition {
  const [url, code, name, type, base, expression, target, description, ...components] = compact;
  if (!isKind(type)) throw new Error(`dist/definitions.json: search parameter ${url} has no known type`);
  return {
    url: url.includes(':') ? url : SEARCH_PARAMETER + url,
    code,
    name,
    type,
    base: words(base),
    ...(expression === '' ? {} : { expression }),
    target: words(target),
    components: components.flatMap((definition, index) =>
      index % 2 === 0 ? [{ definition, expression: components[index + 1] ?? '' }] : [],
    ),
    ...(description === '' ? {} : { description }),
  };
}

function expandCompartments(compact: Snapshot['compartments']): ReadonlyMap<string, Compartment> {
  return new Map(
    Object.entries(compact).map(([code, { url, types }]) => [
      code,
      { code, url, parameters: new Map(Object.entries(types).map(([type, codes]) => [type, words(codes)])) },
    ]),
  );
}

/** The definitions of the build's snapshot. What isn't asked for isn't expanded. */
export function openSnapshot(): Definitions {
  const snapshot = readSnapshot();
  const compactTypes = new Map(Object.entries(snapshot.types));
  const systems = new Map(Object.entries(snapshot.systems));
  const types = new Map<string, TypeDefinition>();
  let searchParameters: readonly SearchParameterDefinition[] | undefined;
  let compartments: ReadonlyMap<string, Compartment> | undefined;
  let cases: ReadonlyMap<string, boolean> | undefined;

  const namesOf = (holds: (type: CompactType) => boolean): ReadonlySet<string> =>
    new Set([...compactTypes].filter(([, type]) => type.abstract !== true && holds(type)).map(([name]) => name));

  function expandType(name: string, compact: CompactType): TypeDefinition {
    const inherited = compact.base === undefined ? undefined : type(compact.base)?.elements;
    const elements = new Map<string, ElementDefinition>(inherited);
    for (const element of compact.elements)
      for (const expanded of expandElement(element, compactTypes))
        if (expanded.max === 0) elements.delete(expanded.name);
        else elements.set(expanded.name, expanded);
    const pattern = compact.kind === 'primitive' ? primitives.get(name)?.pattern : undefined;
    return {
      name,
      kind: compact.kind,
      abstract: compact.abstract === true,
      ...(compact.base === undefined ? {} : { base: compact.base }),
      elements,
      ...(pattern === undefined ? {} : { pattern }),
    };
  }

  function type(name: string): TypeDefinition | undefined {
    const known = types.get(name);
    if (known !== undefined) return known;
    const compact = compactTypes.get(name);
    if (compact === undefined) return undefined;
    const expanded = expandType(name, compact);
    types.set(name, expanded);
    return expanded;
  }

  return {
    resourceTypes: namesOf(({ kind }) => kind === 'resource'),
    dataTypes: namesOf(({ kind }) => kind === 'complex' || kind === 'primitive'),
    get searchParameters() {
      searchParameters ??= snapshot.parameters.map(expandParameter);
      return searchParameters;
    },
    get compartments() {
      compartments ??= expandCompartments(snapshot.compartments);
      return compartments;
    },
    type,
    base: (name) => compactTypes.get(name)?.base,
    bindingSystem: (valueSet) => systems.get(valueSet.split('|')[0] ?? ''),
    caseSensitive(system) {
      cases ??= new Map([
        ...snapshot.caseSensitive.map((url): [string, boolean] => [url, true]),
        ...snapshot.caseInsensitive.map((url): [string, boolean] => [url, false]),
      ]);
      return cases.get(system);
    },
  };
}
