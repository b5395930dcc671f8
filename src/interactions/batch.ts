/** Processes a batch: each entry by itself. https://hl7.org/fhir/R4/http.html#transaction */
import type { BundleOutline } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { patchFromBundleEntry } from '../fhir/patch/patch.ts';
import type { Answer, Call, Context } from './context.ts';
import { prepareResource } from './prepare.ts';
import { type Entry, entryOf } from './transaction/entry.ts';
import { makePace } from './transaction/pace.ts';
import { type EntryAnswer, respond } from './transaction/respond.ts';
import type { Perform } from './transaction/transaction.ts';

/** 200 with a Bundle of type batch-response in request order, each entry with its own outcome. */
export async function batch(context: Context, call: Call, outline: BundleOutline, perform: Perform): Promise<Answer> {
  const answers: EntryAnswer[] = [];
  const pace = makePace();
  for (const [index, each] of outline.entries.entries()) {
    let entry: Entry | undefined;
    try {
      entry = entryOf(context, call, each, index);
      answers.push({ entry, answer: await perform(context, callOf(context, entry)) });
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      answers.push({ entry, answer: error });
    }
    await pace();
  }
  return respond(context, 'batch-response', answers);
}

/** The entry's call as a direct request would make it: a patch with its document instead of the resource around it. */
function callOf(context: Context, { call }: Entry): Call {
  if (call.interaction !== 'patch' || call.body === undefined) return call;
  const carrier = prepareResource(context, call.body.bytes, undefined);
  return { ...call, body: patchFromBundleEntry(carrier.resource, carrier.bytes) };
}
