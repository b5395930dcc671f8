/**
 * JSON Patch. https://datatracker.ietf.org/doc/html/rfc6902
 *
 * Our own, because the libraries copy by way of JSON.stringify, which loses the text of decimals, and walk the prototype.
 */
import { type ExactJson, type ExactObject, isExactObject } from '../exact-json.ts';
import { failure, type OutcomeError } from '../outcome.ts';
import { startBudget } from './budget.ts';
import { copyOf, sameValue, weightOf } from './exact-compare.ts';
import { arrayIndex, childOf, parsePointer, pointerExpression, valueAt } from './json-pointer.ts';

/** The characters that the copy operations of a patch may copy altogether. */
const MAX_COPIED = 8 * 1024 * 1024;

interface Operation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: readonly string[];
  readonly from: readonly string[];
  /** Null for operations without one. */
  readonly value: ExactJson;
  /** For people: `Operation 2 (replace /name/0/family)`. */
  readonly title: string;
}

/**
 * The document after all operations; it may be any JSON value. Neither argument is changed.
 * Throws OutcomeError 400 where the patch is malformed, 422 where an operation fails. `resourceType` begins expressions.
 */
export function applyJsonPatch(document: ExactJson, patch: ExactJson, resourceType: string): ExactJson {
  if (!Array.isArray(patch)) throw failure(400, 'structure', 'A JSON Patch is an array of operations.');
  const operations = patch.map(readOperation);
  let result = copyOf(document);
  const budget = startBudget();
  let copied = 0;
  for (const operation of operations) {
    budget(operation.title);
    if (operation.op === 'copy') {
      // A value copied into itself doubles: thirty operations would fill the memory.
      copied += weightOf(valueAt(result, operation.from) ?? null);
      if (copied > MAX_COPIED) throw failure(422, 'too-costly', `${operation.title} copies too much.`);
    }
    result = perform(result, operation, resourceType);
  }
  return result;
}

/** Applies a patch to a resource; throws OutcomeError 422 where the result is no JSON object. */
export function applyJsonPatchToResource(resource: ExactObject, patch: ExactJson): ExactObject {
  const type = typeof resource.resourceType === 'string' ? resource.resourceType : 'Resource';
  const result = applyJsonPatch(resource, patch, type);
  if (!isExactObject(result)) throw failure(422, 'processing', 'The patch leaves no resource.', type);
  return result;
}

function readOperation(item: ExactJson, index: number): Operation {
  const name = `Operation ${index + 1}`;
  if (!isExactObject(item)) throw malformed(`${name} is not a JSON object.`);
  const { op } = item;
  switch (op) {
    case 'add':
    case 'replace':
    case 'test': {
      const [path, text] = pointerOf(item, 'path', name, op);
      const { value } = item;
      if (value === undefined) throw malformed(`${name} (${op} ${text}) has no value.`);
      return { op, path, from: [], value, title: `${name} (${op} ${text})` };
    }
    case 'remove': {
      const [path, text] = pointerOf(item, 'path', name, op);
      return { op, path, from: [], value: null, title: `${name} (${op} ${text})` };
    }
    case 'move':
    case 'copy': {
      const [path, text] = pointerOf(item, 'path', name, op);
      const [from, fromText] = pointerOf(item, 'from', name, op);
      const title = `${name} (${op} ${fromText} to ${text})`;
      if (op === 'move' && from.length < path.length && from.every((token, at) => token === path[at])) {
        throw malformed(`${title} would move a value into itself.`);
      }
      return { op, path, from, value: null, title };
    }
    default:
      throw malformed(`${name} has no op that JSON Patch knows: add, remove, replace, move, copy, test.`);
  }
}

function pointerOf(item: ExactObject, member: 'path' | 'from', name: string, op: string): [readonly string[], string] {
  const text = item[member];
  if (typeof text !== 'string') throw malformed(`${name} (${op}) has no ${member}, a JSON Pointer.`);
  const tokens = parsePointer(text);
  if (tokens === undefined) {
    throw malformed(
      `${name} (${op}): ${member} is no JSON Pointer: it begins with '/', and '~' stands only in '~0' and '~1'.`,
    );
  }
  return [tokens, shortened(text)];
}

function perform(document: ExactJson, operation: Operation, type: string): ExactJson {
  switch (operation.op) {
    case 'test': {
      const found = required(document, operation, operation.path, type);
      if (!sameValue(found, operation.value)) {
        throw failing(operation, operation.path, type, 'the value is another one; nothing was changed');
      }
      return document;
    }
    case 'add':
      return add(document, operation, copyOf(operation.value), type);
    case 'remove':
      return remove(document, operation, operation.path, type);
    case 'replace':
      return replace(document, operation, type);
    case 'copy':
      return add(document, operation, copyOf(required(document, operation, operation.from, type)), type);
    case 'move': {
      const value = required(document, operation, operation.from, type);
      // The same place: removing and adding it again would only move a member to the end.
      if (
        operation.from.length === operation.path.length &&
        operation.from.every((t, at) => t === operation.path[at])
      ) {
        return document;
      }
      return add(remove(document, operation, operation.from, type), operation, value, type);
    }
  }
}

function add(document: ExactJson, operation: Operation, value: ExactJson, type: string): ExactJson {
  const last = operation.path.at(-1);
  if (last === undefined) return value;
  const parent = required(document, operation, operation.path.slice(0, -1), type);
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : arrayIndex(last);
    if (index === undefined || index > parent.length) {
      throw failing(operation, operation.path, type, `the array takes indexes from 0 to ${parent.length}, or '-'`);
    }
    parent.splice(index, 0, value);
  } else if (isExactObject(parent)) parent[last] = value;
  else throw failing(operation, operation.path, type, 'a primitive value has no members');
  return document;
}

function remove(document: ExactJson, operation: Operation, path: readonly string[], type: string): ExactJson {
  required(document, operation, path, type);
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = required(document, operation, path.slice(0, -1), type);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isExactObject(parent)) delete parent[last];
  return document;
}

function replace(document: ExactJson, operation: Operation, type: string): ExactJson {
  required(document, operation, operation.path, type);
  const last = operation.path.at(-1);
  const value = copyOf(operation.value);
  if (last === undefined) return value;
  const parent = required(document, operation, operation.path.slice(0, -1), type);
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else if (isExactObject(parent)) parent[last] = value;
  return document;
}

/** The value at a path; throws OutcomeError 422 naming the first step that isn't there. */
function required(document: ExactJson, operation: Operation, path: readonly string[], type: string): ExactJson {
  const found = valueAt(document, path);
  if (found !== undefined) return found;
  let steps = 0;
  for (let value: ExactJson | undefined = document; value !== undefined && steps < path.length; steps++) {
    value = childOf(value, path[steps] ?? '');
  }
  const missing = path.slice(0, steps);
  throw failing(operation, missing, type, `there is nothing at ${shortened(`/${missing.join('/')}`)}`);
}

function failing(operation: Operation, path: readonly string[], type: string, why: string): OutcomeError {
  const text = `${operation.title} fails: ${why}.`;
  return failure(422, 'processing', text, pointerExpression(type, path));
}

function malformed(text: string): OutcomeError {
  return failure(400, 'structure', text);
}

function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
