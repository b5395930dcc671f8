/** Criteria of a transaction's entries against what its other entries write. https://hl7.org/fhir/R4/http.html#trules */
import { parseJson } from '../../fhir/json.ts';
import { OutcomeError } from '../../fhir/outcome.ts';
import { isResource, type Resource } from '../../fhir/resource.ts';
import type { Criterion } from '../../search/criteria.ts';
import { extractContained } from '../../search/extract/contained.ts';
import type { Indexed } from '../../search/match.ts';
import { wordsOf } from '../../search/words.ts';
import { makePace } from '../../store/pace.ts';
import type { Condition } from '../../store/write.ts';
import { multipleMatches } from '../condition.ts';
import type { Context } from '../context.ts';
import { prepareResource } from '../prepare.ts';
import { Across, idsByType, leadsElsewhere, lookedAt } from './across.ts';
import type { Entry } from './entry.ts';
import { findLinks, rewriteLinks } from './links.ts';
import { type LinkTable, linkTable, linkTarget } from './links-table.ts';
import { canonical, OwnResources, parametersOf, wordsCode } from './own.ts';
import type { Resolved } from './resolve.ts';

/** An entry with criteria that creates, updates or patches. */
export interface Conditional {
  readonly entry: Entry;
  readonly type: string;
  readonly criterion: Criterion;
  /** Whether a stored resource matches. */
  readonly matched: boolean;
  /** FHIRPath of the criteria. */
  readonly at: string;
}

/**
 * Compares criteria with what the bundle itself writes, which no look-up in the store can see. R4 wants an outcome that
 * doesn't depend on the order of entries, so:
 * - a conditional create follows the one resource that an unconditional entry creates and its criteria match;
 * - conditional creates that match each other's content make one resource, if their contents are equal (otherwise 400);
 * - a conditional update that matches what another entry writes is the same resource twice (400), or, where a stored
 *   resource matches too, many (412); so is a conditional patch.
 * Chains lead from what the bundle writes to what it writes and to what is stored. `deleted`: `Type/id` of what it deletes;
 * `conditions` takes what was looked up.
 */
export async function settle(
  context: Context,
  resolved: readonly Resolved[],
  given: readonly Conditional[],
  deleted: ReadonlySet<string>,
  conditions: Condition[],
): Promise<readonly Resolved[]> {
  if (given.length === 0) return resolved;
  const entries = new Map(resolved.map((each) => [each.entry.index, each]));
  const isCreate = ({ entry }: Conditional): boolean => entry.call.interaction === 'create';
  const repeats = repeatsOf(given.filter(isCreate));
  const own = await ownResources(context, resolved, given, repeats);
  const conditional = await ofOwn(context, given, own, deleted, conditions);
  const updates = conditional.filter((each) => !isCreate(each));
  const creates = conditional.filter(isCreate);
  await refuseOverlaps(updates, own, entries);
  const first = creates.filter(({ entry }) => !repeats.has(entry.index));
  const creators = await creatorsOf(first, own, entries);
  return resolved.map((each) => {
    const { index } = each.entry;
    const leader = repeats.get(index) ?? index;
    const as = creators.get(leader) ?? leader;
    const creator = as === index ? undefined : entries.get(as)?.action;
    if (creator?.kind !== 'put') return each;
    return { entry: each.entry, action: { kind: 'same', type: creator.type, id: creator.id, as } };
  });
}

/** Creates whose criteria an earlier entry has too, with that entry. Throws 400 where their contents differ. */
function repeatsOf(creates: readonly Conditional[]): ReadonlyMap<number, number> {
  const first = new Map<string, Entry>();
  const repeats = new Map<number, number>();
  for (const { entry, type, criterion } of creates) {
    const key = `${type}?${canonical(criterion)}`;
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, entry);
    } else {
      refuseDifferent(earlier, entry);
      repeats.set(entry.index, earlier.index);
    }
  }
  return repeats;
}

interface Own {
  /** Of creates with and without criteria, and of updates. */
  readonly conditional: OwnResources;
  readonly unconditional: OwnResources;
  readonly updates: OwnResources;
}

/** The same with criteria for what the bundle writes: what they lead to is looked up. */
async function ofOwn(
  context: Context,
  conditional: readonly Conditional[],
  { conditional: creates, unconditional, updates }: Own,
  deleted: ReadonlySet<string>,
  conditions: Condition[],
): Promise<readonly Conditional[]> {
  if (!conditional.some(({ criterion }) => leadsElsewhere(criterion))) return conditional;
  const gone = idsByType(deleted);
  const across = new Across(context, {
    own: [creates, unconditional, updates],
    gone: (type) => new Set([...updates.ids(type), ...(gone.get(type) ?? [])]),
  });
  const changed: Conditional[] = [];
  for (const each of conditional) {
    if (!leadsElsewhere(each.criterion)) changed.push(each);
    else changed.push({ ...each, criterion: (await across.sidesOf(each.criterion, each.type)).own });
  }
  conditions.push(...across.conditions);
  return changed;
}

/** The content of entries whose types have criteria in the bundle, as far as those criteria look at it. */
async function ownResources(
  context: Context,
  resolved: readonly Resolved[],
  conditional: readonly Conditional[],
  repeats: ReadonlyMap<number, number>,
): Promise<Own> {
  const parameters = new Map<string, Set<string>>();
  const look = (type: string, criterion: Criterion): void => {
    const known = parameters.get(type) ?? new Set();
    parameters.set(type, known);
    for (const code of parametersOf(criterion)) known.add(code);
  };
  for (const { type, criterion } of conditional) {
    look(type, criterion);
    for (const other of lookedAt(criterion)) look(other.type, other.of);
  }
  // References between entries name what these write or find.
  const links = conditional.some(({ criterion }) => leadsElsewhere(criterion))
    ? linkTable(context, resolved)
    : undefined;
  const own = { conditional: new OwnResources(), unconditional: new OwnResources(), updates: new OwnResources() };
  const pace = makePace();
  const lastUpdated = context.clock();
  for (const { entry, action } of resolved) {
    const { call, index } = entry;
    if (action.kind !== 'put' || action.method === 'PATCH' || call.body === undefined || repeats.has(index)) continue;
    const { method, type, id } = action;
    const codes = parameters.get(type);
    const content = codes === undefined ? undefined : contentOf(context, call.body.bytes, codes, links, entry);
    if (content === undefined) continue;
    const group = method === 'PUT' ? 'updates' : call.ifNoneExist === undefined ? 'unconditional' : 'conditional';
    own[group].add({ entry: index, isNew: method === 'POST', type, id, lastUpdated, ...content });
    await pace();
  }
  return own;
}

/** Undefined for a resource that has faults: they are reported when all resources are prepared. */
function contentOf(
  context: Context,
  bytes: Uint8Array,
  codes: ReadonlySet<string>,
  links: LinkTable | undefined,
  { fullUrl }: Entry,
): Pick<Indexed, 'entries' | 'words' | 'contained'> | undefined {
  try {
    const sent = prepareResource(context, bytes, undefined);
    const indexed = links === undefined ? sent.indexed : linked(context, sent, links, fullUrl);
    const entries = context.extract(indexed).filter(({ parameter }) => codes.has(parameter));
    const contained = links === undefined ? undefined : extractContained(indexed, context.extract);
    return { entries, contained, ...(codes.has(wordsCode) && { words: wordsOf(indexed) }) };
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}

/** A resource with links to what the bundle's entries write or find. */
function linked(
  { definitions }: Context,
  { bytes, resource, indexed }: ReturnType<typeof prepareResource>,
  links: LinkTable,
  fullUrl: string | undefined,
): Resource {
  const rewritten = rewriteLinks(
    { bytes, value: resource },
    (text) => linkTarget(links, text, fullUrl),
    definitions,
    findLinks(resource, definitions),
  );
  const changed = rewritten === bytes ? indexed : parseJson(rewritten).indexed;
  return isResource(changed) ? changed : indexed;
}

type Entries = ReadonlyMap<number, Resolved>;

async function refuseOverlaps(updates: readonly Conditional[], own: Own, entries: Entries): Promise<void> {
  const byCriteria = new Map<string, Entry>();
  const pace = makePace();
  for (const { entry, type, criterion, matched, at } of updates) {
    await pace();
    const created = [...own.conditional.matching(type, criterion), ...own.unconditional.matching(type, criterion)];
    if (matched) {
      if (created.length > 0) throw multipleMatches(type, at);
      continue;
    }
    const key = `${type}?${canonical(criterion)}`;
    const written = [...created, ...own.updates.matching(type, criterion)].find((each) => each.entry !== entry.index);
    const other = byCriteria.get(key) ?? entries.get(written?.entry ?? -1)?.entry;
    if (other !== undefined) {
      const text = `The criteria of ${entry.expression} match what ${other.expression} writes: both would write one resource.`;
      throw bothEntries(text, other, entry);
    }
    byCriteria.set(key, entry);
  }
}

/** For each of these creates that finds another entry's resource, the entry that creates it. */
async function creatorsOf(
  creates: readonly Conditional[],
  own: Own,
  entries: Entries,
): Promise<ReadonlyMap<number, number>> {
  const groups = new Groups();
  const found = new Map<number, number>();
  const pace = makePace();
  for (const { entry, type, criterion, at } of creates) {
    await pace();
    const [created, another] = own.unconditional.matching(type, criterion);
    if (another !== undefined) throw multipleMatches(type, at);
    if (created !== undefined) found.set(entry.index, created.entry);
    for (const related of own.conditional.matching(type, criterion)) {
      const other = entries.get(related.entry)?.entry;
      if (other === undefined || other === entry) continue;
      refuseDifferent(entry, other);
      groups.join(entry.index, other.index);
    }
  }
  // What one of a group finds, all of it do.
  for (const [index, creator] of found) found.set(groups.first(index), creator);
  const creators = creates.map(({ entry }) => {
    const first = groups.first(entry.index);
    return [entry.index, found.get(first) ?? first] as const;
  });
  return new Map(creators);
}

/** Throws 400 where two entries that would create one resource have different content. */
function refuseDifferent(one: Entry, other: Entry): void {
  if (sameContent(one, other)) return;
  const text = `${one.expression} and ${other.expression} would create one resource by their criteria, but with different content.`;
  throw bothEntries(text, one, other);
}

function sameContent(one: Entry, other: Entry): boolean {
  const [a, b] = [one.call.body?.bytes, other.call.body?.bytes];
  if (a === undefined || b === undefined) return false;
  return Buffer.compare(a, b) === 0 || Buffer.compare(parseJson(a).bytes, parseJson(b).bytes) === 0;
}

/** Entries that belong together, directly or through others; each group goes by its first entry. */
class Groups {
  readonly #before = new Map<number, number>();

  first(index: number): number {
    let first = index;
    for (let next = this.#before.get(first); next !== undefined; next = this.#before.get(first)) first = next;
    return first;
  }

  join(one: number, other: number): void {
    const [a, b] = [this.first(one), this.first(other)];
    if (a !== b) this.#before.set(Math.max(a, b), Math.min(a, b));
  }
}

/** 400 for two entries that are about one resource. */
export function bothEntries(diagnostics: string, one: Entry, other: Entry): OutcomeError {
  const [first, second] = one.index < other.index ? [one, other] : [other, one];
  const expression = [first.expression, second.expression];
  return new OutcomeError(400, [{ severity: 'error', code: 'duplicate', diagnostics, expression }]);
}
