/** From a request's bytes to a resource that may be stored. https://hl7.org/fhir/R4/http.html#create */
import { makeBody } from '../fhir/body.ts';
import { type ExactObject, parseExact, simplePlain, writeExact } from '../fhir/exact-json.ts';
import { type ParsedJson, parseJson } from '../fhir/json.ts';
import { parseExactInSlices, parseJsonInSlices } from '../fhir/large-json.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, isResource, type Resource } from '../fhir/resource.ts';
import { atOnce, inSteps } from '../fhir/steps.ts';
import { extractAll, extractionSteps } from '../search/extract/contained.ts';
import { makePace } from '../store/pace.ts';
import type { Precondition, Put } from '../store/write.ts';
import { numberSteps } from '../validation/numbers.ts';
import { checkStructure, structureSteps } from '../validation/structure.ts';
import { CheckTime } from '../validation/time.ts';
import { tooCostly } from '../validation/validator.ts';
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
  refuseEmpty(bytes);
  return checked(context, parseJson(bytes), type);
}

/**
 * As `prepareResource`, but others run while a large resource is read and checked. What it is read in isn't part of the `time`, since that
 * goes by its bytes alone; past it, throws 422 `too-costly`.
 */
export async function prepareInPieces(
  context: Context,
  bytes: Uint8Array,
  type: string | undefined,
  time: CheckTime = checkTime(context),
): Promise<Prepared> {
  refuseEmpty(bytes);
  const pace = makePace();
  const parsed = await parseJsonInSlices(bytes, pace);
  const { value } = parsed;
  if (!isObject(value)) throw noObject();
  const path = isResource(value) ? value.resourceType : 'Resource';
  const issues = await inTime(structureSteps(value, context.definitions), time, path);
  if (issues.length > 0) throw new OutcomeError(400, issues);
  if (parsed.loose) {
    const exact = await parseExactInSlices(parsed.bytes, pace);
    const spellings = await inTime(numberSteps(exact, context.definitions), time, path);
    if (spellings.length > 0) throw new OutcomeError(400, spellings);
  }
  return resourceOf(parsed, type);
}

/** The time for the checks of one resource. */
export function checkTime({ settings, checking }: Context): CheckTime {
  const { validation, validationBudget } = settings;
  // Without rules to be checked against there is nothing that takes longer than reading does.
  return new CheckTime(validation === 'off' ? Number.POSITIVE_INFINITY : validationBudget, makePace(), checking);
}

/** How many times as long as one resource all those of a bundle may take, and how many entries add one more. */
const budgetsOfBundle = 10;
const entriesOfBudget = 100;

/** A context in which the checks of all resources of a bundle have a time together, besides that of each. */
export function withBundleTime(context: Context, entries: number): Context {
  const { validation, validationBudget } = context.settings;
  if (validation === 'off') return context;
  const budget = validationBudget * (budgetsOfBundle + entries / entriesOfBudget);
  return { ...context, checking: new CheckTime(budget) };
}

async function inTime<T>(steps: Generator<void, T>, time: CheckTime, path: string): Promise<T> {
  return time.during(() =>
    inSteps(steps, () => {
      if (time.left < 0) throw new OutcomeError(422, [tooCostly(path, time)]);
      return time.pause();
    }),
  );
}

function refuseEmpty(bytes: Uint8Array): void {
  if (bytes.byteLength === 0) throw failure(400, 'structure', 'The request has no body; send a resource as FHIR JSON.');
}

function noObject(): OutcomeError {
  return failure(400, 'structure', 'The body must be a JSON object with a resourceType.');
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
  const { value } = parsed;
  if (!isObject(value)) throw noObject();
  const issues = checkStructure(value, context.definitions);
  if (issues.length > 0) throw new OutcomeError(400, issues);
  if (parsed.loose) {
    const spellings = atOnce(numberSteps(parseExact(parsed.bytes), context.definitions));
    if (spellings.length > 0) throw new OutcomeError(400, spellings);
  }
  return resourceOf(parsed, type);
}

/** What is sound is one of R4's resources; it has to be of the type, and whole. */
function resourceOf(parsed: ParsedJson, type: string | undefined): Prepared {
  const { value, indexed } = parsed;
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

/** The same, while others run. */
export async function putInPieces(
  context: Context,
  prepared: Prepared,
  id: string,
  method: Put['method'],
  precondition?: Precondition,
): Promise<Put> {
  const pace = makePace();
  const extracted = await inSteps(extractionSteps(prepared.indexed, context.extract), pace);
  const type = prepared.resource.resourceType;
  const put: Put = { kind: 'put', method, type, id, body: makeBody(prepared.bytes, id), ...extracted };
  await pace();
  return precondition === undefined ? put : { ...put, precondition };
}
