/** What searches need of the rest of the store. https://hl7.org/fhir/R4/search.html */
import type { Bodies } from './bodies.ts';
import type { Fields } from './fields.ts';
import type { Connection } from './open.ts';
import type { ReadTransactions } from './read-transactions.ts';
import type { Snapshots } from './snapshots.ts';
import type { Types } from './types.ts';

export interface SearchContext {
  readonly connection: Pick<Connection, 'db' | 'transactions' | 'sharded' | 'absence'>;
  readonly transactions: ReadTransactions;
  readonly fields: Fields;
  readonly types: Types;
  readonly bodies: Bodies;
  readonly snapshots: Snapshots;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds for which a walk of pages can go on. */
  readonly cursorLifetime: number;
}
