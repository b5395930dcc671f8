/** What must hold of a transaction before anything of it is looked up. https://hl7.org/fhir/R4/http.html#trules */
import type { BundleOutline } from '../../fhir/json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { makePace } from '../../store/pace.ts';
import { capabilities } from '../capabilities.ts';
import type { Call, Context, Interaction } from '../context.ts';
import { planHistory } from '../history.ts';
import { notModified, readCut } from '../reading.ts';
import { planSearch } from '../search.ts';
import { type Entry, entryOf, mostIssues, within } from './entry.ts';

const writing: readonly Interaction[] = ['create', 'update', 'patch', 'delete'];

/**
 * The entries as calls. Throws one OutcomeError with an issue for each faulty entry: malformed requests, methods and
 * paths that do not exist, parameters of reads, operations that change something, two entries with one fullUrl.
 */
export async function checkTransaction(
  context: Context,
  bundle: Call,
  outline: BundleOutline,
): Promise<readonly Entry[]> {
  const issues: Issue[] = [];
  const entries: Entry[] = [];
  const pace = makePace();
  for (const [index, each] of outline.entries.entries()) {
    try {
      const entry = entryOf(context, bundle, each, index);
      if (!writing.includes(entry.call.interaction)) await checkRead(context, entry);
      entries.push(entry);
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      if (issues.length < mostIssues) issues.push(...error.issues);
    }
    await pace();
  }
  issues.push(...repeatedFullUrls(entries).slice(0, mostIssues));
  if (issues.length > 0) throw new OutcomeError(400, issues);
  return entries;
}

/** Throws what the read would answer to its request with, so that nothing is committed beside a faulty one. */
async function checkRead(context: Context, { call, expression }: Entry): Promise<void> {
  const at = `${expression}.request.url`;
  try {
    switch (call.interaction) {
      case 'read':
      case 'vread':
        readCut(context, call);
        // The version does not matter: a malformed header is a fault for any.
        notModified(call, 0, 0);
        break;
      case 'search-type':
      case 'search-system':
        await planSearch(context, call);
        break;
      case 'history-instance':
      case 'history-type':
      case 'history-system':
        await planHistory(context, call);
        break;
      case 'capabilities':
        await capabilities(context, call);
        break;
      case 'operation':
        if (context.operations.find(({ name }) => name === call.operation)?.affectsState !== false) throw changes(at);
    }
  } catch (error) {
    // What is not there may be so when the entry is run; it answers for itself.
    if (error instanceof OutcomeError && (error.status === 404 || error.status === 410)) return;
    throw within(at, error);
  }
}

function changes(expression: string): OutcomeError {
  const diagnostics = 'An operation that changes something can not be part of a transaction.';
  return new OutcomeError(400, [{ severity: 'error', code: 'not-supported', diagnostics, expression: [expression] }]);
}

function repeatedFullUrls(entries: readonly Entry[]): readonly Issue[] {
  const first = new Map<string, Entry>();
  const issues: Issue[] = [];
  for (const entry of entries) {
    const { fullUrl, call } = entry;
    if (fullUrl === undefined || !writing.includes(call.interaction)) continue;
    const other = first.get(fullUrl);
    if (other === undefined) {
      first.set(fullUrl, entry);
      continue;
    }
    const diagnostics = `${other.expression} and ${entry.expression} have the same fullUrl.`;
    const expression = [`${other.expression}.fullUrl`, `${entry.expression}.fullUrl`];
    issues.push({ severity: 'error', code: 'duplicate', diagnostics, expression });
  }
  return issues;
}
