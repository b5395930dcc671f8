/** The resources of a transaction, with their links and conditional references resolved. https://hl7.org/fhir/R4/http.html#trules */

import { bodyBytes } from '../../fhir/body.ts';
import { patientOf } from '../../fhir/definitions/patient.ts';
import { parseJson } from '../../fhir/json.ts';
import { failure, type Issue, OutcomeError } from '../../fhir/outcome.ts';
import { patchFromBundleEntry } from '../../fhir/patch/patch.ts';
import { isResource } from '../../fhir/resource.ts';
import { extractAll } from '../../search/extract/contained.ts';
import { looksAtWords, type Words, wordsOf } from '../../search/words.ts';
import { makePace } from '../../store/pace.ts';
import type { Condition, Precondition, Put } from '../../store/write.ts';
import { canonicalTypes } from '../canonical.ts';
import type { Coming } from '../coming.ts';
import type { RequiredReference } from '../commit.ts';
import type { Context } from '../context.ts';
import { requiredReferences } from '../integrity.ts';
import { parsePatch, patched, refuseBinary } from '../patch.ts';
import { type Prepared, prepareInPieces, prepareResource, putInPieces } from '../prepare.ts';
import { checkId } from '../update.ts';
import type { Validations } from '../validate.ts';
import { Across, lookedAt } from './across.ts';
import { Arena } from './arena.ts';
import { type ConditionalReference, conditionalReference, replacedOf, targetOf } from './conditional-references.ts';
import { mostIssues, within } from './entry.ts';
import { findLinks, type Link, type LinkResolver, replaceLinks, resolveLink, rewriteLinks } from './links.ts';
import { type LinkTable, linkTable, linkTarget } from './links-table.ts';
import { OwnResources } from './own.ts';
import type { Resolution, Resolved } from './resolve.ts';

/** What an entry writes. */
export interface Content {
  readonly put: Put;
  readonly patient: string;
  readonly required: readonly RequiredReference[];
  /** Of validation. */
  readonly warnings: readonly Issue[];
}

export interface Contents {
  /** By the entry's index; only for entries that store a resource. */
  readonly byEntry: ReadonlyMap<number, Content>;
  /** Of conditional references. */
  readonly conditions: readonly Condition[];
}

type PutAction = Extract<Resolved['action'], { kind: 'put' }>;

/** A resource before its links are rewritten. */
interface Sent {
  readonly prepared: Prepared;
  readonly precondition: Precondition | undefined;
  /** Links that a patch left as they are stored: they are not the bundle's, so they stay. */
  readonly stored: ReadonlySet<string>;
}

/** A resource whose conditional references are still as sent. Its parsed form isn't kept: there may be thousands. */
interface Pending {
  readonly resolved: Resolved;
  readonly action: PutAction;
  readonly precondition: Precondition | undefined;
  /** With links rewritten. */
  readonly bytes: Uint8Array;
  /** Distinct conditional references. */
  readonly conditional: readonly string[];
}

/**
 * Parses, checks, rewrites, validates and indexes what the entries store, a piece at a time.
 * Throws one OutcomeError with the issues of all faulty entries; 412 for conditional references with no or many matches.
 */
export async function prepareContents(
  context: Context,
  resolution: Resolution,
  validations: Validations,
): Promise<Contents> {
  const { resolved } = resolution;
  const links = linkTable(context, resolved);
  const pace = makePace();
  const sent = resolved.reduce((sum, { entry }) => sum + (entry.call.body?.bytes.byteLength ?? 0), 0);
  const arena = new Arena(sent);
  const byEntry = new Map<number, Content>();
  const pending: Pending[] = [];
  const faults = new Faults();
  // One that comes alone has nothing to be looked up by.
  const alone = resolved.length <= 1 || !validates(context);
  const { coming, read } = alone ? noDefinitions : await definitionsIn(context, resolved);
  validations.beside(coming);
  for (const each of resolved) {
    const { entry, action } = each;
    if (action.kind === 'found' || action.kind === 'same') {
      // Not written, since there is a match; faulty it may be no more than in a direct create.
      await faults.collect(entry.expression, () => checkResource(context, each, validations));
      await pace();
    }
    if (action.kind !== 'put') continue;
    await faults.collect(entry.expression, async () => {
      const { prepared, precondition, stored } = await sentOf(context, each, action, read.get(entry.index));
      const all = findLinks(prepared.resource, context.definitions);
      const found = stored.size === 0 ? all : all.filter(({ text }) => !stored.has(text));
      const resolve = resolverOf(links, entry.fullUrl, stored);
      refuseUnresolved(found, resolve);
      const rewritten = rewriteLinks(
        { bytes: prepared.bytes, value: prepared.resource },
        resolve,
        context.definitions,
        all,
      );
      const conditional = [...new Set(found.filter(isConditional).map(({ text }) => text))];
      if (conditional.length === 0) {
        const changed = rewritten === prepared.bytes ? prepared : withLinks(prepared, rewritten, all, resolve);
        const warnings = await warningsOf(validations, each, action, changed);
        byEntry.set(entry.index, await contentOf(context, arena, each, action, precondition, changed, warnings));
      } else {
        pending.push({ resolved: each, action, precondition, bytes: arena.keep(rewritten), conditional });
      }
    });
    await pace();
  }
  faults.throwIfAny();
  if (pending.length === 0) return { byEntry, conditions: [] };
  const conditions = await resolvePending(context, arena, resolution, pending, byEntry, faults, validations);
  return { byEntry, conditions };
}

const validates = ({ settings }: Context): boolean => settings.validation !== 'off';

interface Definitions {
  readonly coming: readonly Coming[];
  /** What entries carry, by their indexes: each is parsed once. */
  readonly read: ReadonlyMap<number, Prepared>;
}

const noDefinitions: Definitions = { coming: [], read: new Map() };

/** The definitions that entries create or update with what they carry, and those that they delete. */
async function definitionsIn(context: Context, resolved: readonly Resolved[]): Promise<Definitions> {
  const found: Coming[] = [];
  const read = new Map<number, Prepared>();
  const pace = makePace();
  for (const { entry, action } of resolved) {
    if (action.kind === 'delete' && canonicalTypes.has(action.type)) {
      const { type, ids } = action;
      for (const id of ids) found.push({ type, id, content: undefined, key: context.newId() });
    }
    const { body } = entry.call;
    if (action.kind !== 'put' || action.method === 'PATCH' || !canonicalTypes.has(action.type) || !body) continue;
    const { type, id } = action;
    try {
      const prepared = await prepareInPieces(context, body.bytes, type);
      read.set(entry.index, prepared);
      found.push({ type, id, content: prepared.resource, key: context.newId() });
    } catch (error) {
      // It is prepared once more, and told of, in its turn.
      if (!(error instanceof OutcomeError)) throw error;
    }
    await pace();
  }
  return { coming: found, read };
}

async function checkResource(context: Context, { entry }: Resolved, validations: Validations): Promise<void> {
  const { body, type } = entry.call;
  if (body === undefined) return;
  const prepared = await prepareInPieces(context, body.bytes, type);
  await validations.of(prepared, entry.index, false, `${entry.expression}.resource`);
}

/** What validation says of a resource with its links rewritten, so that references within the bundle lead to resources of a type. */
function warningsOf(
  validations: Validations,
  { entry }: Resolved,
  { method }: PutAction,
  prepared: Prepared,
): Promise<readonly Issue[]> {
  return validations.of(prepared, entry.index, method === 'PATCH', `${entry.expression}.resource`);
}

/** `read`: what the entry carries, where it was parsed already. */
async function sentOf(
  context: Context,
  { entry }: Resolved,
  action: PutAction,
  read: Prepared | undefined,
): Promise<Sent> {
  const { body } = entry.call;
  const { method, type, id, precondition } = action;
  if (body === undefined) throw failure(400, 'required', 'The entry has no resource.');
  if (method !== 'PATCH') {
    const prepared = read ?? (await prepareInPieces(context, body.bytes, type));
    // A conditional update may leave the id to the server.
    if (method === 'PUT' && entry.call.id !== undefined) checkId(prepared, id);
    return { prepared, precondition, stored: none };
  }
  refuseBinary(type);
  const carrier = prepareResource(context, body.bytes, undefined);
  const document = patchFromBundleEntry(carrier.resource, carrier.bytes);
  const patch = parsePatch(document.bytes, document.contentType);
  const result = await patched(context, type, id, patch, precondition);
  const before = findLinks(reparse(result.before).resource, context.definitions);
  return { ...result, stored: new Set(before.map(({ text }) => text)) };
}

const none: ReadonlySet<string> = new Set();

const isConditional = ({ element, text }: Link): boolean => element === 'reference' && /^[A-Z][A-Za-z]+\?/.test(text);

/** What a link in an entry becomes. */
function resolverOf(links: LinkTable, fullUrl: string | undefined, stored: ReadonlySet<string>): LinkResolver {
  return (text) => (stored.has(text) ? undefined : linkTarget(links, text, fullUrl));
}

function refuseUnresolved(found: readonly Link[], resolve: LinkResolver): void {
  const issues: Issue[] = found
    .filter(({ element, text }) => element === 'reference' && text.startsWith('urn:uuid:'))
    .filter(({ element, text }) => resolveLink(text, element, resolve) === undefined)
    .map(({ text, expression }) => ({
      severity: 'error',
      code: 'not-found',
      diagnostics: `No entry of the bundle has the fullUrl ${text}.`,
      expression: [expression],
    }));
  if (issues.length > 0) throw new OutcomeError(400, issues);
}

async function contentOf(
  context: Context,
  arena: Arena,
  { entry }: Resolved,
  action: PutAction,
  precondition: Precondition | undefined,
  prepared: Prepared,
  warnings: readonly Issue[],
): Promise<Content> {
  const { resource } = prepared;
  const put = await putInPieces(context, prepared, action.id, action.method, precondition);
  return {
    put: { ...put, body: arena.keepBody(put.body) },
    patient: patientOf(resource, action.id),
    warnings,
    required: requiredReferences(context, resource, '').map((reference) => ({
      ...reference,
      expression: `${entry.expression}.resource${reference.expression.slice(resource.resourceType.length)}`,
    })),
  };
}

/**
 * A resource with its links rewritten, `bytes` already. Links change strings only, so what was checked before still holds.
 * Nobody else has the parsed resource, but for those who look up definitions, and mean what will be stored: it is changed where it is.
 */
function withLinks(before: Prepared, bytes: Uint8Array, found: readonly Link[], resolve: LinkResolver): Prepared {
  if (before.indexed !== before.resource || !replaceLinks(found, resolve)) return reparse(bytes);
  return { bytes, resource: before.resource, indexed: before.resource };
}

function reparse(bytes: Uint8Array): Prepared {
  const { value, indexed } = parseJson(bytes);
  if (!isResource(value) || !isResource(indexed)) throw new Error('rewriting links keeps a resource a resource');
  return { bytes, resource: value, indexed };
}

/** Gathers the issues of several entries, until one takes too long to check. */
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
      if (this.#issues.length < mostIssues) this.#issues.push(...error.issues);
      // The others may each take as long.
      if (error.issues.some(({ code }) => code === 'too-costly')) this.throwIfAny();
    }
  }

  throwIfAny(): void {
    if (this.#issues.length > 0) throw new OutcomeError(this.#status, this.#issues);
  }
}

async function resolvePending(
  context: Context,
  arena: Arena,
  resolution: Resolution,
  pending: readonly Pending[],
  byEntry: Map<number, Content>,
  faults: Faults,
  validations: Validations,
): Promise<readonly Condition[]> {
  const pace = makePace();
  const wanted = new Map<string, ConditionalReference | OutcomeError>();
  for (const text of new Set(pending.flatMap(({ conditional }) => conditional))) {
    wanted.set(text, await conditionalReference(context, text));
    await pace();
  }
  const known = [...wanted.values()].filter((each): each is ConditionalReference => !(each instanceof OutcomeError));
  const types = new Set(
    known.flatMap(({ type, criterion }) => [type, ...lookedAt(criterion).map((other) => other.type)]),
  );
  // What the bundle itself writes of these types: it may match, with its conditional references still open.
  const own = new OwnResources();
  const worded = known.some(({ criterion }) => looksAtWords(criterion));
  const lastUpdated = context.clock();
  for (const [entry, { put }] of byEntry) {
    const { method, type, id, entries, contained } = put;
    if (!types.has(type)) continue;
    const words = worded ? wordsOf(reparse(bodyBytes(put.body, 1, 0)).indexed) : undefined;
    own.add({ entry, isNew: method === 'POST', type, id, lastUpdated, entries, contained, words });
  }
  for (const { resolved, action, bytes } of pending) {
    const { method, type, id } = action;
    if (!types.has(type)) continue;
    const { indexed } = reparse(bytes);
    const words: Words | undefined = worded ? wordsOf(indexed) : undefined;
    const entries = extractAll(indexed, context.extract);
    const isNew = method === 'POST';
    own.add({ entry: resolved.entry.index, isNew, type, id, lastUpdated, ...entries, words });
    await pace();
  }
  const replaced = replacedOf(own, types, resolution.deleted);
  const across = new Across(context, { own: [own], gone: (type) => replaced.get(type) ?? none });
  const conditions: Condition[] = [];
  const targets = new Map<string, string | OutcomeError>();
  for (const [text, reference] of wanted) {
    const target =
      reference instanceof OutcomeError
        ? reference
        : await targetOf(context, own, replaced, reference, across, conditions);
    targets.set(text, target);
    await pace();
  }
  conditions.push(...across.conditions);
  const resolve: LinkResolver = (text) => {
    const target = targets.get(text);
    return typeof target === 'string' ? target : undefined;
  };
  for (const { resolved, action, precondition, bytes, conditional } of pending) {
    await faults.collect(resolved.entry.expression, async () => {
      const prepared = reparse(bytes);
      for (const text of conditional) {
        const target = targets.get(text);
        if (target instanceof OutcomeError) throw within(placeOf(context, prepared, text), target);
      }
      const found = findLinks(prepared.resource, context.definitions);
      const rewritten = rewriteLinks({ bytes, value: prepared.resource }, resolve, context.definitions, found);
      const changed = withLinks(prepared, rewritten, found, resolve);
      const warnings = await warningsOf(validations, resolved, action, changed);
      byEntry.set(
        resolved.entry.index,
        await contentOf(context, arena, resolved, action, precondition, changed, warnings),
      );
    });
    await pace();
  }
  faults.throwIfAny();
  return conditions;
}

/** The FHIRPath of a conditional reference. */
function placeOf(context: Context, { resource }: Prepared, text: string): string {
  const found = findLinks(resource, context.definitions).find((link) => isConditional(link) && link.text === text);
  return found?.expression ?? resource.resourceType;
}
