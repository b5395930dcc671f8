/** Stretches of the audit chains as they are stored, for verification. https://hl7.org/fhir/R4/security.html#audit */
import { readLinks } from './audit-batch.ts';
import { type Link, linkOf } from './audit-chain.ts';
import type { Database, Statement } from './open.ts';

/** A stretch of a chain, as stored. `batch` is 0 for unsealed links. */
export interface Stored {
  readonly batch: number;
  readonly process: number;
  readonly link: number;
  readonly links: number;
  readonly first: number;
  readonly count: number;
  readonly before: Uint8Array | undefined;
  readonly hash: Uint8Array;
  readonly low: number;
  readonly high: number;
  readonly read: () => readonly Link[];
}

type BatchRow = [
  first: number,
  count: number,
  process: number,
  link: number,
  links: number,
  low: number,
  high: number,
  before: Uint8Array,
  hash: Uint8Array,
  packed: Uint8Array,
  plain: Uint8Array,
];
type RecentRow = [
  process: number,
  link: number,
  kind: number,
  first: number,
  count: number,
  body: Uint8Array,
  hash: Uint8Array,
];

/** Reads them in the order of their sequences. */
export class StoredStretches {
  readonly #batch: Statement<BatchRow>;
  readonly #recent: Statement<RecentRow>;
  readonly #processes: Statement<[num: number, id: string]>;
  #names = new Map<number, string>();

  constructor(db: Database) {
    this.#batch = db.prepare(
      `SELECT first, count, process, link, links, low, high, before, hash, packed, plain FROM audit_batch
       WHERE first >= ? ORDER BY first LIMIT 1`,
    );
    this.#recent = db.prepare('SELECT process, link, kind, first, count, body, hash FROM audit_recent ORDER BY link');
    this.#processes = db.prepare('SELECT num, id FROM audit_process');
  }

  /** The id of the stretch's process, '' where there is none. */
  processOf({ process }: Stored): string {
    if (!this.#names.has(process)) this.#names = new Map(this.#processes.all());
    return this.#names.get(process) ?? '';
  }

  /** The first batch that begins with that sequence or a later one. */
  batchFrom(sequence: number): Stored | undefined {
    const row = this.#batch.get(sequence);
    if (row === undefined) return undefined;
    const [first, count, process, link, links, low, high, before, hash, packed, plain] = row;
    const read = () => readLinks(packed, plain);
    return { batch: first, process, link, links, first, count, before, hash, low, high, read };
  }

  /** Links that no batch has yet, each a stretch of its own. */
  *unsealed(): Generator<Stored> {
    const any = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    for (const [process, link, kind, first, count, body, hash] of this.#recent.all()) {
      const read = () => [linkOf(kind, count, body)];
      yield { batch: 0, process, link, links: 1, first, count, before: undefined, hash, ...any, read };
    }
  }
}
