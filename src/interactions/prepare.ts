/** From a request's bytes to a resource that may be stored. https://hl7.org/fhir/R4/http.html#create */
import { makeBody } from '../fhir/body.ts';
import { type ExactObject, parseExact, simplePlain, writeExact } from '../fhir/exact-json.ts';
import { type ParsedJson, parseJson } from '../fhir/json.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, isResource, type Resource } from '../fhir/resource.ts';
import { extractAll } from '../search/extract/contained.ts';
import type { Precondition, Put } from '../store/write.ts';
import { checkNumbers } from '../validation/numbers.ts';
import { checkStructure } from '../validation/structure.ts';
import type { Context } from './context.ts';

/** A resource that passed the checks that are always on. */
export interface Prepared {
  /** Without white space, its text otherwise as sent. */
  readonly bytes: Uint8Array;
  readonly resource: Resource;
  /** The same, with numbers that a double can't hold as text: what is indexed. */
  readonly indexed: Resource;
}

/**
 * Parses and checks a resource.
 * Throws 400 for what is no resource of R4 or not of the given type (undefined: any type), 422 for a SUBSETTED one.
 */
export function prepareResource(context: Context, bytes: Uint8Array, type: string | undefined): Prepared {
  if (bytes.byteLength === 0) throw failure(400, 'structure', 'The request has no body; send a resource as FHIR JSON.');
  return checked(context, parseJson(bytes), type);
}

/** As `prepareResource`, of a tree that was read by `parseExact` or made of elements that were checked. */
export function prepareTree(context: Context, tree: ExactObject, type: string): Prepared {
  const value = simplePlain(tree);
  if (value === undefined) return prepareResource(context, writeExact(tree), type);
  // Its numbers are spelled as JSON.stringify does.
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return checked(context, { bytes, value, indexed: value, loose: false }, type);
}

function checked(context: Context, parsed: ParsedJson, type: string | undefined): Prepared {
  const { value, indexed } = parsed;
  if (!isObject(value)) throw failure(400, 'structure', 'The body must be a JSON object with a resourceType.');
  const issues = checkStructure(value, context.definitions);
  if (issues.length > 0) throw new OutcomeError(400, issues);
  if (parsed.loose) {
    const spellings = checkNumbers(parseExact(parsed.bytes), context.definitions);
    if (spellings.length > 0) throw new OutcomeError(400, spellings);
  }
  if (!isResource(value) || !isResource(indexed)) {
    throw failure(400, 'structure', 'The body has no resourceType.', 'resourceType');
  }
  if (type !== undefined && value.resourceType !== type) {
    const text = `The body is of type ${value.resourceType}, but the URL is that of ${type}.`;
    throw failure(400, 'invalid', text, value.resourceType);
  }
  refuseSubsetted(value);
  return { bytes: parsed.bytes, resource: value, indexed };
}

/** Refuses a resource that says of itself that it is incomplete: storing it would lose the rest. */
function refuseSubsetted(resource: Resource): void {
  const tags = isObject(resource.meta) ? resource.meta.tag : undefined;
  if (!isArray(tags)) return;
  const index = tags.findIndex((tag) => isObject(tag) && tag.code === 'SUBSETTED');
  if (index === -1) return;
  const text =
    'The resource is tagged SUBSETTED: it is an incomplete view. Read it without _summary and _elements, and send that.';
  throw failure(422, 'business-rule', text, `${resource.resourceType}.meta.tag[${index}]`);
}

/** The write that stores a prepared resource under an id. */
export function putOf(
  context: Context,
  prepared: Prepared,
  id: string,
  method: Put['method'],
  precondition?: Precondition,
): Put {
  const put: Put = {
    kind: 'put',
    method,
    type: prepared.resource.resourceType,
    id,
    body: makeBody(prepared.bytes, id),
    ...extractAll(prepared.indexed, context.extract),
  };
  return precondition === undefined ? put : { ...put, precondition };
}
