/** What the database records of itself. https://hl7.org/fhir/R4/http.html */
import { randomBytes } from 'node:crypto';
import { Binary, type Collection, type Db } from 'mongodb';
import { StoreUnavailable } from '../errors.ts';
import { bufferOf } from './bytes.ts';
import { names } from './document.ts';
import type { ParameterRow } from './parameters.ts';

/** The layout of documents that this release reads and writes. */
const layout = 1;

export interface StoreDocument {
  readonly _id: 'store';
  readonly layout: number;
  readonly secret: Binary;
  readonly timezone: string;
  readonly extraction?: string;
}

/** The rows of parameters; `generation` rises with each change of what commits bring, `revision` with each change. */
export interface ParametersDocument {
  readonly _id: 'parameters';
  readonly generation: number;
  readonly revision: number;
  readonly rows: readonly ParameterRow[];
}

/** A filling in work: collections to go through, and how far the first one is. */
export interface PassDocument {
  readonly _id: 'pass';
  readonly type: string;
  /** Of the parameters that it fills (`keyOf`). */
  readonly keys: readonly string[];
  readonly queue: readonly PassStage[];
  readonly after: number;
  readonly upto: number;
  readonly done: number;
  readonly total: number;
}

/** `contained`: what resources in the collection contain is filled, not they themselves. */
export interface PassStage {
  readonly collection: string;
  readonly contained: boolean;
}

export interface Identity {
  readonly secret: Uint8Array;
}

/**
 * Makes or checks the record of the store.
 * @throws StoreUnavailable where it is of a newer release or another time zone.
 */
export async function prepareMeta(db: Db, timezone: string, extraction: string | undefined): Promise<Identity> {
  const meta: Collection<StoreDocument> = db.collection<StoreDocument>(names.meta);
  const fresh = { layout, secret: new Binary(randomBytes(32)), timezone };
  const found = await meta.findOneAndUpdate(
    { _id: 'store' },
    { $setOnInsert: fresh, ...(extraction === undefined ? {} : { $set: { extraction } }) },
    { upsert: true, returnDocument: 'after' },
  );
  if (found === null) throw new StoreUnavailable('The store has lost its identity: restore a backup.');
  if (found.layout > layout) throw new StoreUnavailable('The store is of a newer release: use that one.');
  if (found.timezone !== timezone) {
    throw new StoreUnavailable(
      `The store's dates are indexed with TIMEZONE=${found.timezone}, the configuration says ${timezone}: ` +
        `set it back, or load the data into a new store.`,
    );
  }
  return { secret: bufferOf(found.secret) };
}
