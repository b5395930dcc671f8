/** Assembles what reads beside the writer: searches and the audit log. https://hl7.org/fhir/R4/http.html#search */
import type { Criterion } from '../../search/criteria.ts';
import type { AuditLog } from '../audit-log.ts';
import type { Explanation, SearchPage, SearchQuery } from '../port.ts';
import type { Tally, TallyQuery } from '../tally.ts';
import type { TerminologyStore } from '../terminology.ts';
import { createAuditLog } from './audit-log.ts';
import type { Database } from './open.ts';
import type { SearcherOptions } from './search.ts';
import { createSearch } from './searches.ts';
import { SqliteTerminology } from './terminology.ts';
import { TerminologyReads } from './terminology-read.ts';
import type { Writer } from './writer.ts';

export interface ReadSide {
  search(query: SearchQuery): Promise<SearchPage>;
  explain(query: SearchQuery): Promise<Explanation>;
  matches(type: string, criterion: Criterion, limit: number): Promise<readonly string[]>;
  tally(query: TallyQuery): Promise<Tally>;
  readonly audit: AuditLog;
  readonly terminology: TerminologyStore;
  close(): Promise<void>;
}

export function readSide(path: string, db: Database, writer: Writer, options: SearcherOptions): ReadSide {
  const reads = new TerminologyReads(db);
  const searches = createSearch(path, db, reads, options);
  return {
    search: (query) => searches.search(query),
    explain: (query) => searches.explain(query),
    matches: (type, criterion, limit) => searches.matches(type, criterion, limit),
    tally: (query) => searches.tally(query),
    audit: createAuditLog(db, (parts) => writer.appendAudit(parts)),
    terminology: new SqliteTerminology(reads, writer, (query, budget) => searches.concepts(query, budget)),
    close: () => searches.close(),
  };
}
