/** Commits what an interaction planned, and plans again where the state has changed. https://hl7.org/fhir/R4/http.html#concurrency */
import { etag } from '../fhir/etag.ts';
import { failure, type Issue, OutcomeError } from '../fhir/outcome.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import { Conflict, IntegrityViolation, PreconditionFailed } from '../store/errors.ts';
import type { Condition, ResourceKey, Write, Written } from '../store/write.ts';
import type { Answer, Context, Noted } from './context.ts';

/** How often a write is planned anew; each round someone else has won, so this many others have been served. */
const maximumAttempts = 50;

/** A reference that must resolve after the writes, with the element that has it. */
export interface RequiredReference extends ResourceKey {
  readonly expression: string;
}

/** What an interaction is about to do. */
export interface Plan<T = Answer> {
  readonly writes: readonly Write[];
  readonly conditions: readonly Condition[];
  readonly mustExist?: readonly RequiredReference[];
  readonly mustBeUnreferenced?: readonly ResourceKey[];
  /** One for each interaction in it. */
  readonly noted: readonly Noted[];
  readonly answer: (written: readonly Written[]) => T;
  /** The FHIRPath of a write in the request, for errors; '' for a direct interaction. */
  readonly expressionOf?: (write: number) => string;
}

/**
 * Plans and commits until the plan's conditions hold. A plan without writes commits nothing.
 * Throws OutcomeError: 412 for `If-Match` and `If-None-Match`, 409 after too many rounds or for a referenced resource,
 * 422 for a reference to nothing.
 */
export async function commitPlan<T>(context: Context, makePlan: () => Promise<Plan<T>>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const plan = await makePlan();
    const audit = plan.noted.map(context.audit.record).filter((record): record is AuditRecord => record !== undefined);
    if (plan.writes.length === 0) {
      const answer = plan.answer([]);
      audit.forEach(context.audit.append);
      return answer;
    }
    const { writes, conditions, mustExist = [], mustBeUnreferenced = [] } = plan;
    try {
      const committed = await context.store.commit({ writes, conditions, mustExist, mustBeUnreferenced, audit });
      return plan.answer(committed.written);
    } catch (error) {
      if (!(error instanceof Conflict)) throw explain(error, plan);
      if (attempt === maximumAttempts) {
        const text = `The resource was changed by others ${maximumAttempts} times while this request was planned. Try again.`;
        throw failure(409, 'conflict', text);
      }
    }
  }
}

function explain(error: unknown, plan: Plan<unknown>): unknown {
  if (error instanceof PreconditionFailed) {
    const expression = plan.expressionOf?.(error.write);
    const issue: Issue = { severity: 'error', code: 'conflict', diagnostics: preconditionText(error) };
    const headers = error.current === undefined ? {} : { ETag: etag(error.current) };
    return new OutcomeError(412, [expression === undefined ? issue : { ...issue, expression: [expression] }], headers);
  }
  if (error instanceof IntegrityViolation) return integrityFailure(error, plan);
  return error;
}

function preconditionText(error: PreconditionFailed): string {
  if (error.rule === 'ifNoneMatch') return 'If-None-Match: * does not hold: the resource exists.';
  if (error.current === undefined) return 'If-Match does not hold: there is no current version of the resource.';
  return `If-Match does not hold: the current version is ${error.current}. Read it, apply the change to it, and send that.`;
}

function integrityFailure(error: IntegrityViolation, plan: Plan<unknown>): OutcomeError {
  const name = `${error.key.type}/${error.key.id}`;
  if (error.rule === 'missing') {
    const at = plan.mustExist?.find(({ type, id }) => type === error.key.type && id === error.key.id);
    return failure(422, 'not-found', `The reference to ${name} does not resolve on this server.`, at?.expression);
  }
  const referrers = error.referrers.map(({ type, id }) => `${type}/${id}`).join(', ');
  return failure(409, 'conflict', `${name} can't be deleted: it is referred to by ${referrers}.`);
}
