/** AuditEvents: the server's own beside those that clients created. https://hl7.org/fhir/R4/auditevent.html */
import type { SearchPage, SearchQuery, Version } from '../store/port.ts';
import type { Context } from './context.ts';

export async function readAuditEvent(_context: Context, _id: string): Promise<Version | undefined> {
  return undefined;
}

export function searchAuditEvents(context: Context, query: SearchQuery): Promise<SearchPage> {
  return context.store.search(query);
}
