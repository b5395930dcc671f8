/** Commits what an interaction planned, and plans again where the state has changed. https://hl7.org/fhir/R4/http.html#concurrency */
import { etag } from '../fhir/etag.ts';
import { failure, type Issue, OutcomeError } from '../fhir/outcome.ts';
import type { AuditRecord } from '../store/audit-record.ts';
import { Conflict, IntegrityViolation, PreconditionFailed } from '../store/errors.ts';
import { makePace } from '../store/pace.ts';
import type { Store } from '../store/port.ts';
import type { Condition, Note, ResourceKey, Write, Written } from '../store/write.ts';
import type { Answer, Context, Noted } from './context.ts';
import { Gate } from './gate.ts';
import { type Turn, Turns } from './turns.ts';

/**
 * How often a write is planned beside others; each round someone else has won. After these it is planned and committed
 * alone once, so that steady writers of the same matches can't keep it from its turn.
 */
export const attemptsBeside = 10;

/** How often it is planned in all: other processes on the same database aren't held up. */
const maximumAttempts = 50;

/** The order among the writers of a store. */
interface Order {
  readonly turns: Turns;
  readonly gate: Gate;
}

const orders = new WeakMap<Store, Order>();

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
  /** The FHIRPath of a write in the request, for errors; absent for a direct interaction. */
  readonly expressionOf?: (write: number) => string;
}

/** In place of a plan: the criteria that matched something else while it was made. It is made again, as after a lost race. */
export interface Outdated {
  readonly outdated: Condition;
}

/**
 * Plans and commits until the plan's conditions hold. A plan without writes commits nothing.
 * Throws OutcomeError: 412 for `If-Match` and `If-None-Match`, 409 after too many rounds or for a referenced resource,
 * 422 for a reference to nothing.
 */
export async function commitPlan<T>(context: Context, makePlan: () => Promise<Plan<T> | Outdated>): Promise<T> {
  const { turns, gate } = orderOf(context.store);
  const beside: Pass = (commit) => gate.pass(commit);
  const alone: Pass = (commit) => commit();
  let turn: Turn | undefined;
  let open: (() => void) | undefined;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const { generation } = context.store.parameters;
      const plan = await makePlan();
      const result =
        'outdated' in plan
          ? { key: keyOfCondition(plan.outdated) }
          : await attemptPlan(context, plan, generation, open === undefined ? beside : alone);
      if ('answer' in result) return result.answer;
      if (attempt === maximumAttempts) {
        const text = `The resource was changed by others ${maximumAttempts} times while this request was planned. Try again.`;
        throw failure(409, 'conflict', text);
      }
      // Alone it can only lose to another process, which the gate doesn't hold up: those here needn't wait for that.
      open?.();
      open = undefined;
      if (attempt % attemptsBeside === 0) {
        open = await gate.close();
        continue;
      }
      // At most one turn at a time, so that no two requests wait for each other.
      if (turn?.key === result.key) continue;
      turn?.end();
      turn = undefined;
      turn = await turns.take(result.key);
    }
  } finally {
    open?.();
    turn?.end();
  }
}

/** Runs a commit beside others, or alone. */
type Pass = <T>(commit: () => Promise<T>) => Promise<T>;

/** What a plan lost the race for. */
interface Lost {
  readonly key: string;
}

/** Commits one plan. What it lost the race for is given back, since that is no failure yet. */
async function attemptPlan<T>(
  context: Context,
  plan: Plan<T>,
  generation: number,
  pass: Pass,
): Promise<{ readonly answer: T } | Lost> {
  const { writes, conditions, mustExist = [], mustBeUnreferenced = [] } = plan;
  const audit = await recordsOf(context, plan.noted);
  if (writes.length === 0) {
    const answer = plan.answer([]);
    audit.forEach(context.audit.append);
    return { answer };
  }
  // Records of reads that came before go to the store before this commit, so that events lie in the order of their times.
  void context.audit.settle();
  const notes = notesOf(context, writes);
  try {
    context.onPlanned?.();
    const commit = () =>
      context.store.commit({
        writes,
        conditions,
        mustExist,
        mustBeUnreferenced,
        audit,
        generation,
        ...(notes.length === 0 ? {} : { notes }),
        ...(context.bulk === undefined ? {} : { bulk: context.bulk }),
      });
    const defines = writes.some(({ type }) => type === 'SearchParameter');
    const committed = await pass(() =>
      defines ? context.searchParameters.commit(writes, commit, plan.expressionOf) : commit(),
    );
    context.conformance.committed(writes);
    return { answer: plan.answer(committed.written) };
  } catch (error) {
    if (error instanceof Conflict) return { key: keyOf(error, plan) };
    throw explain(error, plan);
  }
}

function notesOf({ notes = [], conformance, newId }: Context, writes: readonly Write[]): readonly Note[] {
  const own = conformance.notesOf(writes, newId);
  return own.length === 0 ? notes : [...notes, ...own];
}

async function recordsOf(context: Context, noted: readonly Noted[]): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  const pace = makePace();
  for (const each of noted) {
    const record = context.audit.record(each);
    if (record !== undefined) records.push(record);
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  return records;
}

function orderOf(store: Store): Order {
  let order = orders.get(store);
  if (order === undefined) {
    order = { turns: new Turns(), gate: new Gate() };
    orders.set(store, order);
  }
  return order;
}

/** What a plan lost the race for: a resource, or what matches its criteria. */
function keyOf({ of, index }: Conflict, { writes, conditions }: Plan<unknown>): string {
  if (of === 'parameters') return of;
  if (of === 'write') return `${writes[index]?.type}/${writes[index]?.id}`;
  return keyOfCondition(conditions[index]);
}

function keyOfCondition(condition: Condition | undefined): string {
  return `${condition?.type}?${JSON.stringify(condition?.criterion)}`;
}

function explain(error: unknown, plan: Plan<unknown>): unknown {
  if (error instanceof PreconditionFailed) return preconditionFailure(error, plan.expressionOf?.(error.write));
  if (error instanceof IntegrityViolation) return integrityFailure(error, plan);
  return error;
}

/** 412 for a precondition that does not hold, with the current ETag. */
export function preconditionFailure(error: PreconditionFailed, expression?: string): OutcomeError {
  const issue: Issue = { severity: 'error', code: 'conflict', diagnostics: preconditionText(error) };
  const headers = error.current === undefined ? {} : { ETag: etag(error.current) };
  return new OutcomeError(412, [expression === undefined ? issue : { ...issue, expression: [expression] }], headers);
}

function preconditionText(error: PreconditionFailed): string {
  if (error.rule === 'ifNoneMatch') return 'If-None-Match: * does not hold: the resource exists.';
  if (error.current === undefined) return 'If-Match does not hold: there is no current version of the resource.';
  return `If-Match does not hold: the current version is ${error.current}. Read it (where it was deleted, the history), apply the change to it, and send that.`;
}

function integrityFailure(error: IntegrityViolation, plan: Plan<unknown>): OutcomeError {
  const name = `${error.key.type}/${error.key.id}`;
  if (error.rule === 'missing') {
    const at = plan.mustExist?.find(({ type, id }) => type === error.key.type && id === error.key.id);
    return failure(422, 'not-found', `The reference to ${name} does not resolve on this server.`, at?.expression);
  }
  const referrers = error.referrers.map(({ type, id }) => `${type}/${id}`).join(', ');
  const write = plan.writes.findIndex(({ type, id }) => type === error.key.type && id === error.key.id);
  const expression = write === -1 ? undefined : plan.expressionOf?.(write);
  return failure(409, 'conflict', `${name} can't be deleted: it is referred to by ${referrers}.`, expression);
}
