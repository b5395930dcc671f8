/** Remembers what queries mean: apps ask the same over and over. https://hl7.org/fhir/R4/http.html#search */
import type { Search } from '../search/query.ts';
import type { Context, Settings } from './context.ts';

/** How many are remembered at most. */
const most = 2000;
/** Characters of a query, and of its criteria and includes written down: a short chain may lead to very many types. */
const longest = 4096;

/** Parsed searches, good as long as search parameters are those of the generation. */
interface Known {
  readonly generation: number;
  readonly searches: Map<string, Search>;
}

/** By a server's settings, which the contexts of its bundles have too. */
const known = new WeakMap<Settings, Known>();

/** What the parameters of a search mean, if it is known. `key` names all that it depends on besides the context. */
export function parsedSearch({ settings, store }: Context, key: string): Search | undefined {
  const kept = known.get(settings);
  return kept?.generation === store.parameters.generation ? kept.searches.get(key) : undefined;
}

/** Remembers a search whose meaning depends on neither the time nor what is stored. `generation`: when it was parsed. */
export function keepSearch({ settings }: Context, key: string, generation: number, search: Search): void {
  const { parts, includes, revincludes } = search;
  if (key.length > longest || JSON.stringify([parts, includes, revincludes]).length > longest) return;
  const kept = known.get(settings);
  if (kept?.generation === generation && kept.searches.size < most) kept.searches.set(key, search);
  else known.set(settings, { generation, searches: new Map([[key, search]]) });
}
