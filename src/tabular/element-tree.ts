/** The elements that profiles constrain, as a tree of JSON properties. https://hl7.org/fhir/R4/elementdefinition.html */
import type { Definitions, ElementDefinition } from '../fhir/definitions/definitions.ts';
import { type ExactJson, exactOf } from '../fhir/exact-json.ts';
import { failure } from '../fhir/outcome.ts';
import { isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { extensions, objects, text, texts } from './json.ts';

/** On an element: the column of CSV that has its value. */
export const columnExtension = 'http://osteon.example/StructureDefinition/csv-column';

/** An element, or a slice of one. */
export interface ElementNode {
  /** In JSON: `valueQuantity`. */
  readonly property: string;
  readonly slice: string | undefined;
  /** With slices: `Patient.identifier:mrn.value`. */
  readonly path: string;
  /** A data type, or the path of a backbone element. */
  readonly type: string;
  /** Whether JSON has an array here. */
  readonly array: boolean;
  readonly min: number;
  readonly max: number;
  /** What the profile fixes, or has as its pattern. */
  readonly fixed: ExactJson | undefined;
  readonly binding: { readonly strength: string; readonly valueSet: string } | undefined;
  /** Profiles of its type: the definition of an extension. */
  readonly profiles: readonly string[];
  /** Canonicals of what a reference may lead to. */
  readonly targets: readonly string[];
  readonly column: string | undefined;
  readonly children: readonly ElementNode[];
}

/** A node while layers are laid over each other. */
interface Draft {
  readonly property: string;
  readonly slice: string | undefined;
  readonly path: string;
  readonly definition: ElementDefinition;
  readonly children: Draft[];
  min?: number;
  max?: number;
  fixed?: ExactJson;
  binding?: ElementNode['binding'];
  profiles?: readonly string[];
  targets?: readonly string[];
  column?: string;
}

/**
 * The tree of a profile. `layers`: StructureDefinitions of one type, each a constraint of the one before it.
 * Throws 422 for an element that the type doesn't have.
 */
export function elementTree(type: string, layers: readonly JsonObject[], definitions: Definitions): ElementNode {
  const root: Draft = {
    property: type,
    slice: undefined,
    path: type,
    definition: {
      name: type,
      type,
      array: false,
      min: 1,
      max: 1,
      summary: false,
      modifier: false,
      extensible: false,
      targets: [],
    },
    children: [],
  };
  for (const layer of layers) {
    for (const element of elementsOf(layer)) {
      const draft = draftOf(root, element, definitions);
      if (draft !== undefined) constrain(draft, element);
      else if (extensions(element, columnExtension).length > 0) {
        const path = text(element.path);
        throw failure(422, 'processing', `${path} is a column and has no type: the profile must choose one.`, path);
      }
    }
  }
  return finished(root);
}

/** Differentials are enough, since each layer lies on the one before it. */
function elementsOf({ differential, snapshot }: JsonObject): readonly JsonObject[] {
  const differences = isObject(differential) ? objects(differential.element) : [];
  return differences.length > 0 || !isObject(snapshot) ? differences : objects(snapshot.element);
}

/** The place of an element in the tree; undefined for one whose choice of types is still open. */
function draftOf(root: Draft, element: JsonObject, definitions: Definitions): Draft | undefined {
  const id = text(element.id) === '' ? pathWithSlice(element) : text(element.id);
  const [, ...steps] = id.split('.');
  let at = root;
  for (const [index, step] of steps.entries()) {
    const last = index === steps.length - 1;
    const next = childOf(at, step, last ? element : undefined, definitions);
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

function pathWithSlice({ path, sliceName }: JsonObject): string {
  return text(sliceName) === '' ? text(path) : `${text(path)}:${text(sliceName)}`;
}

function childOf(
  parent: Draft,
  step: string,
  element: JsonObject | undefined,
  definitions: Definitions,
): Draft | undefined {
  const colon = step.indexOf(':');
  const name = colon < 0 ? step : step.slice(0, colon);
  const sliced = colon < 0 ? undefined : step.slice(colon + 1);
  const elements = definitions.type(parent.definition.type)?.elements;
  const choice = name.endsWith('[x]') ? name.slice(0, -3) : undefined;
  const property = choice === undefined ? name : chosen(parent, choice, sliced, element, elements);
  if (property === undefined) return undefined;
  const definition = elements?.get(property);
  if (definition === undefined) {
    throw failure(422, 'processing', `${parent.path} has no element ${name}, which a profile names.`, parent.path);
  }
  // A slice by type is the property itself.
  const slice = choice === undefined ? sliced : undefined;
  const known = parent.children.find((each) => each.property === property && each.slice === slice);
  if (known !== undefined) return known;
  const path = `${parent.path}.${property}${slice === undefined ? '' : `:${slice}`}`;
  const draft: Draft = { property, slice, path, definition, children: [] };
  parent.children.push(draft);
  return draft;
}

/** The property of a choice of types: by its slice, its only type, or the one that is there already. */
function chosen(
  parent: Draft,
  choice: string,
  slice: string | undefined,
  element: JsonObject | undefined,
  elements: ReadonlyMap<string, ElementDefinition> | undefined,
): string | undefined {
  if (slice !== undefined && elements?.get(slice)?.choice === choice) return slice;
  const types = element === undefined ? [] : objects(element.type);
  const [only] = types;
  if (types.length === 1 && only !== undefined) {
    const code = text(only.code);
    return choice + code.charAt(0).toUpperCase() + code.slice(1);
  }
  const known = parent.children.find(({ definition }) => definition.choice === choice);
  return known?.property;
}

/** Takes over what an element says of its place. */
function constrain(draft: Draft, element: JsonObject): void {
  if (typeof element.min === 'number') draft.min = element.min;
  if (typeof element.max === 'string') draft.max = element.max === '*' ? Number.POSITIVE_INFINITY : Number(element.max);
  const fixed = fixedOf(element);
  if (fixed !== undefined) draft.fixed = exactOf(fixed);
  const { binding } = element;
  if (isObject(binding) && text(binding.valueSet) !== '') {
    draft.binding = { strength: text(binding.strength), valueSet: text(binding.valueSet) };
  }
  const types = objects(element.type);
  const profiles = types.flatMap(({ profile }) => texts(profile));
  if (profiles.length > 0) draft.profiles = profiles;
  const targets = types.flatMap(({ targetProfile }) => texts(targetProfile));
  if (targets.length > 0) draft.targets = targets;
  const [column] = extensions(element, columnExtension);
  if (column !== undefined) draft.column = text(column.valueString);
}

function fixedOf(element: JsonObject): JsonValue | undefined {
  for (const [name, value] of Object.entries(element)) if (/^(?:fixed|pattern)[A-Z]/.test(name)) return value;
  return undefined;
}

function finished(draft: Draft): ElementNode {
  const { property, slice, path, definition, children } = draft;
  const bound = definition.binding;
  return {
    property,
    slice,
    path,
    type: definition.type,
    array: definition.array,
    // A slice that says nothing may be left out.
    min: draft.min ?? (slice === undefined ? definition.min : 0),
    max: draft.max ?? definition.max,
    fixed: draft.fixed,
    binding: draft.binding ?? bound,
    profiles: draft.profiles ?? [],
    targets: draft.targets ?? definition.targets.map((type) => `http://hl7.org/fhir/StructureDefinition/${type}`),
    column: draft.column,
    children: children.map(finished),
  };
}
