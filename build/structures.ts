/** Cuts R4's structure definitions from their package down to `dist/structures.ndjson`. https://hl7.org/fhir/R4/structuredefinition.html */
import { type CompactElement, MODIFIER, SUMMARY } from '../src/fhir/definitions/compact.ts';
import { evidenceVariableCharacteristic } from './evidence-variable.ts';
import { elementCorrections, foreignElements, foreignTypes } from './r4-corrections.ts';
import { Lines, readBundle } from './r4-files.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type Source = Readonly<Record<string, Json>>;

/** What is kept of a definition; of its snapshot, what `keptOfElement` has. */
const kept = new Set([
  ...[
    'resourceType',
    'id',
    'url',
    'version',
    'name',
    'status',
    'fhirVersion',
    'kind',
    'abstract',
    'context',
    'contextInvariant',
  ],
  ...['type', 'baseDefinition', 'derivation'],
]);

/** What is kept of an element: what tells which values it may have. */
const keptOfElement = new Set([
  ...['id', 'path', 'sliceName', 'slicing', 'min', 'max', 'type', 'contentReference', 'maxLength', 'condition'],
  ...['constraint', 'mustSupport', 'isModifier', 'isSummary', 'binding'],
]);

/** What is kept of objects within an element, by the element's member. */
const keptWithin: Readonly<Record<string, ReadonlySet<string>>> = {
  slicing: new Set(['discriminator', 'ordered', 'rules']),
  constraint: new Set(['key', 'severity', 'human', 'expression']),
  type: new Set(['extension', 'code', 'profile', 'targetProfile', 'aggregation', 'versioning']),
  binding: new Set(['extension', 'strength', 'valueSet']),
};

/** Extensions that say what an element may have. */
const keptExtensions = new Set([
  'http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type',
  'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet',
  'http://hl7.org/fhir/StructureDefinition/elementdefinition-minValueSet',
]);

/** Every element has it, and no JSON without it passes the checks of its structure. */
const implied = 'ele-1';
/** Every element `extension` repeats it from the type Extension. */
const ofExtension = 'ext-1';

function isSource(value: Json | undefined): value is Source {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sources(value: Json | undefined): readonly Source[] {
  return Array.isArray(value) ? value.filter(isSource) : [];
}

function only(source: Source, names: ReadonlySet<string>): Source {
  return Object.fromEntries(
    Object.entries(source).flatMap(([name, member]): [string, Json][] => {
      if (!names.has(name)) return [];
      if (name !== 'extension') return [[name, member]];
      const extensions = sources(member).filter(({ url }) => typeof url === 'string' && keptExtensions.has(url));
      return extensions.length === 0 ? [] : [[name, extensions]];
    }),
  );
}

function cutMember(name: string, value: Json): Json {
  const names = keptWithin[name];
  if (names === undefined) return value;
  return Array.isArray(value)
    ? sources(value).map((each) => only(each, names))
    : isSource(value)
      ? only(value, names)
      : value;
}

function cutElement(element: Source): Source {
  const members = Object.entries(element).flatMap(([name, value]): [string, Json][] => {
    if (!keptOfElement.has(name) && !/^(?:fixed|pattern|minValue|maxValue)[A-Z]/.test(name)) return [];
    // What is false is said by its absence.
    return value === false && name.startsWith('is') ? [] : [[name, cutMember(name, value)]];
  });
  const cut = corrected(Object.fromEntries(members));
  const constraint = sources(cut.constraint).filter(
    ({ key }) => key !== implied && (key !== ofExtension || element.path === 'Extension'),
  );
  const { constraint: _all, ...others } = cut;
  return constraint.length === 0 ? others : { ...others, constraint };
}

const definitionOf = (type: string): string => `http://hl7.org/fhir/StructureDefinition/${type}`;

/** `Reference(Group),code` as an element's types. */
function typesOf(compact: string): readonly Source[] {
  return compact.split(',').map((text) => {
    const [code = '', targets = ''] = text.replace(')', '').split('(');
    return targets === '' ? { code } : { code, targetProfile: targets.split('|').map(definitionOf) };
  });
}

function corrected(element: Source): Source {
  const correction = typeof element.path === 'string' ? elementCorrections[element.path] : undefined;
  if (correction === undefined) return element;
  const { types, valueSet } = correction;
  return {
    ...element,
    ...(types === undefined ? {} : { type: typesOf(types) }),
    ...(valueSet === undefined ? {} : { binding: { strength: 'required', valueSet } }),
  };
}

function isForeign(path: string): boolean {
  return foreignElements.has(path) || (path.includes('.') && isForeign(path.slice(0, path.lastIndexOf('.'))));
}

function ofCompact(path: string, [name, types, min, max, flags = 0, strength, valueSet]: CompactElement): Source {
  return {
    id: `${path}.${name}`,
    path: `${path}.${name}`,
    min,
    max: max < 0 ? '*' : String(max),
    type: types === `${path}.${name}` ? [{ code: 'BackboneElement' }] : typesOf(types),
    ...((flags & MODIFIER) === 0 ? {} : { isModifier: true }),
    ...((flags & SUMMARY) === 0 ? {} : { isSummary: true }),
    ...(strength === undefined || valueSet === undefined ? {} : { binding: { strength, valueSet } }),
  };
}

/** The elements of a definition, with what R4 has where the package has another version's. */
function elementsOf(definition: Source): readonly Source[] {
  const snapshot = definition.snapshot;
  const elements = sources(isSource(snapshot) ? snapshot.element : undefined)
    .filter(({ path }) => typeof path === 'string' && !isForeign(path))
    .map(cutElement);
  if (definition.type !== 'EvidenceVariable') return elements;
  const { element, type } = evidenceVariableCharacteristic;
  const path = `EvidenceVariable.${element[0]}`;
  return [...elements, ofCompact('EvidenceVariable', element), ...type.elements.map((each) => ofCompact(path, each))];
}

const lines = new Lines<'StructureDefinition'>({ StructureDefinition: {} });
const files = ['profiles-types.json', 'profiles-resources.json', 'profiles-others.json', 'extension-definitions.json'];
for (const definition of files.flatMap((file) => readBundle<Source>(file))) {
  const { resourceType, id, url } = definition;
  if (resourceType !== 'StructureDefinition' || typeof url !== 'string' || typeof id !== 'string') continue;
  if (foreignTypes.has(id)) continue;
  const cut = { ...only(definition, kept), snapshot: { element: elementsOf(definition) } };
  lines.add('StructureDefinition', url, cut);
}
lines.write('structures.ndjson');
