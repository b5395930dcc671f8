/** Changes part of a resource. https://hl7.org/fhir/R4/http.html#patch */
import { patientOf } from '../fhir/definitions/patient.ts';
import { type ExactObject, isExactObject, parseExact, plain, writeExact } from '../fhir/exact-json.ts';
import { parseStoredInSlices } from '../fhir/large-json.ts';
import { parseMediaType } from '../fhir/media-type.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { applyPatch, type Patch, patchFormatOf } from '../fhir/patch/patch.ts';
import { inSteps } from '../fhir/steps.ts';
import { PreconditionFailed } from '../store/errors.ts';
import { makePace } from '../store/pace.ts';
import type { Condition, Precondition } from '../store/write.ts';
import { checkStructure } from '../validation/structure.ts';
import type { CheckTime } from '../validation/time.ts';
import { refuseOtherVersion } from './body.ts';
import { commitPlan, type Outdated, type Plan, preconditionFailure } from './commit.ts';
import { multipleMatches, resolveCondition, stillHolds } from './condition.ts';
import type { Answer, Call, Context } from './context.ts';
import { warningsOfLoss } from './in-use.ts';
import { requiredSteps } from './integrity.ts';
import { refuseParameters } from './parameters.ts';
import { checkTime, type Prepared, prepareInPieces, putInPieces } from './prepare.ts';
import { gone } from './read.ts';
import { preconditionOf } from './update.ts';
import { Validations } from './validate.ts';
import { putAnswer } from './written.ts';

/** 200; 404 where there is nothing to patch, 422 where a `test` fails or a path isn't there. */
export async function patch(context: Context, call: Call): Promise<Answer> {
  const { type, id, body } = call;
  if (type === undefined || body === undefined) throw failure(400, 'required', 'A patch needs a body.');
  refuseBinary(type);
  if (id !== undefined) refuseParameters(context, call);
  const parsed = parsePatch(body.bytes, body.contentType);
  checkParameters(context, parsed);
  const precondition = preconditionOf(call);
  const validations = new Validations(context);
  const planOf = async (target: string, conditions: readonly Condition[]): Promise<Plan> => {
    const { prepared, time, precondition: required } = await patched(context, type, target, parsed, precondition);
    const warnings = await validations.of(prepared, 0, true, undefined, time);
    // A large resource takes long in each of its steps: others run between them.
    const pace = makePace();
    const put = await putInPieces(context, prepared, target, 'PATCH', required);
    const mustExist = await inSteps(requiredSteps(context, prepared.resource), pace);
    const losses = (await warningsOfLoss(context, [put])).flat();
    const patient = patientOf(prepared.resource);
    return {
      writes: [put],
      conditions,
      mustExist,
      noted: [{ call, status: 200, type, id: target, patient }],
      answer: ([written]) => {
        if (written === undefined) throw new Error('a commit answers each write');
        return putAnswer(put, written, call.prefer, patient, [...warnings, ...losses]);
      },
    };
  };
  return commitPlan(context, () => (id === undefined ? planMatch(context, type, call.query, planOf) : planOf(id, [])));
}

/**
 * The plan for the one match of the criteria. One that can't be patched is looked for again: it may have been deleted, or changed so
 * that it is no match, since it was found, and is outdated then. Throws as `patchTarget` and `planOf` do.
 */
async function planMatch(
  context: Context,
  type: string,
  query: string,
  planOf: (target: string, conditions: readonly Condition[]) => Promise<Plan>,
): Promise<Plan | Outdated> {
  const condition = await resolveCondition(context, type, query, 2);
  const target = patchTarget(type, condition);
  try {
    return await planOf(target, [condition]);
  } catch (error) {
    if (await stillHolds(context, condition)) throw error;
    return { outdated: condition };
  }
}

/** 405 for Binary, whose content is no JSON to patch. */
export function refuseBinary(type: string, expression?: string): void {
  if (type === 'Binary') throw failure(405, 'not-supported', 'A Binary is replaced by PUT, not patched.', expression);
}

/** The one match of a conditional patch. Throws 404 for none, 412 for several. */
export function patchTarget(type: string, condition: Condition, expression?: string): string {
  const [match, another] = condition.matches;
  if (another !== undefined) throw multipleMatches(type, expression);
  if (match === undefined) throw failure(404, 'not-found', `No ${type} matches the criteria.`, expression);
  return match;
}

/** A patch document by its media type. Throws 415 for another type or version of FHIR, 400 for what is not JSON. */
export function parsePatch(bytes: Uint8Array, contentType: string): Patch {
  const kind = patchFormatOf(contentType);
  if (kind === undefined) {
    const text =
      'A patch is application/json-patch+json, application/merge-patch+json, or Parameters as application/fhir+json.';
    throw failure(415, 'not-supported', text);
  }
  refuseOtherVersion(parseMediaType(contentType));
  return { kind, document: parseExact(bytes) };
}

/** Throws 400 where a FHIRPath Patch has properties that Parameters do not have, or values that break their format. */
function checkParameters({ definitions }: Context, { kind, document }: Patch): void {
  if (kind !== 'fhirpath-patch' || !isExactObject(document) || document.resourceType !== 'Parameters') return;
  const issues = checkStructure(plain(document), definitions);
  if (issues.length > 0) throw new OutcomeError(400, issues);
}

/** What a patch comes to, valid only for the version it was computed from. */
export interface Patched {
  readonly prepared: Prepared;
  /** What is left of it for its checks. */
  readonly time: CheckTime;
  /** That of the request, and the version it was computed from. */
  readonly precondition: Precondition;
  /** The body that was patched. */
  readonly before: Uint8Array;
}

/**
 * The current version of a resource, patched.
 * Throws 404 and 410 where there is none, 412 where `If-Match` does not name it, and what the patch throws.
 */
export async function patched(
  context: Context,
  type: string,
  id: string,
  document: Patch,
  precondition: Precondition | undefined,
): Promise<Patched> {
  const { versionId, body } = await currentFor(context, type, id, precondition);
  const bytes = writeExact(applyPatch(await exactObject(body), document, context.definitions));
  const time = checkTime(context);
  const prepared = await prepareInPieces(context, bytes, type, time);
  return { prepared, time, precondition: { ...precondition, computedFrom: versionId }, before: body };
}

/**
 * The current version of a resource that is to be changed. `If-Match` is checked before: the change is likely to fail on a
 * version that it was not made for. Throws 412 where it does not hold, otherwise 404 and 410 where there is none.
 */
export async function currentFor(
  context: Context,
  type: string,
  id: string,
  precondition: Precondition | undefined,
): Promise<{ readonly versionId: number; readonly lastUpdated: number; readonly body: Uint8Array }> {
  const ifMatch = precondition?.ifMatch;
  const current = await context.store.read(type, id);
  if (current?.body === undefined) {
    if (ifMatch !== undefined) throw preconditionFailure(new PreconditionFailed(0, 'ifMatch', current?.versionId));
    throw current === undefined ? failure(404, 'not-found', `There is no ${type} with the id ${id}.`) : gone(current);
  }
  const { versionId, lastUpdated, body } = current;
  if (ifMatch !== undefined && ifMatch !== '*' && !ifMatch.includes(String(versionId))) {
    throw preconditionFailure(new PreconditionFailed(0, 'ifMatch', versionId));
  }
  return { versionId, lastUpdated, body };
}

async function exactObject(bytes: Uint8Array): Promise<ExactObject> {
  const value = await parseStoredInSlices(bytes, makePace());
  if (!isExactObject(value)) throw new Error('a stored resource is an object');
  return value;
}
