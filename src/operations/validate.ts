/** `$validate`: what would be wrong with a resource, without storing it. https://hl7.org/fhir/R4/resource-operation-validate.html */
import { type Issue, OutcomeError, operationOutcome, worstFirst } from '../fhir/outcome.ts';
import { patientConcerned } from '../interactions/concerned.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { type Prepared, prepareInPieces } from '../interactions/prepare.ts';
import { currentOf } from '../interactions/read.ts';
import { unusableDefinition } from '../interactions/validate.ts';
import { makePace } from '../store/pace.ts';
import { CheckTime } from '../validation/time.ts';
import { refusalsOfDeletion, refusalsOfWrite } from './validate/acceptance.ts';
import { requestOf, type ValidateRequest } from './validate/request.ts';

const encoder = new TextEncoder();

/** 200 with an OperationOutcome, whatever is found; 400 for parameters that don't fit, 404 and 410 where no resource is stored. */
export const validate: Operation = {
  name: '$validate',
  definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate',
  levels: ['system', 'type', 'instance'],
  affectsState: false,
  judgesBody: true,
  run: async (context, call) => {
    const request = await requestOf(context, call);
    const { type, id } = call;
    const { mode } = request;
    if (type === undefined || id === undefined) return outcome(await issuesOfSent(context, call, request));
    // A deletion, and whatever is sent no resource with, is about the stored one, which has to be there.
    const needed = mode === 'delete' || request.sent === undefined;
    const stored = needed ? (await currentOf(context, type, id)).body : undefined;
    const about = { type, id, patient: patientConcerned(type, id, stored) };
    if (mode === 'delete') return { ...outcome(await refusalsOfDeletion(context, type, id)), about };
    const sent = request.sent ?? stored;
    return { ...outcome(await issuesOfSent(context, call, { ...request, ...(sent && { sent }) })), about };
  },
};

/** Everything that is wrong with a resource; what isn't sound can't be looked at more closely. */
async function issuesOfSent(context: Context, call: Call, request: ValidateRequest): Promise<readonly Issue[]> {
  const { sent = new Uint8Array(0), mode, profiles } = request;
  let prepared: Prepared;
  const time = new CheckTime(context.settings.validationBudget, makePace(), context.checking);
  try {
    prepared = await prepareInPieces(context, sent, call.type, time);
  } catch (error) {
    if (error instanceof OutcomeError) return error.issues;
    throw error;
  }
  const { conformance } = context;
  await conformance.refresh();
  const issues = await conformance.validate({
    resource: prepared.resource,
    level: 'profiles',
    profiles,
    budget: time,
  });
  const { resourceType } = prepared.resource;
  const unusable = await unusableDefinition(context, prepared.resource, resourceType, time);
  return [
    ...issues,
    ...(unusable === undefined ? [] : [unusable]),
    ...(await refusalsOfWrite(context, call, mode, prepared, time)),
  ];
}

function outcome(issues: readonly Issue[]): Answer {
  const well: Issue = { severity: 'information', code: 'informational', diagnostics: 'Nothing is wrong.' };
  const found = issues.length === 0 ? [well] : worstFirst(issues);
  return { status: 200, body: encoder.encode(JSON.stringify(operationOutcome(found))) };
}
