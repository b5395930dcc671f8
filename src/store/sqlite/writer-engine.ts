/** Assembles the engine of a writing connection. https://hl7.org/fhir/R4/http.html#transaction */
import { Engine } from './engine.ts';
import type { Database } from './open.ts';

/** Mebibytes of page cache of the writer. */
export const writerCache = 64;

export interface WriterEngineOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds. */
  readonly cursorLifetime: number;
}

/** The engine with what conditions and audit records need on the same connection. */
export function writerEngine(_db: Database, options: WriterEngineOptions): Engine {
  return new Engine(_db, {
    ...options,
    matches: () => {
      throw new Error('conditions are not there yet');
    },
    audit: () => ({ append: () => {} }),
  });
}
