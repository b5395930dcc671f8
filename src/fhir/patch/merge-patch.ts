/** JSON Merge Patch: members replace, null removes, arrays are replaced whole. https://datatracker.ietf.org/doc/html/rfc7386 */
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../exact-json.ts';
import { failure } from '../outcome.ts';

/**
 * The resource with the patch merged into it; members keep their places, new ones follow. Neither argument is changed.
 * Throws OutcomeError 400 where the patch isn't a JSON object, which could not leave a resource.
 */
export function applyMergePatch(resource: ExactObject, document: ExactJson): ExactObject {
  if (!isExactObject(document)) throw failure(400, 'structure', 'A merge patch of a resource is a JSON object.');
  return merge(resource, document);
}

function merge(target: ExactObject, patch: ExactObject): ExactObject {
  const merged = exactObject();
  for (const [name, value] of Object.entries(target)) {
    const change = Object.hasOwn(patch, name) ? patch[name] : undefined;
    if (change === undefined) merged[name] = value;
    else if (change !== null) merged[name] = mergeValue(value, change);
  }
  for (const [name, change] of Object.entries(patch)) {
    if (change !== null && !Object.hasOwn(target, name)) merged[name] = mergeValue(null, change);
  }
  return merged;
}

function mergeValue(target: ExactJson, patch: ExactJson): ExactJson {
  if (!isExactObject(patch)) return patch;
  return merge(isExactObject(target) ? target : exactObject(), patch);
}
