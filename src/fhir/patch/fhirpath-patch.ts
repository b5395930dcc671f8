/** FHIRPath Patch: add, insert, delete, replace, move. https://hl7.org/fhir/R4/fhirpatch.html */
import type { Definitions, TypeDefinition } from '../definitions/definitions.ts';
import type { ExactJson, ExactObject } from '../exact-json.ts';
import { failure, type OutcomeError } from '../outcome.ts';
import { type Budget, startBudget } from './budget.ts';
import { type Item, readList, renameProperty, writeItem, writeList } from './element-list.ts';
import { copyOf } from './exact-compare.ts';
import { type FhirPathOperation, readOperations } from './fhirpath-operation.ts';
import { makeObjectAt, type Place, removeAt, type Selected, typeOf } from './fhirpath-place.ts';
import { select } from './fhirpath-select.ts';
import { addTo, elementFor, itemFor, type Site } from './fhirpath-value.ts';

/**
 * The resource after all operations, each applied to what the one before it left. Neither argument is changed.
 * Throws OutcomeError 400 where the patch is malformed; 422 where a path selects no element (but for a delete) or too
 * many, a value has the wrong type, or an index is out of range. `expression` names the operation's part of Parameters.
 */
export function applyFhirPathPatch(resource: ExactObject, document: ExactJson, definitions: Definitions): ExactObject {
  const operations = readOperations(document);
  const result = copyOf(resource);
  const budget = startBudget();
  for (const operation of operations) perform(result, operation, definitions, budget);
  return result;
}

function perform(resource: ExactObject, operation: FhirPathOperation, definitions: Definitions, budget: Budget): void {
  budget(operation.title, operation.expression);
  const selected = select(resource, operation.path, definitions, operation, budget);
  switch (operation.type) {
    case 'add':
      add(resource, one(selected, operation), operation, definitions);
      break;
    case 'delete':
      // R4: "the element to delete (if found)".
      if (selected.length > 0) removeAt(element(one(selected, operation), operation));
      break;
    case 'replace':
      replace(element(one(selected, operation), operation), operation, definitions);
      break;
    case 'insert':
      insert(listOf(selected, operation), operation, definitions);
      break;
    case 'move':
      move(listOf(selected, operation), operation);
      break;
  }
}

type Operation<T extends FhirPathOperation['type']> = Extract<FhirPathOperation, { readonly type: T }>;

function insert(list: Place, operation: Operation<'insert'>, definitions: Definitions): void {
  const items = readList(list.holder, list.element.name);
  if (operation.index > items.length) throw failing(operation, `the list takes indexes from 0 to ${items.length}`);
  const item = copyOfItem(itemFor(list.element, operation.value, definitions, operation));
  writeList(list.holder, list.element.name, items.toSpliced(operation.index, 0, item));
}

function move(list: Place, operation: Operation<'move'>): void {
  const items = readList(list.holder, list.element.name);
  const moved = items[operation.source];
  if (moved === undefined || operation.destination >= items.length) {
    throw failing(operation, `the list has indexes from 0 to ${items.length - 1}`);
  }
  const rest = items.toSpliced(operation.source, 1);
  writeList(list.holder, list.element.name, rest.toSpliced(operation.destination, 0, moved));
}

function add(resource: ExactObject, parent: Selected, operation: Operation<'add'>, definitions: Definitions): void {
  const holder = parent === 'resource' ? resource : makeObjectAt(parent);
  const type = typeOf(holder, parent === 'resource' ? undefined : parent.element, definitions);
  if (type === undefined) throw failing(operation, 'the path leads to an element of no known type');
  const target = elementFor(type, operation.name, operation.value, operation);
  if (target.choice !== undefined) checkChoiceFree(holder, target.choice, type, operation);
  addTo(holder, target, copyOfItem(itemFor(target, operation.value, definitions, operation)), operation);
}

function checkChoiceFree(
  holder: ExactObject,
  choice: string,
  type: TypeDefinition,
  operation: FhirPathOperation,
): void {
  for (const { name, choice: other } of type.elements.values()) {
    if (other === choice && (name in holder || `_${name}` in holder)) {
      throw failing(operation, 'the element is there already and takes one value; replace it');
    }
  }
}

function replace(place: Place, operation: Operation<'replace'>, definitions: Definitions): void {
  const { holder, type, element, index } = place;
  const target = elementFor(type, element.choice ?? element.name, operation.value, operation);
  const item = copyOfItem(itemFor(target, operation.value, definitions, operation));
  if (index !== undefined) {
    writeList(holder, element.name, readList(holder, element.name).with(index, item));
    return;
  }
  renameProperty(holder, element.name, target.name);
  writeItem(holder, target.name, item);
}

/** The one element that a path selects. */
function one(selected: readonly Selected[], operation: FhirPathOperation): Selected {
  const [first] = selected;
  if (first === undefined) throw failing(operation, 'the path selects nothing in this resource');
  if (selected.length > 1) throw failing(operation, `the path selects ${selected.length} elements instead of one`);
  return first;
}

function element(selected: Selected, operation: FhirPathOperation): Place {
  if (selected === 'resource') throw failing(operation, 'the path selects the resource itself');
  return selected;
}

/** The list that an insert or move works on: the path has to select all of its items. */
function listOf(selected: readonly Selected[], operation: FhirPathOperation): Place {
  const [first, ...others] = selected.map((one) => element(one, operation));
  if (first === undefined) throw failing(operation, 'the path selects nothing in this resource');
  if (!first.element.array) throw failing(operation, 'the path selects an element that does not repeat');
  const whole =
    first.index === 0 &&
    others.length + 1 === readList(first.holder, first.element.name).length &&
    others.every(
      (other, at) => other.holder === first.holder && other.element === first.element && other.index === at + 1,
    );
  if (!whole) throw failing(operation, 'the path has to select one whole list');
  return first;
}

function copyOfItem(item: Item): Item {
  return {
    value: item.value === undefined ? undefined : copyOf(item.value),
    extra: item.extra === undefined ? undefined : copyOf(item.extra),
  };
}

function failing(site: Site, why: string): OutcomeError {
  return failure(422, 'processing', `${site.title} fails: ${why}; nothing was changed.`, site.expression);
}
