/** Cuts R4's definitions from their package down to `dist/definitions.json`. https://hl7.org/fhir/R4/downloads.html */
import {
  BARE,
  type CompactElement,
  type CompactParameter,
  type CompactType,
  MODIFIER,
  SEARCH_PARAMETER,
  type Snapshot,
  SUMMARY,
} from '../src/fhir/definitions/compact.ts';
import { evidenceVariableCharacteristic } from './evidence-variable.ts';
import {
  caseSensitiveSystems,
  elementCorrections,
  foreignElements,
  foreignParameters,
  foreignTypes,
  parameterTargets,
} from './r4-corrections.ts';
import { readBundle, writeDist } from './r4-files.ts';

interface SourceElement {
  path: string;
  min: number;
  max: string;
  base?: { path: string; max: string };
  type?: { code: string; targetProfile?: string[]; extension?: { url: string; valueUrl?: string }[] }[];
  isSummary?: boolean;
  isModifier?: boolean;
  binding?: { strength: string; valueSet?: string; extension?: { url: string; valueCanonical?: string }[] };
  contentReference?: string;
}

interface Source {
  resourceType: string;
  id: string;
  url: string;
  kind?: string;
  abstract?: boolean;
  derivation?: string;
  baseDefinition?: string;
  snapshot?: { element: SourceElement[] };
  code?: string;
  name?: string;
  type?: string;
  base?: string[];
  expression?: string;
  target?: string[];
  description?: string;
  component?: { definition: string; expression: string }[];
  resource?: { code: string; param?: string[] }[];
  compose?: { include: { system?: string; valueSet?: string[] }[] };
  caseSensitive?: boolean;
}

const read = (file: string): readonly Source[] => readBundle<Source>(file);

const lastOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

/** An element's types: `Reference(Patient|Group),CodeableConcept`; for a backbone its path. */
function typesOf(element: SourceElement, paths: ReadonlySet<string>): string {
  if (element.contentReference !== undefined) return element.contentReference.slice(1);
  if (paths.has(element.path)) return element.path;
  // The id of a resource is called a string in its definition, and an id in R4's text: https://hl7.org/fhir/R4/resource.html#id
  if (element.base?.path === 'Resource.id') return 'id';
  return (element.type ?? [])
    .map((type) => {
      const primitive = type.extension?.find((extension) => extension.url.endsWith('structuredefinition-fhir-type'));
      if (primitive?.valueUrl !== undefined) return primitive.valueUrl;
      if (type.code.startsWith('http://hl7.org/fhirpath/System.')) return 'string';
      const targets = (type.targetProfile ?? []).map(lastOf).filter((target) => target !== 'Resource');
      return targets.length === 0 ? type.code : `${type.code}(${targets.join('|')})`;
    })
    .join(',');
}

/** The value set outside of which a `code` has none of its codes. https://hl7.org/fhir/R4/extension-elementdefinition-maxvalueset.html */
function maxValueSetOf({ type = [], binding }: SourceElement): string | undefined {
  if (type.length !== 1 || type[0]?.code !== 'code') return undefined;
  return binding?.extension?.find(({ url }) => url.endsWith('/elementdefinition-maxValueSet'))?.valueCanonical;
}

function compactElement(element: SourceElement, paths: ReadonlySet<string>): CompactElement {
  const correction = elementCorrections[element.path];
  const system = element.type?.[0]?.code.startsWith('http://hl7.org/fhirpath/') === true;
  const flags =
    (element.isSummary === true ? SUMMARY : 0) + (element.isModifier === true ? MODIFIER : 0) + (system ? BARE : 0);
  const compact: [string, string, number, number, number?, string?, string?, string?] = [
    lastOf(element.path.replaceAll('.', '/')),
    correction?.types ?? typesOf(element, paths),
    element.min,
    element.max === '*' ? -1 : Number(element.max),
  ];
  const valueSet = correction?.valueSet ?? element.binding?.valueSet;
  const maxValueSet = maxValueSetOf(element);
  if (element.binding !== undefined && valueSet !== undefined) {
    compact.push(flags, element.binding.strength, valueSet);
    if (maxValueSet !== undefined) compact.push(maxValueSet);
  } else if (flags !== 0) compact.push(flags);
  return compact;
}

/** All of a structure's types: its own and one for each backbone element. */
function typesOfStructure(structure: Source): [string, CompactType][] {
  const foreign = (path: string): boolean =>
    foreignElements.has(path) || (path.includes('.') && foreign(path.slice(0, path.lastIndexOf('.'))));
  const elements = (structure.snapshot?.element ?? []).filter((element) => !foreign(element.path));
  const parents = new Map<string, SourceElement[]>();
  for (const element of elements) {
    const parent = element.path.slice(0, Math.max(0, element.path.lastIndexOf('.')));
    parents.set(parent, [...(parents.get(parent) ?? []), element]);
  }
  const paths = new Set(parents.keys());
  return elements
    .filter((element) => paths.has(element.path))
    .map((element): [string, CompactType] => {
      const root = element.path === structure.id;
      const base = root ? lastOf(structure.baseDefinition ?? '') : (element.type?.[0]?.code ?? '');
      const kind = !root
        ? 'backbone'
        : structure.kind === 'resource'
          ? 'resource'
          : structure.kind === 'primitive-type'
            ? 'primitive'
            : 'complex';
      const children = (parents.get(element.path) ?? [])
        .filter((child) => !(kind === 'primitive' && child.path.endsWith('.value')))
        .map((child) => compactElement(child, paths));
      return [
        element.path,
        {
          kind,
          ...(root && structure.abstract === true ? { abstract: true as const } : {}),
          ...(base === '' ? {} : { base }),
          elements: children,
        },
      ];
    });
}

/** Leaves out what a type inherits unchanged. */
function withoutInherited(types: Readonly<Record<string, CompactType>>): Record<string, CompactType> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => {
      const inherited = new Set((types[type.base ?? '']?.elements ?? []).map((element) => JSON.stringify(element)));
      return [name, { ...type, elements: type.elements.filter((element) => !inherited.has(JSON.stringify(element))) }];
    }),
  );
}

function compactParameter(parameter: Source): CompactParameter {
  const components = (parameter.component ?? []).flatMap(({ definition, expression }) => [definition, expression]);
  return [
    parameter.url.replace(SEARCH_PARAMETER, ''),
    parameter.code ?? '',
    parameter.name ?? '',
    parameter.type ?? '',
    (parameter.base ?? []).join(' '),
    parameter.expression ?? '',
    (parameterTargets[parameter.id] ?? parameter.target ?? []).join(' '),
    (parameter.description ?? '').replaceAll('\r', ''),
    ...components,
  ];
}

function compactCompartment(compartment: Source): Snapshot['compartments'][string] {
  const types = (compartment.resource ?? [])
    .filter(({ param }) => param !== undefined && param.length > 0)
    .map(({ code, param }): [string, string] => [code, (param ?? []).join(' ')]);
  return { url: compartment.url, types: Object.fromEntries(types) };
}

/** The code systems a value set includes, through those it imports too. */
function systemsOf(canonical: string, valueSets: ReadonlyMap<string, Source>): readonly string[] {
  const [url = ''] = canonical.split('|');
  const includes = valueSets.get(url)?.compose?.include ?? [];
  return includes.flatMap(({ system, valueSet = [] }) =>
    system === undefined ? valueSet.flatMap((imported) => systemsOf(imported, valueSets)) : [system],
  );
}

function snapshot(): Snapshot {
  const resources = read('profiles-resources.json');
  const structures = [...read('profiles-types.json'), ...resources].filter(
    ({ resourceType, id, kind, derivation }) =>
      resourceType === 'StructureDefinition' &&
      derivation !== 'constraint' &&
      kind !== 'logical' &&
      !foreignTypes.has(id),
  );
  const types = Object.fromEntries([
    ...structures.flatMap(typesOfStructure),
    ['EvidenceVariable.characteristic', evidenceVariableCharacteristic.type],
  ]);
  const evidenceVariable = types.EvidenceVariable;
  if (evidenceVariable !== undefined)
    types.EvidenceVariable = {
      ...evidenceVariable,
      elements: [...evidenceVariable.elements, evidenceVariableCharacteristic.element],
    };
  const terminology = ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'].flatMap(read);
  const valueSets = new Map(
    terminology.filter(({ resourceType }) => resourceType === 'ValueSet').map((valueSet) => [valueSet.url, valueSet]),
  );
  const bound = new Set(
    Object.values(types).flatMap(({ elements }) =>
      elements.flatMap((element) => [element[6], element[7]].map((valueSet) => valueSet?.split('|')[0] ?? '')),
    ),
  );
  const systems = [...bound].sort().flatMap((url): [string, string][] => {
    const [system, ...others] = new Set(systemsOf(url, valueSets));
    return system === undefined || others.length > 0 ? [] : [[url, system]];
  });
  const systemsWith = (caseSensitive: boolean): string[] =>
    terminology
      .filter((source) => source.resourceType === 'CodeSystem' && source.caseSensitive === caseSensitive)
      .map(({ url }) => url);
  return {
    types: withoutInherited(types),
    parameters: read('search-parameters.json')
      .filter(({ id }) => !foreignParameters.has(id))
      .map(compactParameter),
    compartments: Object.fromEntries(
      resources
        .filter(({ resourceType }) => resourceType === 'CompartmentDefinition')
        .map((compartment) => [compartment.code ?? '', compactCompartment(compartment)]),
    ),
    systems: Object.fromEntries(systems),
    caseSensitive: [...new Set([...systemsWith(true), ...caseSensitiveSystems])],
    caseInsensitive: [...new Set(systemsWith(false))],
  };
}

writeDist('definitions.json', JSON.stringify(snapshot()));
