/** Value sets and code systems for searches: those of the store, loaded ones, and R4's own. https://hl7.org/fhir/R4/search.html#token */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import type { SearchContext } from '../search/query.ts';
import type { SystemCodes, TermRequest } from '../search/terms.ts';
import type { Position, Store } from '../store/port.ts';
import type { TermSource } from '../terminology/contents.ts';
import { expandValueSet, subsumption } from '../terminology/expand.ts';
import { mostWork, Work } from '../terminology/work.ts';
import type { Context } from './context.ts';
import { type Ingredient, keepCodes, keptCodes, type Made } from './kept-codes.ts';
import { TermLookup } from './term-source.ts';

/** How many value sets and codes a search may name. */
const mostRequests = 50;

/**
 * What `parse` makes of a search whose token modifiers may need value sets and code systems. It is called again once these
 * are known: what it needs turns up while it parses.
 * `position`: the walk whose state is looked at; undefined: what is current. `onTerm`: told where a value set or code is asked for.
 * Throws what `parse` throws, and 400 naming the parameter where a set or system is lacking or too large.
 */
export async function withTerms<T>(
  context: Context,
  searching: SearchContext,
  parse: (searching: SearchContext) => T,
  position?: Pick<Position, 'at' | 'since'>,
  onTerm?: () => void,
): Promise<T> {
  const resolved = new Map<string, readonly SystemCodes[]>();
  const resolver = new Resolver(context, position);
  for (;;) {
    const wanted = new Map<string, TermRequest>();
    const terms = (request: TermRequest): readonly SystemCodes[] => {
      onTerm?.();
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

/** Finds the codes that one search asks for. */
class Resolver {
  readonly #store: Store;
  readonly #lookup: TermLookup;
  #work = 0;

  constructor(context: Context, position: Pick<Position, 'at' | 'since'> | undefined) {
    this.#store = context.store;
    this.#lookup = new TermLookup(context, position);
  }

  /** Throws 400 naming the parameter where a set or system is lacking or too large. */
  async resolve(request: TermRequest): Promise<readonly SystemCodes[]> {
    const { result } = await this.#made(request);
    if (!(result instanceof OutcomeError)) return result;
    throw failure(result.status, result.issues[0]?.code ?? 'invalid', `${request.parameter}: ${result.message}`);
  }

  async #made(request: TermRequest): Promise<Made> {
    const asked = JSON.stringify({ ...request, parameter: undefined });
    const known = await keptCodes(this.#store, asked, (each) => this.#lookup.now(each));
    if (known !== undefined) return known;
    if (this.#work > mostWork) {
      const text = `${request.parameter}: the value sets and codes of the search take too much work together`;
      throw failure(400, 'too-costly', `${text}; name fewer of them.`);
    }
    const used = new Map<string, Ingredient>();
    const result = await this.#make(request, this.#lookup.source(used));
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
}

function nameOf(request: TermRequest): string {
  if (request.kind === 'in') return `the value set ${request.valueSet.slice(0, 200)}`;
  return `${request.code.slice(0, 200)} of ${request.system.slice(0, 200)}`;
}
