/** What must hold of a transaction before anything of it is looked up. https://hl7.org/fhir/R4/http.html#trules */
import type { BundleOutline } from '../../fhir/json.ts';
import { type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { parseSearch } from '../../search/query.ts';
import { searchContext } from '../condition.ts';
import type { Call, Context } from '../context.ts';
import { readCut } from '../reading.ts';
import { type Entry, entryOf, withExpression } from './entry.ts';

const writing = ['create', 'update', 'patch', 'delete'];
const reading = ['read', 'vread', 'search-type', 'search-system', 'history-instance', 'history-type', 'history-system'];

/**
 * The entries as calls. Throws one OutcomeError with an issue for each faulty entry: malformed requests, methods and
 * paths that do not exist, operations that change something, two entries with one fullUrl.
 */
export function checkTransaction(context: Context, bundle: Call, outline: BundleOutline): readonly Entry[] {
  const issues: Issue[] = [];
  const entries: Entry[] = [];
  outline.entries.forEach((each, index) => {
    try {
      const entry = entryOf(context, bundle, each, index);
      checkCall(context, entry);
      entries.push(entry);
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      issues.push(...error.issues);
    }
  });
  issues.push(...repeatedFullUrls(entries));
  if (issues.length > 0) throw new OutcomeError(400, issues);
  return entries;
}

function checkCall(context: Context, { call, expression }: Entry): void {
  const { interaction, operation } = call;
  if (writing.includes(interaction)) return;
  const at = `${expression}.request.url`;
  const queries = context.operations.find(({ name }) => name === operation)?.affectsState === false;
  if (!reading.includes(interaction) && !(interaction === 'operation' && queries) && interaction !== 'capabilities') {
    const diagnostics = 'An operation that changes something can not be part of a transaction.';
    throw new OutcomeError(400, [{ severity: 'error', code: 'not-supported', diagnostics, expression: [at] }]);
  }
  withExpression(at, () => {
    if (interaction === 'read' || interaction === 'vread') readCut(context, call);
    if (interaction !== 'search-type' && interaction !== 'search-system') return;
    const types = call.type === undefined ? [...context.definitions.resourceTypes] : [call.type];
    parseSearch(call.parameters, searchContext(context, types, call.prefer.handling ?? 'strict'));
  });
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
