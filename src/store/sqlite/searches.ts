/** Searches of a store. https://hl7.org/fhir/R4/search.html */
import type { Criterion } from '../../search/criteria.ts';
import type { SearchPage, SearchQuery } from '../port.ts';
import type { Database } from './open.ts';
import { Searcher, type SearcherOptions } from './search.ts';

export interface Searches {
  search(query: SearchQuery): Promise<SearchPage>;
  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Searches on a connection; expensive ones in threads of their own, where the store is a file. */
export function createSearch(_path: string, db: Database, options: SearcherOptions): Searches {
  const searcher = new Searcher(db, options);
  return {
    search: async (query) => searcher.search(query),
    matches: async (type, criterion, limit) => searcher.matches(type, criterion, limit),
    close: async () => {},
  };
}
