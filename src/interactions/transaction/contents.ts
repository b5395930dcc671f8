/** The resources of a transaction, with their links and conditional references resolved. https://hl7.org/fhir/R4/http.html#trules */

import { patientOf } from '../../fhir/definitions/patient.ts';
import { parseJson } from '../../fhir/json.ts';
import { failure, type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { patchFromBundleEntry } from '../../fhir/patch/patch.ts';
import { isResource } from '../../fhir/resource.ts';
import { matches } from '../../search/match.ts';
import type { Condition, Put } from '../../store/write.ts';
import type { RequiredReference } from '../commit.ts';
import { resolveCondition } from '../condition.ts';
import type { Context } from '../context.ts';
import { requiredReferences } from '../integrity.ts';
import { parsePatch, patched, refuseBinary } from '../patch.ts';
import { type Prepared, prepareResource, putOf } from '../prepare.ts';
import { checkId } from '../update.ts';
import { within } from './entry.ts';
import { findLinks, type Link, resolveLink, rewriteLinks } from './links.ts';
import { type LinkTable, linkTable } from './links-table.ts';
import { makePace } from './pace.ts';
import type { Resolution, Resolved } from './resolve.ts';

/** What an entry writes. */
export interface Content {
  readonly put: Put;
  readonly patient: string;
  readonly required: readonly RequiredReference[];
}

export interface Contents {
  /** By the entry's index; only for entries that store a resource. */
  readonly byEntry: ReadonlyMap<number, Content>;
  /** Of conditional references. */
  readonly conditions: readonly Condition[];
}

type PutAction = Extract<Resolved['action'], { kind: 'put' }>;

/** A resource whose conditional references are still as sent. */
interface Pending {
  readonly resolved: Resolved;
  readonly action: PutAction;
  /** With links rewritten. */
  readonly bytes: Uint8Array;
  readonly conditional: readonly Link[];
}

/**
 * Parses, checks, rewrites and indexes what the entries store, a piece at a time.
 * Throws one OutcomeError with the issues of all faulty entries; 412 for conditional references with no or many matches.
 */
export async function prepareContents(context: Context, resolution: Resolution): Promise<Contents> {
  const { resolved } = resolution;
  const links = linkTable(context, resolved);
  const pace = makePace();
  const byEntry = new Map<number, Content>();
  const pending: Pending[] = [];
  const faults = new Faults();
  for (const each of resolved) {
    const { entry, action } = each;
    if (action.kind !== 'put') continue;
    await faults.collect(entry.expression, async () => {
      const prepared = await preparedOf(context, each, action);
      const found = findLinks(prepared.resource, context.definitions);
      refuseUnresolved(found, links);
      const bytes = rewrite(context, prepared, found, (text) => links.get(text));
      const conditional = found.filter(isConditional);
      if (conditional.length > 0) pending.push({ resolved: each, action, bytes, conditional });
      else byEntry.set(entry.index, contentOf(context, each, action, prepared, bytes));
    });
    await pace();
  }
  faults.throwIfAny();
  if (pending.length === 0) return { byEntry, conditions: [] };
  const conditions = await resolvePending(context, resolution, pending, byEntry, links, faults);
  return { byEntry, conditions };
}

async function preparedOf(context: Context, { entry }: Resolved, action: PutAction): Promise<Prepared> {
  if (action.prepared !== undefined) return action.prepared;
  const { body } = entry.call;
  if (body === undefined) throw failure(400, 'required', 'The entry has no resource.');
  if (action.method === 'PATCH') {
    refuseBinary(action.type);
    const document = prepareResource(context, body.bytes, undefined);
    const { bytes, contentType } = patchFromBundleEntry(document.resource, document.bytes);
    const patch = parsePatch(bytes, contentType);
    return (await patched(context, action.type, action.id, patch, action.precondition)).prepared;
  }
  const prepared = prepareResource(context, body.bytes, action.type);
  if (action.method === 'PUT') checkId(prepared, action.id);
  return prepared;
}

const isConditional = ({ element, text }: Link): boolean => element === 'reference' && /^[A-Z][A-Za-z]+\?/.test(text);

function refuseUnresolved(found: readonly Link[], links: LinkTable): void {
  const issues: Issue[] = found
    .filter(({ element, text }) => element === 'reference' && /^urn:(uuid|oid):/.test(text))
    .filter(({ text }) => resolveLink(text, 'reference', (each) => links.get(each)) === undefined)
    .map(({ text, expression }) => ({
      severity: 'error',
      code: 'not-found',
      diagnostics: `No entry of the bundle has the fullUrl ${text}.`,
      expression: [expression],
    }));
  if (issues.length > 0) throw new OutcomeError(400, issues);
}

function rewrite(
  context: Context,
  prepared: Pick<Prepared, 'bytes' | 'resource'>,
  found: readonly Link[],
  resolve: (text: string) => string | undefined,
): Uint8Array {
  return rewriteLinks({ bytes: prepared.bytes, value: prepared.resource }, resolve, context.definitions, found);
}

function contentOf(
  context: Context,
  { entry }: Resolved,
  action: PutAction,
  prepared: Prepared,
  bytes: Uint8Array,
): Content {
  const rewritten = bytes === prepared.bytes ? prepared : reparse(bytes);
  const precondition = action.method === 'PATCH' ? undefined : action.precondition;
  const put = putOf(context, rewritten, action.id, action.method, precondition);
  return {
    put,
    patient: patientOf({ ...rewritten.resource, id: action.id }),
    required: requiredReferences(context, rewritten.resource, '').map((reference) => ({
      ...reference,
      expression: `${entry.expression}.resource${reference.expression.slice(rewritten.resource.resourceType.length)}`,
    })),
  };
}

// Links change strings only, so what was checked before still holds.
function reparse(bytes: Uint8Array): Prepared {
  const { value, indexed } = parseJson(bytes);
  if (!isResource(value) || !isResource(indexed)) throw new Error('rewriting links keeps a resource a resource');
  return { bytes, resource: value, indexed };
}

/** Gathers the issues of several entries. */
class Faults {
  readonly #issues: Issue[] = [];
  #status = 400;

  async collect(expression: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (thrown) {
      const error = within(expression, thrown);
      if (!(error instanceof OutcomeError)) throw error;
      if (this.#issues.length === 0) this.#status = error.status;
      if (this.#issues.length < 100) this.#issues.push(...error.issues);
    }
  }

  throwIfAny(): void {
    if (this.#issues.length > 0) throw new OutcomeError(this.#status, this.#issues);
  }
}

async function resolvePending(
  context: Context,
  resolution: Resolution,
  pending: readonly Pending[],
  byEntry: Map<number, Content>,
  links: LinkTable,
  faults: Faults,
): Promise<readonly Condition[]> {
  const pace = makePace();
  const wanted = new Set(pending.flatMap(({ conditional }) => conditional.map(({ text }) => text)));
  const types = new Set([...wanted].map((text) => text.slice(0, text.indexOf('?'))));
  // What the bundle itself writes of these types: it may match, with its conditional references still open.
  const written: Put[] = [...byEntry.values()].map(({ put }) => put).filter(({ type }) => types.has(type));
  for (const { action, bytes } of pending) {
    if (types.has(action.type)) written.push(putOf(context, reparse(bytes), action.id, action.method));
    await pace();
  }
  const conditions: Condition[] = [];
  const targets = new Map<string, string | OutcomeError>();
  for (const text of wanted) {
    targets.set(text, await targetOf(context, resolution, written, text, conditions));
    await pace();
  }
  for (const { resolved, action, bytes, conditional } of pending) {
    await faults.collect(resolved.entry.expression, async () => {
      for (const { text, expression } of conditional) {
        const target = targets.get(text);
        if (target instanceof OutcomeError) throw within(expression, target);
      }
      const prepared = reparse(bytes);
      const resolve = (text: string) => {
        const target = targets.get(text);
        return typeof target === 'string' ? target : links.get(text);
      };
      const rewritten = rewriteLinks({ bytes, value: prepared.resource }, resolve, context.definitions);
      byEntry.set(resolved.entry.index, contentOf(context, resolved, action, prepared, rewritten));
    });
    await pace();
  }
  faults.throwIfAny();
  return conditions;
}

/** The one match of a conditional reference in the state after the bundle's own writes. */
async function targetOf(
  context: Context,
  { deleted }: Resolution,
  written: readonly Put[],
  text: string,
  conditions: Condition[],
): Promise<string | OutcomeError> {
  const mark = text.indexOf('?');
  const type = text.slice(0, mark);
  if (!context.definitions.resourceTypes.has(type)) {
    return failure(400, 'value', `${type} is no resource type; a conditional reference is Type?criteria.`);
  }
  const own = written.filter((put) => put.type === type);
  const replaced = new Set([...own.map(({ id }) => id), ...idsOf(deleted, type)]);
  let condition: Condition;
  try {
    condition = await resolveCondition(context, type, text.slice(mark + 1), 2 + replaced.size);
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  conditions.push(condition);
  const lastUpdated = context.clock();
  const found = new Set([
    ...condition.matches.filter((id) => !replaced.has(id)),
    ...own
      .filter(({ id, entries }) => matches(condition.criterion, { type, id, lastUpdated, entries }))
      .map(({ id }) => id),
  ]);
  const [only] = found;
  if (found.size === 1 && only !== undefined) return `${type}/${only}`;
  const many = found.size > 1 ? 'several resources' : 'nothing';
  const code = found.size > 1 ? 'multiple-matches' : 'not-found';
  return failure(412, code, `The conditional reference ${text} matches ${many}; it must match exactly one.`);
}

function idsOf(keys: ReadonlySet<string>, type: string): readonly string[] {
  const prefix = `${type}/`;
  return [...keys].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}
