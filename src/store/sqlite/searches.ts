/**
 * Searches of a store: what is quick on the main connection, so that it needs no other thread; what turns out to take
 * longer in a reader's thread, so that nobody waits for it. https://hl7.org/fhir/R4/search.html
 */
import type { Criterion } from '../../search/criteria.ts';
import { looksAtWords } from '../../search/words.ts';
import { TooCostly } from '../errors.ts';
import type { Explanation, SearchPage, SearchQuery } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import { keyOf } from './known-search.ts';
import type { Database } from './open.ts';
import { Readers } from './reader.ts';
import { matchesBudget, Searcher, type SearcherOptions } from './search.ts';
import { SlowQueries } from './slow-queries.ts';
import type { ConceptAnswer, ConceptQuery, TerminologyReads } from './terminology-read.ts';

export interface Searches {
  search(query: SearchQuery): Promise<SearchPage>;
  explain(query: SearchQuery): Promise<Explanation>;
  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]>;
  tally(query: TallyQuery): Promise<Tally>;
  /** `budget`: milliseconds. */
  concepts(query: ConceptQuery, budget: number): Promise<ConceptAnswer>;
  close(): Promise<void>;
}

export interface SearchesOptions extends SearcherOptions {
  /** Milliseconds that a search may take on the main thread; a test may give another. */
  readonly allowance?: number;
}

/** Long enough for most pages, short enough that other requests don't feel it. */
const usualAllowance = 5;

/** Bytes of first pages that are remembered at least: some two thousand of twenty resources. */
const rememberedPages = 32 * 2 ** 20;

/** Searches on a connection, and beside it for a store in a file. */
export function createSearch(
  path: string,
  db: Database,
  terminology: TerminologyReads,
  options: SearchesOptions,
): Searches {
  const searcher = new Searcher(db, { pages: rememberedPages, ...options });
  if (path !== ':memory:') {
    const { clock, cursorLifetime, snapshot } = options;
    // What is read after an answer is of no older state than the answer.
    const readers = new Readers(path, { clock, cursorLifetime, onAnswer: () => snapshot?.release() });
    return new SharedSearches(searcher, terminology, readers, options);
  }
  return {
    search: async (query) => searcher.search(query),
    explain: async (query) => searcher.explain(query),
    matches: async (type, criterion, limit) => searcher.matches(type, criterion, limit),
    tally: async (query) => searcher.tally(query),
    concepts: async (query, budget) => terminology.ask(query, budget),
    close: async () => {},
  };
}

class SharedSearches implements Searches {
  readonly #searcher: Searcher;
  readonly #terminology: TerminologyReads;
  readonly #readers: Readers;
  readonly #allowance: number;
  readonly #slow = new SlowQueries();

  constructor(
    searcher: Searcher,
    terminology: TerminologyReads,
    readers: Readers,
    { allowance = usualAllowance }: SearchesOptions,
  ) {
    this.#searcher = searcher;
    this.#terminology = terminology;
    this.#readers = readers;
    this.#allowance = allowance;
  }

  async search(query: SearchQuery): Promise<SearchPage> {
    const criteria = query.parts.map(({ criterion }) => criterion);
    const search = (allowance: number) => this.#searcher.search(query, allowance);
    const quick = this.#quickly(() => nameOf(query), criteria, query.budget, search);
    if (quick !== undefined) return quick;
    const answer = await this.#readers.run({ kind: 'search', query }, query.budget);
    if (answer.kind !== 'search') throw new Error('a reader answered another question');
    return answer.page;
  }

  async tally(query: TallyQuery): Promise<Tally> {
    const answer = await this.#readers.run({ kind: 'tally', query }, query.budget);
    if (answer.kind !== 'tally') throw new Error('a reader answered another question');
    return answer.tally;
  }

  async explain(query: SearchQuery): Promise<Explanation> {
    const answer = await this.#readers.run({ kind: 'explain', query }, query.budget);
    if (answer.kind !== 'explain') throw new Error('a reader answered another question');
    return answer.explanation;
  }

  async matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]> {
    const asked = { type, criterion };
    const name = () => JSON.stringify(asked);
    const quick = this.#quickly(name, [criterion], matchesBudget, (allowance) =>
      this.#searcher.matches(type, criterion, limit, matchesBudget, allowance),
    );
    if (quick !== undefined) return quick;
    const task = { kind: 'matches', type, criterion, limit, budget: matchesBudget } as const;
    const answer = await this.#readers.run(task, matchesBudget);
    if (answer.kind !== 'matches') throw new Error('a reader answered another question');
    return answer.ids;
  }

  async concepts(query: ConceptQuery, budget: number): Promise<ConceptAnswer> {
    const name = () => JSON.stringify(query);
    const quick = this.#quickly(name, [], budget, (allowance) => this.#terminology.ask(query, allowance));
    if (quick !== undefined) return quick;
    const answer = await this.#readers.run({ kind: 'concepts', query, budget }, budget);
    if (answer.kind !== 'concepts') throw new Error('a reader answered another question');
    return answer.answer;
  }

  close(): Promise<void> {
    return this.#readers.close();
  }

  /** The answer, if it comes within the allowance; undefined for what takes longer, or did so lately. */
  #quickly<T>(
    name: () => string,
    criteria: readonly Criterion[],
    budget: number,
    read: (allowance: number) => T,
  ): T | undefined {
    // The full-text index can't be stopped while it gathers what it has of a word.
    if (criteria.some(looksAtWords)) return undefined;
    if (budget > this.#allowance && this.#slow.has(name)) return undefined;
    try {
      return read(this.#allowance);
    } catch (error) {
      if (!(error instanceof TooCostly) || budget <= this.#allowance) throw error;
      this.#slow.add(name());
      return undefined;
    }
  }
}

/**
 * A text that names a search, whatever time it has; its parts, which are long, are written down once for all that ask for the
 * same.
 */
function nameOf({ parts, budget: _, ...rest }: SearchQuery): string {
  return `${JSON.stringify(rest)} ${keyOf(parts)}`;
}
