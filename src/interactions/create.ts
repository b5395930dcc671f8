/** Creates a resource under an id of the server's, or finds the one that the criteria match. https://hl7.org/fhir/R4/http.html#create */
import { patientOf } from '../fhir/definitions/patient.ts';
import { failure, type Issue } from '../fhir/outcome.ts';
import { inSteps } from '../fhir/steps.ts';
import { makePace } from '../store/pace.ts';
import type { Version } from '../store/port.ts';
import type { Condition } from '../store/write.ts';
import { resourceBytes } from './body.ts';
import { commitPlan, type Plan } from './commit.ts';
import { patientConcerned } from './concerned.ts';
import { multipleMatches, resolveCondition } from './condition.ts';
import type { Answer, Call, Context, Prefer } from './context.ts';
import { requiredSteps } from './integrity.ts';
import { refuseParameters } from './parameters.ts';
import { checkTime, type Prepared, prepareInPieces, putInPieces } from './prepare.ts';
import { validated } from './validate.ts';
import { informationBytes, putAnswer } from './written.ts';

/** 201 with the new resource; with `If-None-Exist` 200 and the match, or 412 for several. */
export async function create(context: Context, call: Call): Promise<Answer> {
  const { type, ifNoneExist } = call;
  if (type === undefined) throw failure(400, 'required', 'A create needs a type.');
  refuseParameters(context, call);
  const time = checkTime(context);
  const prepared = await prepareInPieces(context, resourceBytes(call), type, time);
  const warnings = await validated(context, prepared, time);
  return commitPlan(context, async () => {
    if (ifNoneExist === undefined) return createPlan(context, call, prepared, [], warnings);
    const condition = await resolveCondition(context, type, criteriaOf(ifNoneExist, type), 2);
    const [match, another] = condition.matches;
    if (another !== undefined) throw multipleMatches(type);
    if (match === undefined) return createPlan(context, call, prepared, [condition], warnings);
    const version = await context.store.read(type, match);
    // Deleted between the two look-ups: as if it had not been there.
    if (version?.body === undefined)
      return createPlan(context, call, prepared, [{ ...condition, matches: [] }], warnings);
    return foundPlan(call, version);
  });
}

/** The criteria of `If-None-Exist`, which may begin with `?` or `Type?`. Throws 400 for another type's. */
export function criteriaOf(header: string, type: string, expression?: string): string {
  const mark = header.indexOf('?');
  const before = header.slice(0, Math.max(mark, 0));
  // A later question mark belongs to a value.
  if (mark === -1 || before.includes('=')) return header;
  if (before !== '' && before !== type) {
    throw failure(400, 'value', `If-None-Exist names ${before}, but a ${type} is created.`, expression);
  }
  return header.slice(mark + 1);
}

async function createPlan(
  context: Context,
  call: Call,
  prepared: Prepared,
  conditions: readonly Condition[],
  warnings: readonly Issue[],
): Promise<Plan> {
  // A large resource takes long in each of its steps: others run between them.
  const pace = makePace();
  const put = await putInPieces(context, prepared, context.newId(), 'POST');
  const mustExist = await inSteps(requiredSteps(context, prepared.resource), pace);
  const patient = patientOf(prepared.resource, put.id);
  return {
    writes: [put],
    conditions,
    mustExist,
    noted: [{ call, status: 201, type: put.type, id: put.id, patient }],
    answer: ([written]) => {
      if (written === undefined) throw new Error('a commit answers each write');
      return putAnswer(put, written, call.prefer, patient, warnings);
    },
  };
}

function foundPlan(call: Call, version: Version): Plan {
  const { type, id, body } = version;
  const noted = { call, status: 200, type, id, patient: patientConcerned(type, id, body) };
  return { writes: [], conditions: [], noted: [noted], answer: () => foundAnswer(version, call.prefer) };
}

/** The answer of a conditional create that found a match. */
export function foundAnswer(version: Version, prefer: Prefer): Answer {
  const { type, id, versionId, lastUpdated, body } = version;
  const answer: Answer = {
    status: 200,
    version: { versionId, lastUpdated },
    location: `${type}/${id}/_history/${versionId}`,
    about: { type, id },
  };
  if (prefer.return === 'minimal' || body === undefined) return answer;
  if (prefer.return === 'OperationOutcome') {
    return { ...answer, body: informationBytes(`${type}/${id} matches the criteria; nothing was created.`) };
  }
  return { ...answer, body };
}
