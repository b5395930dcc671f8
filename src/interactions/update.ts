/** Updates a resource, or creates it under the client's id. https://hl7.org/fhir/R4/http.html#update */
import { patientOf } from '../fhir/definitions/patient.ts';
import { parseETags } from '../fhir/etag.ts';
import { isId } from '../fhir/id.ts';
import { failure, type Issue } from '../fhir/outcome.ts';
import { inSteps } from '../fhir/steps.ts';
import { makePace } from '../store/pace.ts';
import type { Condition, Precondition } from '../store/write.ts';
import { resourceBytes } from './body.ts';
import { commitPlan, type Plan } from './commit.ts';
import { multipleMatches, resolveCondition } from './condition.ts';
import type { Answer, Call, Context } from './context.ts';
import { warningsOfLoss } from './in-use.ts';
import { requiredSteps } from './integrity.ts';
import { refuseParameters } from './parameters.ts';
import { checkTime, type Prepared, prepareInPieces, putInPieces } from './prepare.ts';
import { validated } from './validate.ts';
import { putAnswer } from './written.ts';

/** 200, or 201 where there was none; 412 where `If-Match`, `If-None-Match` or the criteria do not allow it. */
export async function update(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call;
  if (type === undefined) throw failure(400, 'required', 'An update needs a type.');
  if (id !== undefined) refuseParameters(context, call);
  const time = checkTime(context);
  const prepared = await prepareInPieces(context, resourceBytes(call), type, time);
  const precondition = preconditionOf(call);
  if (id !== undefined) {
    checkId(prepared, id);
    const warnings = await validated(context, prepared, time);
    return commitPlan(context, async () => updatePlan(context, call, prepared, id, [], precondition, warnings));
  }
  const warnings = await validated(context, prepared, time);
  return commitPlan(context, async () => {
    const condition = await resolveCondition(context, type, call.query, 2);
    const target = await conditionalTarget(context, type, condition, prepared.resource.id);
    const both = { ...precondition, ...target.precondition };
    return updatePlan(context, call, prepared, target.id, [condition], both, warnings);
  });
}

/** The resource that a conditional update writes. */
export interface ConditionalTarget {
  readonly id: string;
  readonly precondition?: Precondition;
}

/**
 * The match, or where there is none the body's id, or a new one.
 * Throws 412 for several matches, 400 where the body's id is not the match's, 409 where the body's id is in use by a
 * resource that the criteria do not match.
 */
export async function conditionalTarget(
  context: Context,
  type: string,
  condition: Condition,
  bodyId: string | undefined,
  expression?: string,
): Promise<ConditionalTarget> {
  const [match, another] = condition.matches;
  if (another !== undefined) throw multipleMatches(type, expression);
  if (match !== undefined) {
    if (bodyId !== undefined && bodyId !== match) {
      throw failure(400, 'value', `The criteria match ${type}/${match}, but the body's id is ${bodyId}.`, expression);
    }
    return { id: match };
  }
  if (bodyId === undefined) return { id: context.newId() };
  const current = await context.store.read(type, bodyId);
  if (current?.body !== undefined) {
    const text = `The criteria match nothing, but ${type}/${bodyId} exists. Send the body without id, or update that.`;
    throw failure(409, 'conflict', text, expression);
  }
  // Whoever writes the id meanwhile is no match of the criteria either: look again then.
  return { id: bodyId, precondition: { computedFrom: current?.versionId ?? 0 } };
}

/** `If-Match` and `If-None-Match` of a write. Throws 400 for a malformed header. */
export function preconditionOf(call: Call): Precondition | undefined {
  const { ifMatch, ifNoneMatch } = call;
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  const versions = ifMatch === undefined ? undefined : parseETags(ifMatch);
  if (ifMatch !== undefined && versions === undefined) {
    throw failure(400, 'value', 'If-Match must be an ETag such as W/"3", a list of them, or *.');
  }
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') {
    throw failure(400, 'not-supported', 'If-None-Match on a write must be *: write only what does not exist yet.');
  }
  return {
    ...(versions === undefined ? {} : { ifMatch: versions }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: '*' as const }),
  };
}

/** Throws 400 where the body has no id or another one than the URL. */
export function checkId(prepared: Prepared, id: string, expression?: string): void {
  const { resource } = prepared;
  const at = expression ?? `${resource.resourceType}.id`;
  if (!isId(id)) throw failure(400, 'value', 'An id has 1 to 64 of the characters A-Z a-z 0-9 - and dot.', at);
  if (resource.id === undefined) {
    throw failure(400, 'required', `The body has no id; an update needs "id": "${id}", as in the URL.`, at);
  }
  if (resource.id !== id) {
    throw failure(400, 'value', `The body's id is ${resource.id}, but the URL has ${id}.`, at);
  }
}

async function updatePlan(
  context: Context,
  call: Call,
  prepared: Prepared,
  id: string,
  conditions: readonly Condition[],
  precondition: Precondition | undefined,
  found: readonly Issue[],
): Promise<Plan> {
  // A large resource takes long in each of its steps: others run between them.
  const pace = makePace();
  const put = await putInPieces(context, prepared, id, 'PUT', precondition);
  const mustExist = await inSteps(requiredSteps(context, prepared.resource), pace);
  const warnings = [...found, ...(await warningsOfLoss(context, [put])).flat()];
  const patient = patientOf(prepared.resource, id);
  return {
    writes: [put],
    conditions,
    mustExist,
    noted: [{ call, status: 200, type: put.type, id, patient }],
    answer: ([written]) => {
      if (written === undefined) throw new Error('a commit answers each write');
      return putAnswer(put, written, call.prefer, patient, warnings);
    },
  };
}
