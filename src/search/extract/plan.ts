/** The routes of all parameters of a type as one tree, so that a resource is walked once. https://hl7.org/fhir/R4/search.html */
import type { JsonObject, JsonValue, Resource } from '../../fhir/resource.ts';
import { isArray, isObject } from '../../fhir/resource.ts';
import type { Pieces } from '../../fhir/steps.ts';
import type { IndexValue } from '../entry.ts';
import type { Converter } from './converter.ts';
import type { Equality, Guard, Route } from './route.ts';

/** The values found so far, by the number of the parameter they belong to. */
export type Slots = (IndexValue[] | undefined)[];

/** What is done with values at one place of the resource. */
export interface PlanNode {
  readonly emitters: Emitter[];
  readonly edges: Edge[];
  readonly guarded: { readonly guard: Guard; readonly node: PlanNode }[];
  /** Guards that ask for a text of a property, by both: a type has dozens of `extension.where(url = '…')`. */
  readonly byText: Map<string, Map<string, PlanNode>>;
  /** The edges by property, once there are so many that a look-up beats trying each. */
  byProperty: Map<string, Edge[]> | undefined;
}

interface Edge {
  readonly property: string;
  /** undefined: every item. */
  readonly index: number | undefined;
  readonly node: PlanNode;
}

/** A converter with the slots that take its values; `key` is equal for converters that do the same. */
interface Emitter {
  readonly key: string;
  readonly convert: Converter;
  readonly slots: number[];
}

/** With more edges than this the properties of an object are looked up, not the other way round. */
const fewEdges = 6;

export function emptyPlan(): PlanNode {
  return { emitters: [], edges: [], guarded: [], byText: new Map(), byProperty: undefined };
}

/** Adds a route to a plan. `key` names what the converter does, so that parameters with the same values share it. */
export function addRoute(plan: PlanNode, route: Route, key: string, convert: Converter, slot: number): void {
  let node = plan;
  for (const [n, step] of route.steps.entries()) {
    if (step.kind === 'guard' && step.equals !== undefined) {
      node = nodeOfText(node, step.equals);
    } else if (step.kind === 'guard') {
      const next = emptyPlan();
      node.guarded.push({ guard: step.guard, node: next });
      node = next;
    } else if (step.kind === 'property') {
      const after = route.steps[n + 1];
      node = follow(node, step.element.name, after?.kind === 'index' ? after.index : undefined);
    }
  }
  addEmitter(node, key, convert, slot);
}

function nodeOfText({ byText }: PlanNode, { property, text }: Equality): PlanNode {
  const texts = byText.get(property) ?? new Map<string, PlanNode>();
  byText.set(property, texts);
  const next = texts.get(text) ?? emptyPlan();
  texts.set(text, next);
  return next;
}

/** Adds a converter for the values at a node. */
export function addEmitter(node: PlanNode, key: string, convert: Converter, slot: number): void {
  const emitter = node.emitters.find((each) => each.key === key);
  if (emitter === undefined) node.emitters.push({ key, convert, slots: [slot] });
  else if (!emitter.slots.includes(slot)) emitter.slots.push(slot);
}

function follow(node: PlanNode, property: string, index: number | undefined): PlanNode {
  const known = node.edges.find((edge) => edge.property === property && edge.index === index);
  if (known !== undefined) return known.node;
  const edge = { property, index, node: emptyPlan() };
  node.edges.push(edge);
  if (node.edges.length > fewEdges) {
    node.byProperty = new Map();
    for (const each of node.edges) {
      node.byProperty.set(each.property, [...(node.byProperty.get(each.property) ?? []), each]);
    }
  }
  return edge.node;
}

/**
 * Walks a value by a plan and appends what its converters find to the slots. `pieces`: those in which a large resource is gone through;
 * absent: at once.
 */
export function walk(node: PlanNode, value: JsonValue, resource: Resource, slots: Slots, pieces?: Pieces): void {
  for (const emitter of node.emitters) emit(emitter, value, resource, slots);
  if (node.edges.length > 0 && isObject(value)) walkProperties(node, value, resource, slots, pieces);
  if (node.byText.size > 0 && isObject(value)) {
    for (const [property, texts] of node.byText) {
      const found = value[property];
      const inner = typeof found === 'string' ? texts.get(found) : undefined;
      if (inner !== undefined) walk(inner, value, resource, slots, pieces);
    }
  }
  for (const { guard, node: inner } of node.guarded)
    if (guard(value, resource)) walk(inner, value, resource, slots, pieces);
}

function walkProperties(
  node: PlanNode,
  value: JsonObject,
  resource: Resource,
  slots: Slots,
  pieces: Pieces | undefined,
): void {
  if (node.byProperty === undefined) {
    for (const edge of node.edges) {
      const found = value[edge.property];
      if (found !== undefined) walkEdge(edge, found, resource, slots, pieces);
    }
    return;
  }
  for (const property in value) {
    const edges = node.byProperty.get(property);
    const found = value[property];
    if (edges === undefined || found === undefined) continue;
    for (const edge of edges) walkEdge(edge, found, resource, slots, pieces);
  }
}

function walkEdge(
  { index, node }: Edge,
  value: JsonValue,
  resource: Resource,
  slots: Slots,
  pieces: Pieces | undefined,
): void {
  if (!isArray(value)) {
    if (value !== null && (index === undefined || index === 0)) walk(node, value, resource, slots, pieces);
    return;
  }
  walkItems(node, index === undefined ? value : value.slice(index, index + 1), 0, resource, slots, pieces);
}

/** As many as the piece has room for, and the others later. */
function walkItems(
  node: PlanNode,
  items: readonly JsonValue[],
  from: number,
  resource: Resource,
  slots: Slots,
  pieces: Pieces | undefined,
): void {
  for (let at = from; at < items.length; at++) {
    if (pieces?.isFull() === true) {
      pieces.putOff(() => walkItems(node, items, at, resource, slots, pieces));
      return;
    }
    const item = items[at];
    if (item !== undefined && item !== null) walk(node, item, resource, slots, pieces);
  }
}

function emit({ convert, slots: numbers }: Emitter, value: JsonValue, resource: Resource, slots: Slots): void {
  const [first] = numbers;
  if (first === undefined) return;
  const values = slots[first] ?? [];
  slots[first] = values;
  const before = values.length;
  convert(value, values, resource);
  if (numbers.length === 1 || values.length === before) return;
  for (let n = 1; n < numbers.length; n++) {
    const slot = numbers[n];
    if (slot === undefined) continue;
    const other = slots[slot] ?? [];
    slots[slot] = other;
    for (let at = before; at < values.length; at++) {
      const found = values[at];
      if (found !== undefined) other.push(found);
    }
  }
}
