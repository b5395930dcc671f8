/** What a profile fixes, as it is written into resources. https://hl7.org/fhir/R4/profiling.html#slicing */
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../fhir/exact-json.ts';
import type { ElementNode } from './element-tree.ts';
import { copyOf } from './json.ts';
import type { Step } from './template.ts';

/** Whether an element or one within it is a column. */
export function hasColumns({ column, children }: ElementNode): boolean {
  return column !== undefined || children.some(hasColumns);
}

/** The fixed content of an element that is made; `defaults`: also of simple elements that are columns. */
function contentOf(node: ElementNode, defaults: boolean): ExactJson | undefined {
  const own = node.fixed === undefined ? undefined : copyOf(node.fixed);
  if (own !== undefined && !isExactObject(own)) return own;
  const content = own ?? exactObject();
  for (const child of node.children) {
    if (child.slice !== undefined && child.min === 0) continue;
    if (hasColumns(child) && !(defaults && isDefault(child))) continue;
    const inner = contentOf(child, defaults);
    if (inner === undefined) continue;
    const present = content[child.property];
    if (!child.array)
      content[child.property] = isExactObject(inner) && isExactObject(present) ? { ...present, ...inner } : inner;
    else if (Array.isArray(inner)) content[child.property] = inner;
    else if (Array.isArray(present)) present.push(inner);
    else content[child.property] = [inner];
  }
  return Object.keys(content).length === 0 ? undefined : content;
}

/** A simple value that counts where its column is empty. */
export function isDefault({ column, fixed }: ElementNode): boolean {
  return column !== undefined && fixed !== undefined && !isExactObject(fixed) && !Array.isArray(fixed);
}

function objectOf(content: ExactJson | undefined): ExactObject | undefined {
  return isExactObject(content) ? content : undefined;
}

/** The fixed content of a resource. */
export function rootContent(root: ElementNode): ExactObject {
  return objectOf(contentOf(root, true)) ?? exactObject();
}

/** The step to a child of an element. */
export function stepTo(parent: ElementNode, node: ElementNode): Step {
  const slices = parent.children.filter((each) => each.property === node.property && each.slice !== undefined);
  const others = node.slice === undefined ? slices : [];
  return {
    node,
    content: objectOf(contentOf(node, true)),
    mark: node.slice === undefined ? undefined : objectOf(contentOf(node, false)),
    others: others.map((each) => objectOf(contentOf(each, false))).filter((mark) => mark !== undefined),
  };
}
