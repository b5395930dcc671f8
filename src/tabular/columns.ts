/** The columns that the elements of a profile have. https://hl7.org/fhir/R4/elementdefinition.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { primitives } from '../fhir/definitions/primitives.ts';
import { failure } from '../fhir/outcome.ts';
import { columnTypes } from './cell.ts';
import { isDefault, stepTo } from './content.ts';
import type { ElementNode } from './element-tree.ts';
import type { Column, Step } from './template.ts';

/** A column before its template gives it a place. */
export interface DraftColumn extends Pick<Column, 'name' | 'steps' | 'path' | 'type' | 'several'> {
  /** Whether every resource of the profile must have it. */
  readonly required: boolean;
}

/** The tree of an extension's own profile; undefined: it is not here. */
export type ExtensionTree = (url: string) => Promise<ElementNode | undefined>;

/**
 * The columns of a tree, in its order. Throws 422 for an element that can't be one, and for an extension whose profile is not here
 * or has no single value.
 */
export async function columnsOf(root: ElementNode, extension: ExtensionTree): Promise<readonly DraftColumn[]> {
  const columns: DraftColumn[] = [];
  const visit = async (parent: ElementNode, steps: readonly Step[], required: boolean): Promise<void> => {
    for (const child of parent.children) {
      const needed = required && child.min > 0;
      const { column } = child;
      if (column !== undefined && child.type === 'Extension') {
        columns.push(await extensionColumn(column, parent, child, steps, needed, extension));
        continue;
      }
      const all = [...steps, stepTo(parent, child)];
      if (column !== undefined) columns.push(draft(column, child, all, child.path, needed && !isDefault(child)));
      await visit(child, all, needed);
    }
  };
  await visit(root, [], true);
  return columns;
}

function draft(name: string, node: ElementNode, steps: readonly Step[], path: string, required: boolean): DraftColumn {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw failure(
      422,
      'processing',
      `${path} has the column "${name.slice(0, 80)}": names are of a-z, 0-9 and _.`,
      path,
    );
  }
  if (!columnTypes.has(node.type) && !primitives.has(node.type)) {
    throw failure(422, 'processing', `${path} is of type ${node.type}, which has no single value for a column.`, path);
  }
  const several = node.array && node.max > 1 ? steps.length - 1 : undefined;
  return { name, steps, path, type: node.type, several, required };
}

/** The column of an extension: its value, whose type and codes its own profile says. */
async function extensionColumn(
  name: string,
  parent: ElementNode,
  node: ElementNode,
  steps: readonly Step[],
  required: boolean,
  extension: ExtensionTree,
): Promise<DraftColumn> {
  const [url] = node.profiles;
  const tree = url === undefined ? undefined : await extension(url);
  if (url === undefined || tree === undefined) {
    const text = `${node.path} is an extension without a profile that is here${url === undefined ? '' : `: ${url.slice(0, 200)}`}.`;
    throw failure(422, 'processing', text, node.path);
  }
  const own = node.children.find(({ property }) => property.startsWith('value'));
  const value = tree.children.find(({ property, max }) => property.startsWith('value') && max > 0) ?? own;
  if (value === undefined) {
    throw failure(422, 'processing', `${node.path} has no single value of one type: it can't be a column.`, node.path);
  }
  const urlNode: ElementNode = {
    ...value,
    property: 'url',
    path: `${node.path}.url`,
    type: 'uri',
    fixed: url.replace(/\|.*/, ''),
    min: 1,
    column: undefined,
    binding: undefined,
    children: [],
  };
  const valueNode: ElementNode = { ...value, binding: own?.binding ?? value.binding, column: name };
  const made: ElementNode = { ...node, column: undefined, children: [urlNode, valueNode] };
  const all = [...steps, stepTo(parent, made), stepTo(made, valueNode)];
  const whole = draft(name, valueNode, all, node.path, required);
  return { ...whole, several: node.max > 1 ? all.length - 2 : undefined };
}

/** The steps to an element by its path, with slices: `Procedure.performer:surgeon.actor`; undefined: there is none. */
export function pathSteps(root: ElementNode, path: string, definitions: Definitions): readonly Step[] | undefined {
  const [, ...names] = path.split('.');
  const steps: Step[] = [];
  let at = root;
  for (const name of names) {
    const [property = '', slice] = name.split(':');
    const next =
      at.children.find((each) => each.property === property && each.slice === slice) ??
      plainNode(at, property, definitions);
    if (next === undefined || (slice !== undefined && next.slice !== slice)) return undefined;
    steps.push(stepTo(at, next));
    at = next;
  }
  return steps;
}

/** An element of which the profile says nothing. */
function plainNode(parent: ElementNode, property: string, definitions: Definitions): ElementNode | undefined {
  const definition = definitions.type(parent.type)?.elements.get(property);
  if (definition === undefined) return undefined;
  return {
    property,
    slice: undefined,
    path: `${parent.path}.${property}`,
    type: definition.type,
    array: definition.array,
    min: definition.min,
    max: definition.max,
    fixed: undefined,
    binding: definition.binding,
    profiles: [],
    targets: [],
    column: undefined,
    children: [],
  };
}
