/** Applies a patch of any kind to a resource. https://hl7.org/fhir/R4/http.html#patch */
import type { Definitions } from '../definitions/definitions.ts';
import { type ExactJson, type ExactObject, exactObject, isExactObject } from '../exact-json.ts';
import { failure } from '../outcome.ts';
import type { JsonValue, Resource } from '../resource.ts';
import { identical, sameValue } from './exact-compare.ts';
import { applyFhirPathPatch } from './fhirpath-patch.ts';
import { applyJsonPatchToResource } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';

export type PatchKind = 'json-patch' | 'merge-patch' | 'fhirpath-patch';

export interface Patch {
  readonly kind: PatchKind;
  readonly document: ExactJson;
}

/**
 * The patched resource; the argument is not changed. Numbers and the order of members stay as written.
 * A `generated` narrative is removed where the patch changes other elements than `meta` and leaves `text` as it was.
 * Throws OutcomeError 400 for a malformed patch; 422 where an operation fails, or where `resourceType`, `id`,
 * `meta.versionId` or `meta.lastUpdated` would get another value (their own value may be written, and the last two left
 * out: the server sets them).
 */
export function applyPatch(resource: ExactObject, patch: Patch, definitions: Definitions): ExactObject {
  const result = perform(resource, patch, definitions);
  checkImmutable(resource, result);
  return withoutStaleNarrative(resource, result);
}

function perform(resource: ExactObject, patch: Patch, definitions: Definitions): ExactObject {
  switch (patch.kind) {
    case 'json-patch':
      return applyJsonPatchToResource(resource, patch.document);
    case 'merge-patch':
      return applyMergePatch(resource, patch.document);
    case 'fhirpath-patch':
      return applyFhirPathPatch(resource, patch.document, definitions);
  }
}

function checkImmutable(before: ExactObject, after: ExactObject): void {
  const type = typeof before.resourceType === 'string' ? before.resourceType : 'Resource';
  if (before.resourceType !== after.resourceType) {
    throw failure(422, 'business-rule', 'A patch can not change resourceType.', type);
  }
  if (!sameMember(before, after, 'id')) throw failure(422, 'business-rule', 'A patch can not change id.', `${type}.id`);
  const { meta } = before;
  const { meta: patched } = after;
  if (!isExactObject(patched)) return;
  for (const name of ['versionId', 'lastUpdated']) {
    if (name in patched && !(isExactObject(meta) && sameMember(meta, patched, name))) {
      throw failure(
        422,
        'business-rule',
        `A patch can not change meta.${name}: the server sets it.`,
        `${type}.meta.${name}`,
      );
    }
  }
}

function sameMember(a: ExactObject, b: ExactObject, name: string): boolean {
  const one = a[name];
  const other = b[name];
  return one === other || (one !== undefined && other !== undefined && sameValue(one, other));
}

/** https://hl7.org/fhir/R4/http.html#patch: the narrative must not be unsafe after the patch. */
function withoutStaleNarrative(before: ExactObject, after: ExactObject): ExactObject {
  const { text } = before;
  const { text: patched } = after;
  if (!isExactObject(text) || text.status !== 'generated' || patched === undefined) return after;
  if (!identical(text, patched) || identical(content(before), content(after))) return after;
  return without(after, 'text');
}

/** What a narrative may tell of: all members but `text` and `meta`. */
function content(resource: ExactObject): ExactObject {
  return without(resource, 'text', 'meta');
}

function without(resource: ExactObject, ...names: readonly string[]): ExactObject {
  const rest = exactObject();
  for (const [name, value] of Object.entries(resource)) if (!names.includes(name)) rest[name] = value;
  return rest;
}

/** The kind of patch that a `Content-Type` (parameters allowed) announces; undefined for a type that carries none. */
export function patchFormatOf(contentType: string): PatchKind | undefined {
  switch (contentType.split(';', 1)[0]?.trim().toLowerCase()) {
    case 'application/json-patch+json':
      return 'json-patch';
    case 'application/merge-patch+json':
      return 'merge-patch';
    case 'application/fhir+json':
    case 'application/json':
    case 'text/json':
      return 'fhirpath-patch';
    default:
      return undefined;
  }
}

/**
 * The patch that a bundle's PATCH entry carries, as a request would: `Parameters` itself (`bytes`, a FHIRPath Patch), or
 * the data of a Binary whose `contentType` is that of a JSON Patch or merge patch (our extension: R4 leaves these out).
 * Throws OutcomeError 400 for any other resource.
 */
export function patchFromBundleEntry(
  resource: Resource,
  bytes: Uint8Array,
): { readonly bytes: Uint8Array; readonly contentType: string } {
  if (resource.resourceType === 'Parameters') return { bytes, contentType: 'application/fhir+json' };
  if (resource.resourceType !== 'Binary') {
    const text =
      'The resource of a PATCH entry is Parameters (FHIRPath Patch) or a Binary with a JSON Patch or merge patch.';
    throw failure(400, 'structure', text, resource.resourceType);
  }
  const { contentType, data } = resource;
  const kind = typeof contentType === 'string' ? patchFormatOf(contentType) : undefined;
  if (typeof contentType !== 'string' || (kind !== 'json-patch' && kind !== 'merge-patch')) {
    const text =
      'The Binary of a PATCH entry has the contentType application/json-patch+json or application/merge-patch+json.';
    throw failure(400, 'value', text, 'Binary.contentType');
  }
  return { bytes: decoded(data), contentType };
}

function decoded(data: JsonValue | undefined): Uint8Array {
  if (typeof data !== 'string' || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) {
    throw failure(400, 'value', 'The Binary of a PATCH entry has the patch in data, as base64.', 'Binary.data');
  }
  return Buffer.from(data, 'base64');
}
