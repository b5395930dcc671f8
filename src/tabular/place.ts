/** Finds, writes and removes the element of a column in a resource. https://hl7.org/fhir/R4/profiling.html#slicing */
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../fhir/exact-json.ts';
import { copyOf, fits } from './json.ts';
import type { Step } from './template.ts';

/** Whether an item of a list is the one that a step means. */
function isMeant(item: ExactJson, { mark, others, node }: Step): boolean {
  if (mark !== undefined) return fits(item, mark);
  return node.slice !== undefined || !others.some((other) => fits(item, other));
}

/** The items that a step means. */
function itemsOf(parent: ExactObject, step: Step): readonly ExactJson[] {
  const member = parent[step.node.property];
  if (member === undefined) return [];
  if (!step.node.array) return [member];
  return Array.isArray(member) ? member.filter((item) => isMeant(item, step)) : [];
}

/** The values at the end of the steps; `several`: the step of which all items count, of others the first one. */
export function valuesAt(resource: ExactObject, steps: readonly Step[], several?: number): readonly ExactJson[] {
  const found: ExactJson[] = [];
  collect(resource, steps, 0, several, found);
  return found;
}

function collect(
  at: ExactJson,
  steps: readonly Step[],
  index: number,
  several: number | undefined,
  found: ExactJson[],
): void {
  const step = steps[index];
  if (step === undefined) {
    found.push(at);
    return;
  }
  if (!isExactObject(at)) return;
  const member = at[step.node.property];
  if (member === undefined) return;
  if (!step.node.array) {
    collect(member, steps, index + 1, several, found);
    return;
  }
  if (!Array.isArray(member)) return;
  for (const item of member) {
    if (!isMeant(item, step)) continue;
    collect(item, steps, index + 1, several, found);
    if (index !== several) return;
  }
}

/** Writes values at the end of the steps in place of those that are there; no values remove the element. */
export function putAt(
  resource: ExactObject,
  steps: readonly Step[],
  values: readonly ExactJson[],
  several?: number,
): void {
  if (values.length === 0) remove(resource, steps, 0, several);
  else put(resource, steps, 0, values, several);
}

function put(
  parent: ExactObject,
  steps: readonly Step[],
  index: number,
  values: readonly ExactJson[],
  several: number | undefined,
): void {
  const step = steps[index];
  if (step === undefined) return;
  const next = index + 1;
  if (next === steps.length) {
    setItems(parent, step, values);
  } else if (index === several) {
    const items = values.map((value) => {
      const item = made(step);
      put(item, steps, next, [value], several);
      return item;
    });
    setItems(parent, step, items);
  } else {
    put(itemFor(parent, step), steps, next, values, several);
  }
}

function made({ content }: Step): ExactObject {
  const copy = content === undefined ? undefined : copyOf(content);
  return isExactObject(copy) ? copy : exactObject();
}

/** The object that a step means, made where there is none. */
function itemFor(parent: ExactObject, step: Step): ExactObject {
  const { property, array } = step.node;
  const member = parent[property];
  const first = array && Array.isArray(member) ? member.find((each) => isMeant(each, step)) : member;
  if (isExactObject(first)) return first;
  const item = made(step);
  if (array) listOf(parent, step).push(item);
  else parent[property] = item;
  return item;
}

function listOf(parent: ExactObject, { node }: Step): ExactJson[] {
  const member = parent[node.property];
  if (Array.isArray(member)) return member;
  const list: ExactJson[] = [];
  parent[node.property] = list;
  return list;
}

/** Sets what a step means; other items of its list stay. */
function setItems(parent: ExactObject, step: Step, values: readonly ExactJson[]): void {
  const { property, array } = step.node;
  if (!array) {
    const [value] = values;
    if (value !== undefined) parent[property] = value;
    return;
  }
  const list = parent[property];
  if (!Array.isArray(list)) {
    parent[property] = [...values];
    return;
  }
  const first = list.findIndex((item) => isMeant(item, step));
  const others = list.filter((item) => !isMeant(item, step));
  const at = first < 0 ? others.length : list.slice(0, first).filter((item) => !isMeant(item, step)).length;
  parent[property] = [...others.slice(0, at), ...values, ...others.slice(at)];
}

/** Removes the element, and what had nothing else but fixed content around it. */
function remove(parent: ExactObject, steps: readonly Step[], index: number, several: number | undefined): void {
  const step = steps[index];
  if (step === undefined) return;
  const items = itemsOf(parent, step);
  const isLast = index === steps.length - 1;
  const concerned = isLast || index === several ? items : items.slice(0, 1);
  const gone = new Set<ExactJson>();
  for (const item of concerned) {
    if (!isLast) {
      if (!isExactObject(item)) continue;
      remove(item, steps, index + 1, several);
      if (!isBare(item, step)) continue;
    }
    gone.add(item);
  }
  if (gone.size === 0) return;
  const { property, array } = step.node;
  const member = parent[property];
  const left = array && Array.isArray(member) ? member.filter((item) => !gone.has(item)) : [];
  if (left.length > 0) parent[property] = left;
  else delete parent[property];
}

/** Whether an object has nothing that its step wouldn't give it. */
function isBare(item: ExactObject, { content }: Step): boolean {
  return Object.keys(item).length === 0 || (content !== undefined && fits(content, item));
}

/** FHIRPath of the element with the indexes that it has in this resource, as far as it is there. */
export function placeOf(resource: ExactObject, type: string, steps: readonly Step[]): string {
  let path = type;
  let at: ExactJson | undefined = resource;
  for (const step of steps) {
    path += `.${step.node.property}`;
    const member: ExactJson | undefined = isExactObject(at) ? at[step.node.property] : undefined;
    if (step.node.array && Array.isArray(member)) {
      const index = member.findIndex((item) => isMeant(item, step));
      path += index < 0 ? '' : `[${index}]`;
      at = member[index];
    } else {
      at = member;
    }
  }
  return path;
}
