/** Value sets and code systems for searches: those of the store, and R4's own. https://hl7.org/fhir/R4/search.html#token */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { SearchContext } from '../search/query.ts';
import type { SystemCodes, TermRequest } from '../search/terms.ts';
import type { Position, Store } from '../store/port.ts';
import { type CodeSystem, readCodeSystem } from '../terminology/code-system.ts';
import { expandValueSet, subsumption, type TermSource } from '../terminology/expand.ts';
import { mostWork, Work } from '../terminology/work.ts';
import { type Found, findCanonical } from './canonical.ts';
import type { Context } from './context.ts';
import { type Ingredient, keepCodes, keptCodes, type Made } from './kept-codes.ts';

/** How many value sets and codes a search may name. */
const mostRequests = 50;

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

type Kind = 'CodeSystem' | 'ValueSet';

interface ReadSystem {
  readonly key: string;
  readonly system: CodeSystem;
}

/** Finds the codes that one search asks for. */
class Resolver {
  readonly #store: Store;
  readonly #find: (type: Kind, canonical: string) => Promise<Found | undefined>;
  /** What was found for what is kept, but once in a search. */
  readonly #foundNow = new Map<string, Promise<string | undefined>>();
  readonly #systems = new Map<string, Promise<ReadSystem | undefined>>();
  #work = 0;

  constructor(context: Context, position: Pick<Position, 'at' | 'since'> | undefined) {
    this.#store = context.store;
    this.#find = (type, canonical) => findCanonical(context, type, canonical, position);
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

/** How many code systems are kept as concepts: some have a hundred thousand. */
const mostRead = 8;
const read = new WeakMap<Store, Map<string, CodeSystem>>();

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
