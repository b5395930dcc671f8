/** Remembers what queries mean: apps ask the same over and over. https://hl7.org/fhir/R4/http.html#search */
import { comparedValues } from '../search/compared.ts';
import type { Search } from '../search/query.ts';
import type { Context, Settings } from './context.ts';

/** How many are remembered at most, of those whose texts have so many characters and that come to so many values, types and includes. */
interface Share {
  readonly longest: number;
  readonly values: number;
  readonly most: number;
}

/** Usual searches, and those that name hundreds of resources. */
const shares: readonly Share[] = [
  { longest: 4096, values: 50, most: 2000 },
  { longest: 131_072, values: 5000, most: 64 },
];

/** Parsed searches of each share, good as long as search parameters are those of the generation. */
interface Known {
  readonly generation: number;
  readonly searches: readonly Map<string, Search>[];
}

/** By a server's settings, which the contexts of its bundles have too. */
const known = new WeakMap<Settings, Known>();

/** What the parameters of a search mean, if it is known. `key` names all that it depends on besides the context. */
export function parsedSearch({ settings, searchParameters }: Context, key: string): Search | undefined {
  const kept = known.get(settings);
  if (kept?.generation !== searchParameters.generation) return undefined;
  for (const searches of kept.searches) {
    const search = searches.get(key);
    if (search !== undefined) return search;
  }
  return undefined;
}

/** Remembers a search whose meaning depends on neither the time nor what is stored. `generation`: when it was parsed. */
export function keepSearch({ settings }: Context, key: string, generation: number, search: Search): void {
  // A short chain may lead to very many types, and `*` to very many includes.
  const { parts, includes, revincludes } = search;
  const values = parts.reduce(
    (sum, { criterion }) => sum + 1 + comparedValues(criterion),
    includes.length + revincludes.length,
  );
  const place = shares.findIndex((share) => key.length <= share.longest && values <= share.values);
  let kept = known.get(settings);
  if (kept?.generation !== generation) {
    kept = { generation, searches: shares.map(() => new Map()) };
    known.set(settings, kept);
  }
  const searches = kept.searches[place];
  if (searches === undefined) return;
  if (searches.size >= (shares[place]?.most ?? 0)) searches.clear();
  searches.set(key, search);
}
