/** Processes a batch: each entry by itself. https://hl7.org/fhir/R4/http.html#transaction */
import type { BundleOutline, EntryOutline } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { patchFromBundleEntry } from '../fhir/patch/patch.ts';
import { isObject } from '../fhir/resource.ts';
import { makePace } from '../store/pace.ts';
import type { Answer, Call, Context } from './context.ts';
import { note } from './note.ts';
import { prepareResource } from './prepare.ts';
import { checkCall, type Entry, readEntry } from './transaction/entry.ts';
import { type EntryAnswer, respond } from './transaction/respond.ts';
import type { Perform } from './transaction/transaction.ts';

/** Entries are processed in the same order as those of a transaction; a method that is none fails wherever it stands. */
const order: readonly (readonly string[])[] = [['DELETE'], ['POST'], ['PUT', 'PATCH'], ['GET', 'HEAD']];

/** 200 with a Bundle of type batch-response in request order, each entry with its own outcome. */
export async function batch(context: Context, call: Call, outline: BundleOutline, perform: Perform): Promise<Answer> {
  const entries = [...outline.entries.entries()];
  const inOrder = entries.toSorted(([, one], [, other]) => rankOf(one) - rankOf(other));
  return respond(context, 'batch-response', await answerEntries(context, call, inOrder, perform));
}

function rankOf({ members: { request } }: EntryOutline): number {
  const method = isObject(request) && typeof request.method === 'string' ? request.method : '';
  return order.findIndex((methods) => methods.includes(method));
}

/**
 * Performs entries one after another, in the given order. Their answers come in the order of the request.
 * `rewrite` makes of an entry what is performed; it may throw OutcomeError like the interaction itself.
 */
export async function answerEntries(
  context: Context,
  call: Call,
  entries: Iterable<readonly [index: number, entry: EntryOutline]>,
  perform: Perform,
  rewrite: (entry: EntryOutline, index: number) => EntryOutline = (entry) => entry,
): Promise<readonly EntryAnswer[]> {
  const answers: (EntryAnswer & { readonly index: number })[] = [];
  const pace = makePace();
  for (const [index, outline] of entries) {
    let entry: Entry | undefined;
    let isPerformed = false;
    try {
      entry = readEntry(context, call, rewrite(outline, index), index);
      checkCall(context, entry);
      const asked = callOf(context, entry);
      isPerformed = true;
      answers.push({ index, entry, answer: await perform(context, asked) });
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      // What is performed leaves its own AuditEvent.
      if (entry !== undefined && !isPerformed) note(context, entry.call, error.status);
      answers.push({ index, entry, answer: error });
    }
    await pace();
  }
  return answers.sort((a, b) => a.index - b.index);
}

/** The entry's call as a direct request would make it: a patch with its document instead of the resource around it. */
function callOf(context: Context, { call }: Entry): Call {
  if (call.interaction !== 'patch' || call.body === undefined) return call;
  const carrier = prepareResource(context, call.body.bytes, undefined);
  return { ...call, body: patchFromBundleEntry(carrier.resource, carrier.bytes) };
}
