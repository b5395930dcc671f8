/** Value sets and code systems for searches: those of the store, and R4's own. https://hl7.org/fhir/R4/search.html#token */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { parseReference } from '../fhir/reference.ts';
import { isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Criterion } from '../search/criteria.ts';
import type { SearchContext } from '../search/query.ts';
import type { SystemCodes, TermRequest } from '../search/terms.ts';
import type { Position, Store, Version } from '../store/port.ts';
import { builtIn } from '../terminology/built-in.ts';
import { type CodeSystem, readCodeSystem } from '../terminology/code-system.ts';
import { expandValueSet, subsumption, type TermSource } from '../terminology/expand.ts';
import { mostWork, Work } from '../terminology/work.ts';
import type { Context } from './context.ts';
import { type Ingredient, keepCodes, keptCodes, type Made } from './kept-codes.ts';

type Kind = 'CodeSystem' | 'ValueSet';

/** How many value sets and codes a search may name. */
const mostRequests = 50;
/** How many resources with one url are compared to find the one that is meant. */
const mostVersions = 100;

/**
 * What `parse` makes of a search whose token modifiers may need value sets and code systems. It is called again once these
 * are known: what it needs turns up while it parses.
 * `position`: the walk whose state is looked at; undefined: what is current.
 * Throws what `parse` throws, and 400 naming the parameter where a set or system is lacking or too large.
 */
export async function withTerms<T>(
  context: Context,
  searching: SearchContext,
  parse: (searching: SearchContext) => T,
  position?: Pick<Position, 'at' | 'since'>,
): Promise<T> {
  const resolved = new Map<string, readonly SystemCodes[]>();
  const resolver = new Resolver(context, position);
  for (;;) {
    const wanted = new Map<string, TermRequest>();
    const terms = (request: TermRequest): readonly SystemCodes[] => {
      const key = JSON.stringify(request);
      const known = resolved.get(key);
      if (known === undefined) wanted.set(key, request);
      return known ?? [];
    };
    const parsed = parse({ ...searching, terms });
    if (wanted.size === 0) return parsed;
    if (wanted.size > mostRequests) {
      const text = `A search may name at most ${mostRequests} value sets and codes by :in, :not-in, :above and :below.`;
      throw failure(400, 'too-costly', text);
    }
    for (const [key, request] of wanted) resolved.set(key, await resolver.resolve(request));
  }
}

/** A resource that was looked up. */
interface Found {
  /** Names its very version. */
  readonly key: string;
  readonly content: () => JsonObject;
}

interface ReadSystem {
  readonly key: string;
  readonly system: CodeSystem;
}

type Find = (type: Kind, canonical: string) => Promise<Found | undefined>;

/** Finds the codes that one search asks for. */
class Resolver {
  readonly #store: Store;
  readonly #find: Find;
  /** What was found for what is kept, but once in a search. */
  readonly #foundNow = new Map<string, Promise<string | undefined>>();
  readonly #systems = new Map<string, Promise<ReadSystem | undefined>>();
  #work = 0;

  constructor(context: Context, position: Pick<Position, 'at' | 'since'> | undefined) {
    this.#store = context.store;
    this.#find = finderOf(context, position);
  }

  /** Throws 400 naming the parameter where a set or system is lacking or too large. */
  async resolve(request: TermRequest): Promise<readonly SystemCodes[]> {
    const { result } = await this.#made(request);
    if (!(result instanceof OutcomeError)) return result;
    throw failure(result.status, result.issues[0]?.code ?? 'invalid', `${request.parameter}: ${result.message}`);
  }

  async #made(request: TermRequest): Promise<Made> {
    const asked = JSON.stringify({ ...request, parameter: undefined });
    const known = await keptCodes(this.#store, asked, (each) => this.#now(each));
    if (known !== undefined) return known;
    if (this.#work > mostWork) {
      const text = `${request.parameter}: the value sets and codes of the search take too much work together`;
      throw failure(400, 'too-costly', `${text}; name fewer of them.`);
    }
    const used = new Map<string, Ingredient>();
    const result = await this.#make(request, this.#source(used));
    const made = { result, of: [...used.values()] };
    // Other failures pass.
    if (!(result instanceof OutcomeError) || result.status === 400) keepCodes(this.#store, asked, made);
    return made;
  }

  async #make(request: TermRequest, source: TermSource): Promise<Made['result']> {
    const work = new Work(nameOf(request));
    try {
      if (request.kind === 'in') return await expandValueSet(request.valueSet, source, work);
      return await subsumption(request.kind, request.system, request.code, source, work);
    } catch (error) {
      if (error instanceof OutcomeError) return error;
      throw error;
    } finally {
      this.#work += work.done;
    }
  }

  #now({ type, canonical }: Ingredient): Promise<string | undefined> {
    const asked = `${type} ${canonical}`;
    const found = this.#foundNow.get(asked) ?? this.#find(type, canonical).then((each) => each?.key);
    this.#foundNow.set(asked, found);
    return found;
  }

  /** A code system with its version's name, found but once in a search: reading a large one takes its time. */
  #codeSystem(canonical: string): Promise<ReadSystem | undefined> {
    const read = async (): Promise<ReadSystem | undefined> => {
      const found = await this.#find('CodeSystem', canonical);
      return found && { key: found.key, system: readOnce(this.#store, found.key, found.content) };
    };
    const system = this.#systems.get(canonical) ?? read();
    this.#systems.set(canonical, system);
    return system;
  }

  /** Where value sets and code systems are looked up; what was, is told to `used`. */
  #source(used: Map<string, Ingredient>): TermSource {
    const use = (type: Kind, canonical: string, found: string | undefined): void => {
      used.set(`${type} ${canonical}`, { type, canonical, found });
    };
    return {
      valueSet: async (canonical) => {
        const found = await this.#find('ValueSet', canonical);
        use('ValueSet', canonical, found?.key);
        return found?.content();
      },
      codeSystem: async (canonical) => {
        const found = await this.#codeSystem(canonical);
        use('CodeSystem', canonical, found?.key);
        return found?.system;
      },
    };
  }
}

function nameOf(request: TermRequest): string {
  if (request.kind === 'in') return `the value set ${request.valueSet.slice(0, 200)}`;
  return `${request.code.slice(0, 200)} of ${request.system.slice(0, 200)}`;
}

/** Looks up value sets and code systems: what the store has goes before what R4 has. */
function finderOf(context: Context, position: Pick<Position, 'at' | 'since'> | undefined): Find {
  const stored = async (type: Kind, canonical: string): Promise<Version | undefined> => {
    const parsed = parseReference(canonical, context.settings.baseUrl);
    if (parsed.kind === 'local' && parsed.type === type) {
      // R4: "If the reference can be treated as a literal URL, it takes precedence."
      const [found] = await versionsOf(context, type, { kind: 'id', ids: [parsed.id] }, position);
      if (found !== undefined) return found;
    }
    const [url = '', version] = splitCanonical(canonical);
    const parameter = context.registry.get(type, 'url')?.parameter;
    if (parameter === undefined) return undefined;
    const named: Criterion = { kind: 'value', parameter, anyOf: [{ kind: 'uri', match: 'exact', value: url }] };
    return latest(await versionsOf(context, type, named, position), version);
  };
  return async (type, canonical) => {
    const version = await stored(type, canonical);
    if (version !== undefined) return { key: versionKey(version), content: () => contentOf(version) };
    const r4 = ofR4(type, canonical);
    return r4 === undefined ? undefined : { key: `R4 ${canonical}`, content: () => r4 };
  };
}

/** The resources of a type that match, at the walk's beginning or now. */
async function versionsOf(
  { store, settings }: Context,
  type: Kind,
  criterion: Criterion,
  position: Pick<Position, 'at' | 'since'> | undefined,
): Promise<readonly Version[]> {
  const page = await store.search({
    parts: [{ type, criterion, sort: [] }],
    count: mostVersions,
    total: 'none',
    totalBound: 0,
    budget: settings.searchBudget,
    ...(position === undefined ? {} : { position: { at: position.at, since: position.since, direction: 'next' } }),
  });
  return page.matches;
}

/** The one with that version, or with the latest where none is named; supplements are not meant. */
function latest(found: readonly Version[], version: string | undefined): Version | undefined {
  if (found.length === 1 && version === undefined) return found[0];
  const candidates = found
    .map((stored) => ({ stored, content: contentOf(stored) }))
    .filter(({ content }) => content.content !== 'supplement')
    .filter(({ content }) => version === undefined || content.version === version)
    .sort(
      (a, b) => compareVersions(a.content.version, b.content.version) || a.stored.lastUpdated - b.stored.lastUpdated,
    );
  return candidates.at(-1)?.stored;
}

const versions = new Intl.Collator('en', { numeric: true });

/** Numbers by size, other parts as text; what has no version comes first. */
function compareVersions(a: JsonValue | undefined, b: JsonValue | undefined): number {
  const [left = '', right = ''] = [a, b].map((each) => (typeof each === 'string' ? each : ''));
  return versions.compare(left, right);
}

function ofR4(type: Kind, canonical: string): JsonObject | undefined {
  const [url = '', version] = splitCanonical(canonical);
  const found = builtIn(type, url);
  return found !== undefined && (version === undefined || found.version === version) ? found : undefined;
}

function splitCanonical(canonical: string): readonly [url: string, version: string | undefined] {
  const bar = canonical.indexOf('|');
  return bar < 0 ? [canonical, undefined] : [canonical.slice(0, bar), canonical.slice(bar + 1)];
}

const decoder = new TextDecoder();

/** The resource as plain JSON: of its numbers none is compared by its text here. */
function contentOf({ body }: Version): JsonObject {
  const value: JsonValue = body === undefined ? null : JSON.parse(decoder.decode(body));
  return isObject(value) ? value : {};
}

/** How many code systems are kept as concepts: some have a hundred thousand. */
const mostRead = 8;
const read = new WeakMap<Store, Map<string, CodeSystem>>();

function versionKey({ type, id, versionId, lastUpdated }: Version): string {
  return `${type}/${id}/${versionId} ${lastUpdated}`;
}

/** A code system's concepts, kept for the next search. `key` names the resource's very version. */
function readOnce(store: Store, key: string, content: () => JsonObject): CodeSystem {
  const systems = read.get(store) ?? new Map<string, CodeSystem>();
  read.set(store, systems);
  const known = systems.get(key);
  // Whatever was asked for last is kept longest.
  systems.delete(key);
  const system = known ?? readCodeSystem(content());
  systems.set(key, system);
  for (const [oldest] of systems) {
    if (systems.size <= mostRead) break;
    systems.delete(oldest);
  }
  return system;
}
