/** Deletes a resource, or what the criteria match. https://hl7.org/fhir/R4/http.html#delete */
import { failure, type Issue } from '../fhir/outcome.ts';
import type { Condition, Delete, Precondition, Written } from '../store/write.ts';
import { commitPlan, type Plan } from './commit.ts';
import { patientOfStored } from './concerned.ts';
import { multipleMatches, resolveCondition } from './condition.ts';
import type { Answer, Call, Context, Noted } from './context.ts';
import { warningsOfLoss } from './in-use.ts';
import { unreferencedAfter } from './integrity.ts';
import { refuseParameters } from './parameters.ts';
import { preconditionOf } from './update.ts';
import { informationBytes } from './written.ts';

/**
 * 204, whether or not there was something to delete; 200 with an outcome where `Prefer` asks for one, and where a definition is deleted
 * that is still in use.
 */
export async function deleteInteraction(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call;
  if (type === undefined) throw failure(400, 'required', 'A delete needs a type.');
  const precondition = preconditionOf(call);
  if (id !== undefined) {
    refuseParameters(context, call);
    return commitPlan(context, () => deletePlan(context, call, [deleteOf(type, id, precondition)], []));
  }
  return commitPlan(context, async () => {
    const condition = await resolveCondition(context, type, call.query, deletionLimit(context));
    checkDeletions(context, condition, precondition);
    const writes = condition.matches.map((match) => deleteOf(type, match, precondition));
    return deletePlan(context, call, writes, [condition]);
  });
}

/** How many matches a conditional delete asks for: one more than it may delete. */
export function deletionLimit(context: Context): number {
  const { conditionalDelete, conditionalDeleteMaximum } = context.settings;
  return conditionalDelete === 'multiple' ? conditionalDeleteMaximum + 1 : 2;
}

/** Throws 412 where the criteria match more than may be deleted at once, or nothing that `If-Match` could name. */
export function checkDeletions(
  context: Context,
  condition: Condition,
  precondition: Precondition | undefined,
  expression?: string,
): void {
  const { conditionalDelete, conditionalDeleteMaximum } = context.settings;
  const { matches, type } = condition;
  if (matches.length === 0 && precondition?.ifMatch !== undefined) {
    throw failure(412, 'conflict', `If-Match does not hold: no ${type} matches the criteria.`, expression);
  }
  if (conditionalDelete === 'single' && matches.length > 1) throw multipleMatches(type, expression);
  if (conditionalDelete === 'multiple' && matches.length > conditionalDeleteMaximum) {
    const text = `The criteria match more than ${conditionalDeleteMaximum} ${type} resources, the most that one request deletes.`;
    throw failure(412, 'multiple-matches', text, expression);
  }
}

/** A deletion as a write. */
export function deleteOf(type: string, id: string, precondition: Precondition | undefined): Delete {
  return precondition === undefined ? { kind: 'delete', type, id } : { kind: 'delete', type, id, precondition };
}

async function deletePlan(
  context: Context,
  call: Call,
  writes: readonly Delete[],
  conditions: readonly Condition[],
): Promise<Plan> {
  const noted: Noted[] = [];
  for (const { type, id } of writes)
    noted.push({ call, status: 204, type, id, patient: await patientOfStored(context, type, id) });
  if (noted.length === 0) noted.push({ call, status: 204, type: call.type ?? '', id: '', patient: '' });
  const warnings = (await warningsOfLoss(context, writes)).flat();
  return {
    writes,
    conditions,
    mustBeUnreferenced: unreferencedAfter(context, writes),
    noted,
    answer: (written) =>
      deleteAnswer(call, { type: call.type ?? '', ids: writes.map(({ id }) => id) }, written, warnings),
  };
}

/** The answer to a deletion of these ids: 204, or 200 with an outcome where `Prefer` asks for one or there are warnings. */
export function deleteAnswer(
  { prefer }: Call,
  { type, ids }: { readonly type: string; readonly ids: readonly string[] },
  written: readonly Written[],
  warnings: readonly Issue[],
): Answer {
  const [id, anotherId] = ids;
  const [only] = written;
  const single = id !== undefined && anotherId === undefined;
  const version =
    single && only !== undefined && only.versionId > 0
      ? { version: { versionId: only.versionId, lastUpdated: only.lastUpdated } }
      : {};
  const about = single ? { about: { type, id } } : {};
  if (prefer.return !== 'OperationOutcome' && warnings.length === 0) return { status: 204, ...version, ...about };
  const deleted = written.filter(({ outcome }) => outcome === 'deleted').length;
  const text =
    deleted === 0 ? 'There was nothing to delete.' : `Deleted ${deleted} resource${deleted === 1 ? '' : 's'}.`;
  return { status: 200, ...version, ...about, body: informationBytes(text, 'informational', warnings) };
}
