/** Runs an interaction, audits it, and gives every failure the shape of an OperationOutcome. https://hl7.org/fhir/R4/http.html */
import { type BundleOutline, outlineBundleInSlices } from '../fhir/json.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { NotReady } from '../store/errors.ts';
import { makePace } from '../store/pace.ts';
import { batch } from './batch.ts';
import { jsonBytes } from './body.ts';
import { capabilities } from './capabilities.ts';
import type { Answer, Call, Context, Interaction } from './context.ts';
import { create } from './create.ts';
import { deleteInteraction } from './delete.ts';
import { history } from './history.ts';
import { note } from './note.ts';
import { outcomeError } from './outcome-error.ts';
import { patch } from './patch.ts';
import { isOffered } from './path.ts';
import { withBundleTime } from './prepare.ts';
import { read } from './read.ts';
import { replay } from './replay.ts';
import { search } from './search.ts';
import { checkEnvelope } from './transaction/envelope.ts';
import { transaction } from './transaction/transaction.ts';
import { update } from './update.ts';
import { vread } from './vread.ts';

type Perform = (context: Context, call: Call) => Promise<Answer>;

const interactions: { readonly [K in Exclude<Interaction, 'batch' | 'transaction'>]: Perform } = {
  read,
  vread,
  create,
  update,
  patch,
  delete: deleteInteraction,
  'history-instance': history,
  'history-type': history,
  'history-system': history,
  'search-type': search,
  'search-system': search,
  capabilities,
  operation,
};

const writes: ReadonlySet<Interaction> = new Set(['create', 'update', 'patch', 'delete', 'transaction']);

/** Whether an interaction leaves its records with the change it makes. */
function auditedInCommit({ operations }: Context, { interaction, operation: named }: Call): boolean {
  if (interaction === 'operation') return operations.find(({ name }) => name === named)?.affectsState === true;
  return writes.has(interaction);
}

/**
 * The answer of an interaction. A bundle for the base is a batch, a transaction or a history by its type; `onTransaction`
 * is told where it is a transaction, and of how many entries.
 * Throws OutcomeError, never anything else.
 */
export async function perform(
  context: Context,
  call: Call,
  onTransaction?: (entries: number) => void,
): Promise<Answer> {
  if (call.interaction !== 'batch') return audited(context, call, interactionOf(call));
  let outline: BundleOutline;
  try {
    outline = await outlineOf(call);
    checkEnvelope(context, outline);
  } catch (error) {
    throw noteFailure(context, call, error);
  }
  const { type } = outline.members;
  const together = withBundleTime(context, outline.entries.length);
  if (type === 'transaction') {
    const bundle: Call = { ...call, interaction: 'transaction' };
    onTransaction?.(outline.entries.length);
    return audited(context, bundle, () => transaction(together, bundle, outline, perform));
  }
  if (type === 'batch') return audited(context, call, () => batch(together, call, outline, perform));
  if (type === 'history') return audited(context, call, () => replay(together, call, outline, perform));
  const text = 'A Bundle for the base is of type batch, transaction or history. To store a Bundle, POST it to /Bundle.';
  throw noteFailure(context, call, failure(400, 'value', text, 'Bundle.type'));
}

function interactionOf(call: Call): Perform {
  const { interaction } = call;
  // A bundle inside a bundle was refused before it came here.
  if (interaction === 'batch' || interaction === 'transaction') throw new Error('bundles are processed by perform');
  return interactions[interaction];
}

async function audited(context: Context, call: Call, run: Perform): Promise<Answer> {
  try {
    const answer = await run(context, call);
    if (!auditedInCommit(context, call)) note(context, call, answer.status, answer);
    return answer;
  } catch (error) {
    throw noteFailure(context, call, error);
  }
}

function noteFailure(context: Context, call: Call, error: unknown): OutcomeError {
  const outcome = outcomeError(error);
  if (outcome.status >= 500 && !isWaiting(error)) context.report(error, call.origin.requestId);
  note(context, call, outcome.status);
  return outcome;
}

/** Whether all that is in the way is an index that is being made: no failure of the server's. */
const isWaiting = (error: unknown): boolean =>
  error instanceof NotReady || (error instanceof OutcomeError && error.status === 503);

async function outlineOf(call: Call): Promise<BundleOutline> {
  const { body } = call;
  if (body === undefined || body.bytes.byteLength === 0) {
    throw failure(400, 'required', 'POST to the base needs a Bundle of type batch, transaction or history.');
  }
  const pace = makePace();
  const outline = await outlineBundleInSlices(jsonBytes(call), async () => pace());
  if (outline === undefined) {
    throw failure(400, 'invalid', 'POST to the base takes a Bundle; another resource goes to the URL of its type.');
  }
  return outline;
}

function operation(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call;
  const level = type === undefined ? 'system' : id === undefined ? 'type' : 'instance';
  // Types may have operations of one name: $validate-code.
  const found = context.operations.find((each) => each.name === call.operation && isOffered(each, level, type));
  if (found === undefined) throw failure(404, 'not-supported', 'There is no operation of that name.');
  return found.run(context, call);
}
