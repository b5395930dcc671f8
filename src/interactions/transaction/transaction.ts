/** Processes a transaction: all of it or nothing. https://hl7.org/fhir/R4/http.html#transaction */
import type { BundleOutline, EntryOutline } from '../../fhir/json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { makePace } from '../../store/pace.ts';
import type { Condition, Delete, Put, Write, Written } from '../../store/write.ts';
import { commitPlan, type Plan } from '../commit.ts';
import { patientConcerned, patientOfStored } from '../concerned.ts';
import { stillHolds } from '../condition.ts';
import type { Answer, Call, Context, Noted } from '../context.ts';
import { foundAnswer } from '../create.ts';
import { deleteAnswer, deleteOf } from '../delete.ts';
import { warningsOfLoss } from '../in-use.ts';
import { unreferencedAfter } from '../integrity.ts';
import { note } from '../note.ts';
import { outcomeError } from '../outcome-error.ts';
import { Validations } from '../validate.ts';
import { putAnswer } from '../written.ts';
import { checkTransaction } from './check.ts';
import { type Contents, prepareContents } from './contents.ts';
import { type Entry, readEntry } from './entry.ts';
import { releaseAfter } from './release.ts';
import { type Resolution, type Resolved, resolveEntries } from './resolve.ts';
import { type EntryAnswer, respond } from './respond.ts';

/** Runs one interaction and audits it; given by `perform.ts`. */
export type Perform = (context: Context, call: Call) => Promise<Answer>;

/** 200 with a Bundle of type transaction-response in request order; any failure is one OperationOutcome for all. */
export async function transaction(
  context: Context,
  call: Call,
  outline: BundleOutline,
  perform: Perform,
): Promise<Answer> {
  const { entries, answerOf } = await committed(context, call, outline);
  const answers: EntryAnswer[] = [];
  const pace = makePace();
  for (const entry of entries) {
    answers.push({ entry, answer: answerOf(entry.index) ?? (await read(context, entry.call, perform)) });
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  const answer = await respond(context, 'transaction-response', answers);
  releaseAfter(call.body?.bytes.byteLength ?? 0);
  return answer;
}

/** The entries once they are done, with what gives the answers of those that write or find something. */
async function committed(
  context: Context,
  call: Call,
  outline: BundleOutline,
): Promise<{ readonly entries: readonly Entry[]; readonly answerOf: (index: number) => Answer | undefined }> {
  try {
    const entries = await checkTransaction(context, call, outline);
    const validations = new Validations(context);
    const answerOf = await commitPlan(context, async () => {
      const resolution = await resolveEntries(context, entries);
      try {
        const contents = await prepareContents(context, resolution, validations);
        return await planTransaction(context, call, resolution, contents);
      } catch (error) {
        const outdated = await outdatedOf(context, resolution);
        if (outdated === undefined) throw error;
        return { outdated };
      }
    });
    return { entries, answerOf };
  } catch (error) {
    await noteRefused(context, call, outline, outcomeError(error).status);
    throw error;
  }
}

/**
 * Criteria that don't match any more what they did, where something was to be patched by its criteria: what can't be patched may have
 * been deleted, or changed so that it is no match, since it was found. undefined where all match the same.
 */
async function outdatedOf(context: Context, { resolved, conditions }: Resolution): Promise<Condition | undefined> {
  const patches = resolved.some(({ entry, action }) => {
    return action.kind === 'put' && action.method === 'PATCH' && entry.call.id === undefined;
  });
  if (!patches) return undefined;
  for (const condition of conditions) if (!(await stillHolds(context, condition))) return condition;
  return undefined;
}

/** Leaves the AuditEvents of the entries of a transaction that failed. */
async function noteRefused(context: Context, call: Call, { entries }: BundleOutline, status: number): Promise<void> {
  const pace = makePace();
  for (const [index, outline] of entries.entries()) {
    const entry = readableEntry(context, call, outline, index);
    if (entry !== undefined) note(context, entry.call, status);
    const pause = pace();
    if (pause !== undefined) await pause;
  }
}

/** undefined for an entry that asks for nothing that there is. */
function readableEntry(context: Context, call: Call, outline: EntryOutline, index: number): Entry | undefined {
  try {
    return readEntry(context, call, outline, index);
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}

/** A GET on the state after the commit. One that finds nothing answers in its entry. */
async function read(context: Context, call: Call, perform: Perform): Promise<Answer | OutcomeError> {
  try {
    return await perform(context, call);
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
}

/** The writes in R4's order: deletions, creates, updates and patches. */
async function planTransaction(
  context: Context,
  call: Call,
  resolution: Resolution,
  contents: Contents,
): Promise<Plan<(index: number) => Answer | undefined>> {
  const pace = makePace();
  const deletes: { readonly write: Delete; readonly index: number }[] = [];
  const posts: { readonly write: Put; readonly index: number }[] = [];
  const puts: { readonly write: Put; readonly index: number }[] = [];
  for (const { entry, action } of resolution.resolved) {
    const { index } = entry;
    if (action.kind === 'delete') {
      for (const id of action.ids) deletes.push({ write: deleteOf(action.type, id, action.precondition), index });
    }
    const content = contents.byEntry.get(index);
    if (content !== undefined) (content.put.method === 'POST' ? posts : puts).push({ write: content.put, index });
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  const ordered: readonly { readonly write: Write; readonly index: number }[] = [...deletes, ...posts, ...puts];
  const writes = ordered.map(({ write }) => write);
  const inBundle = new Set([...posts, ...puts].map(({ write }) => `${write.type}/${write.id}`));
  const warnings = new Map<number, readonly Issue[]>();
  for (const [place, found] of (await warningsOfLoss(context, writes)).entries()) {
    const { index = 0 } = ordered[place] ?? {};
    if (found.length > 0) warnings.set(index, [...(warnings.get(index) ?? []), ...found]);
  }
  const required = [...contents.byEntry.values()].flatMap((content) => content.required);
  return {
    writes,
    conditions: distinct([...resolution.conditions, ...contents.conditions]),
    mustExist: required.filter(({ type, id }) => !inBundle.has(`${type}/${id}`)),
    mustBeUnreferenced: unreferencedAfter(
      context,
      deletes.map(({ write }) => write),
    ),
    noted: await notedOf(context, call, resolution, contents),
    answer: (written) => answersOf(resolution.resolved, contents, ordered, written, warnings),
    expressionOf: (write) => `Bundle.entry[${ordered[write]?.index ?? 0}]`,
  };
}

/** Criteria that several entries share are checked once. */
function distinct(conditions: readonly Condition[]): readonly Condition[] {
  return [...new Map(conditions.map((condition) => [JSON.stringify(condition), condition])).values()];
}

/** What AuditEvents tell of the transaction and of each entry that writes or finds something. */
async function notedOf(
  context: Context,
  call: Call,
  { resolved }: Resolution,
  { byEntry }: Contents,
): Promise<readonly Noted[]> {
  const noted: Noted[] = [{ call, status: 200, type: '', id: '', patient: '' }];
  const pace = makePace();
  for (const { entry, action } of resolved) {
    const { index, call: each } = entry;
    if (action.kind === 'put') {
      const { type, id, method } = action;
      const patient = byEntry.get(index)?.patient ?? '';
      noted.push({ call: each, status: method === 'POST' ? 201 : 200, type, id, patient });
    } else if (action.kind === 'delete') {
      const { type } = action;
      for (const id of action.ids) {
        noted.push({ call: each, status: 204, type, id, patient: await patientOfStored(context, type, id) });
      }
    } else if (action.kind === 'found') {
      const { type, id, body } = action.version;
      noted.push({ call: each, status: 200, type, id, patient: patientConcerned(type, id, body) });
    } else if (action.kind === 'same') {
      const patient = byEntry.get(action.as)?.patient ?? '';
      noted.push({ call: each, status: 200, type: action.type, id: action.id, patient });
    }
    const pause = pace();
    if (pause !== undefined) await pause;
  }
  return noted;
}

/** Gives the answer of an entry that writes or found a match by its index; undefined for one that reads. */
function answersOf(
  resolved: readonly Resolved[],
  contents: Contents,
  ordered: readonly { readonly write: Write; readonly index: number }[],
  written: readonly Written[],
  warnings: ReadonlyMap<number, readonly Issue[]>,
): (index: number) => Answer | undefined {
  const results = new Map<number, Written[]>();
  ordered.forEach(({ index }, place) => {
    const result = written[place];
    if (result === undefined) return;
    const others = results.get(index);
    if (others === undefined) results.set(index, [result]);
    else others.push(result);
  });
  const answerOf = (index: number, asked = index): Answer | undefined => {
    const action = resolved[index]?.action;
    const call = resolved[asked]?.entry.call;
    if (action === undefined || call === undefined) return undefined;
    const done = results.get(index) ?? [];
    switch (action.kind) {
      case 'found':
        return foundAnswer(action.version, call.prefer);
      case 'same': {
        // Like the entry that creates it, but as if it had come later.
        const earlier = answerOf(action.as, asked);
        return earlier === undefined ? undefined : { ...earlier, status: 200 };
      }
      case 'delete':
        return deleteAnswer(call, action, done, warnings.get(index) ?? []);
      case 'put': {
        const content = contents.byEntry.get(index);
        const [result] = done;
        if (content === undefined || result === undefined) return undefined;
        return putAnswer(content.put, result, call.prefer, content.patient, [
          ...content.warnings,
          ...(warnings.get(index) ?? []),
        ]);
      }
      case 'read':
        return undefined;
    }
  };
  return answerOf;
}
