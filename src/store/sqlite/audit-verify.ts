/** Verifies the hash chains of the server's own AuditEvents. https://hl7.org/fhir/R4/security.html#audit */
import { setImmediate as turn } from 'node:timers/promises';
import { type AuditFault, type AuditVerification, advice, type VerifyOptions } from '../audit-verification.ts';
import { keysOf } from './audit-batch.ts';
import { DamagedAudit } from './audit-bytes.ts';
import { type ChainHead, hashLink, type Link, linkBody, linkKind, noHash, readHeads } from './audit-chain.ts';
import { AuditColumns } from './audit-columns.ts';
import { eventsAre, FaultFound, type Gap } from './audit-fault.ts';
import { AuditIndex } from './audit-index.ts';
import { type Stored, StoredStretches } from './audit-stretch.ts';
import type { Database } from './open.ts';

interface ChainState {
  readonly id: string;
  /** Place of the next link. */
  link: number;
  hash: string;
  /** Sequence of the last event. */
  sequence: number;
  /** What the stretch checked last begins with. */
  batch: number;
  first: number;
}

/**
 * Verifies every chain: that each event is as it was written, none is missing, none was added, that the index of batches
 * names what they have, and that the given heads are in the chains. May run beside a server, on a connection that reads.
 */
export async function verifyAudit(db: Database, options: VerifyOptions = {}): Promise<AuditVerification> {
  const start = db.prepare<[number | null]>('SELECT min(first) FROM audit_batch');
  for (let left = 2; ; left--) {
    const before = start.get()?.[0];
    const verification = await new Verifier(db, options).run();
    // Batches that were removed by AUDIT_RETENTION meanwhile are no fault.
    if (verification.fault === undefined || left === 0 || start.get()?.[0] === before) return verification;
  }
}

class Verifier {
  readonly #db: Database;
  readonly #options: VerifyOptions;
  readonly #index: AuditIndex;
  readonly #stretches: StoredStretches;
  readonly #chains = new Map<number, ChainState>();
  readonly #removed = new Map<string, ChainHead>();
  readonly #gaps: Gap[] = [];
  /** Hashes of sought heads that were seen. */
  readonly #sought: ReadonlySet<string>;
  readonly #seen = new Set<string>();
  #keys: ReadonlyMap<number, Uint32Array> = new Map();
  #first = 0;
  #next = 0;
  #events = 0;
  #batches = 0;

  constructor(db: Database, options: VerifyOptions) {
    this.#db = db;
    this.#options = options;
    this.#index = new AuditIndex(db);
    this.#stretches = new StoredStretches(db);
    this.#sought = new Set((options.heads ?? []).map((head) => head.slice(head.lastIndexOf(':') + 1).toLowerCase()));
  }

  async run(): Promise<AuditVerification> {
    const fault = await this.#walk();
    const heads = [...this.#chains.values()].map(({ id, link, sequence, hash }) => ({
      process: id,
      link: link - 1,
      sequence,
      hash,
    }));
    const counts = {
      events: this.#events,
      batches: this.#batches,
      chains: this.#chains.size,
      first: this.#first,
      heads,
    };
    return fault === undefined ? counts : { ...counts, fault };
  }

  async #walk(): Promise<AuditFault | undefined> {
    try {
      for (;;) {
        const stored = this.#stretches.batchFrom(this.#next);
        // The rest in one state of the file, so that no batch is sealed between the two reads.
        if (stored === undefined && this.#finish()) break;
        if (stored !== undefined) this.#check(stored);
        await turn();
      }
    } catch (error) {
      if (!(error instanceof FaultFound)) throw error;
      // What came before may itself be unexplained, unless a mark behind the fault explains it.
      if (this.#gaps.length > 0) await this.#readMarks();
      return this.#unjustified() ?? error.fault;
    }
    return this.#unjustified() ?? this.#missingHead();
  }

  /** Reads the marks of AUDIT_RETENTION in what was not checked. */
  async #readMarks(): Promise<void> {
    for (
      let stored = this.#stretches.batchFrom(this.#next);
      stored !== undefined;
      stored = this.#stretches.batchFrom(this.#next)
    ) {
      this.#next = stored.first + 1;
      try {
        for (const { kind, text } of stored.read()) {
          if (kind !== linkKind.removed || text === undefined) continue;
          for (const head of readHeads(text)) this.#removed.set(head.process, head);
        }
      } catch (error) {
        if (!(error instanceof DamagedAudit)) throw error;
      }
      await turn();
    }
  }

  /** Checks unsealed links. @returns false where a batch was sealed since: then the walk goes on with that one. */
  #finish(): boolean {
    this.#db.exec('BEGIN');
    try {
      if (this.#stretches.batchFrom(this.#next) !== undefined) return false;
      for (const stored of this.#stretches.unsealed()) this.#check(stored);
      return true;
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  #check(stored: Stored): void {
    const { batch, first, count } = stored;
    const process = this.#stretches.processOf(stored);
    const fail = (sequence: number, text: string, id?: string): never => {
      throw new FaultFound({
        process,
        batch,
        sequence,
        text: `${text} ${advice}`,
        ...(id === undefined ? {} : { id }),
      });
    };
    this.#checkPlace(stored, process, fail);
    const chain = this.#chains.get(stored.process);
    if (chain === undefined) return;
    let links: readonly Link[] = [];
    try {
      links = stored.read();
    } catch (error) {
      if (!(error instanceof DamagedAudit)) throw error;
      fail(first, `${rangeOf(stored)} can't be read: ${error.message.split(';')[0]}.`);
    }
    const found = links.reduce((sum, link) => sum + link.count, 0);
    if (found !== count || links.length !== stored.links) {
      fail(first, `${rangeOf(stored)} should have ${count} events, and has ${found}.`);
    }
    const columns = new AuditColumns(count);
    let sequence = first;
    for (const link of links) {
      this.#checkLink(stored, chain, link, sequence, columns, fail);
      sequence += link.count;
    }
    if (chain.hash !== hexOf(stored.hash)) {
      fail(first, `An event of ${rangeOf(stored)} is not as it was written, or the hash kept with them.`);
    }
    chain.batch = batch;
    chain.first = first;
    if (batch > 0) this.#checkIndex(stored, columns, fail);
    this.#events += count;
    this.#next = first + count;
    if (batch > 0) this.#batches++;
  }

  /** That the stretch follows what came before, in the order of sequences and in its chain. */
  #checkPlace(stored: Stored, process: string, fail: (sequence: number, text: string) => never): void {
    const { batch, first, link } = stored;
    if (process === '') fail(first, `${rangeOf(stored)} belongs to a process that is not known.`);
    const expected = this.#next === 0 ? 1 : this.#next;
    if (this.#first === 0) this.#first = first;
    if (first < expected) fail(first, `Event ${first} is stored twice.`);
    if (first > expected) {
      const text = `${eventsAre(expected, first - 1)} missing, and no mark of AUDIT_RETENTION tells that they were removed. ${advice}`;
      this.#gaps.push({
        fault: { process, batch, sequence: expected, text },
        justified: (removed) => [...removed.values()].some(({ sequence }) => sequence >= first - 1),
      });
    }
    const before = stored.before === undefined ? undefined : hexOf(stored.before);
    const chain = this.#chains.get(stored.process);
    if (chain !== undefined && chain.link === link) {
      if (before === undefined || before === chain.hash) return;
      // What follows was chained to other events than those that are there now.
      const text = `One of the events ${chain.first} to ${chain.sequence} is not as it was written: the events after them were chained to others. ${advice}`;
      throw new FaultFound({ process, batch: chain.batch, sequence: chain.first, text });
    }
    const start = before ?? hexOf(noHash);
    this.#chains.set(stored.process, { id: process, link, hash: start, sequence: first - 1, batch, first });
    if (chain === undefined && link === 0 && start === hexOf(noHash)) return;
    const text = `The chain of process ${process} does not lead to event ${first}: events before it were removed or moved. ${advice}`;
    this.#gaps.push({
      fault: { process, batch, sequence: first, text },
      justified: (removed) => {
        const mark = removed.get(process);
        return mark !== undefined && mark.link === link - 1 && mark.hash === start;
      },
    });
  }

  #checkLink(
    stored: Stored,
    chain: ChainState,
    link: Link,
    first: number,
    columns: AuditColumns,
    fail: (sequence: number, text: string, id?: string) => never,
  ): void {
    const hash = hexOf(hashLink(Buffer.from(chain.hash, 'hex'), chain.id, chain.link, first, link, linkBody(link)));
    const start = columns.count;
    for (const part of link.parts) {
      const faulty = columns.addChecked(part);
      if (faulty === undefined) continue;
      const sequence = stored.first + faulty.place;
      fail(sequence, `Event ${sequence} is not as it was written.`, faulty.id);
    }
    if (columns.count - start !== link.count) {
      fail(first, `${eventsAre(first, first + link.count - 1)} stored, but ${columns.count - start} found.`);
    }
    // Heads are those before this link.
    if (link.text !== undefined) this.#readText(link, link.text, first, fail);
    chain.hash = hash;
    chain.link++;
    chain.sequence = first + link.count - 1;
    if (this.#sought.has(hash)) this.#seen.add(hash);
  }

  #readText(link: Link, text: Uint8Array, first: number, fail: (sequence: number, text: string) => never): void {
    let heads: readonly ChainHead[] = [];
    try {
      heads = readHeads(text);
    } catch (error) {
      if (!(error instanceof DamagedAudit)) throw error;
      fail(first, `A record of chain heads before event ${first} can't be read.`);
    }
    for (const head of heads) {
      if (link.kind === linkKind.removed) {
        this.#removed.set(head.process, head);
        continue;
      }
      const chain = [...this.#chains.values()].find(({ id }) => id === head.process);
      if (chain !== undefined && chain.link === head.link + 1 && chain.hash === head.hash) continue;
      const reached = chain === undefined ? 0 : chain.sequence;
      const cut = `The chain of process ${head.process} had reached event ${head.sequence}, and ends with event ${reached}: its tail was cut off or changed. ${advice}`;
      this.#gaps.push({
        fault: { process: head.process, batch: 0, sequence: Math.min(reached + 1, head.sequence), text: cut },
        justified: (removed) => (removed.get(head.process)?.link ?? -1) >= head.link,
      });
    }
  }

  #checkIndex(stored: Stored, columns: AuditColumns, fail: (sequence: number, text: string) => never): void {
    const { batch, first, low, high } = stored;
    const times = columns.recorded;
    if (times.some((time) => time < low || time > high)) {
      fail(first, `The instants kept with ${rangeOf(stored)} don't cover its events, so searches miss them.`);
    }
    if (!this.#keys.has(batch)) this.#keys = this.#snapshot(() => this.#index.keysBeside(batch)) ?? new Map();
    const indexed = this.#keys.get(batch);
    const expected = keysOf(columns);
    if (indexed === undefined || indexed.length !== expected.length || expected.some((key, n) => indexed[n] !== key)) {
      fail(first, `The index of ${rangeOf(stored)} is not that of its events, so searches miss them.`);
    }
  }

  #unjustified(): AuditFault | undefined {
    return this.#gaps.find(({ justified }) => !justified(this.#removed))?.fault;
  }

  /** A head that was shown and that no chain has: the tail was cut off. */
  #missingHead(): AuditFault | undefined {
    for (const head of this.#options.heads ?? []) {
      const [hash = '', sequence = '', process = ''] = head.toLowerCase().split(':').reverse();
      if (this.#seen.has(hash)) continue;
      const shown = Number(sequence);
      const removed = [...this.#removed.values()].some((mark) => sequence !== '' && mark.sequence >= shown);
      if (removed) continue;
      const chain = [...this.#chains.values()].find(({ id }) => id === process);
      const reached = chain?.sequence ?? Math.max(this.#next - 1, 0);
      const text = `The head ${hash} that was shown is in no chain; the events end with ${reached}. Events after it were cut off, or chains rewritten. ${advice}`;
      return { process: process || (chain?.id ?? ''), batch: 0, sequence: reached + 1, text };
    }
    return undefined;
  }

  #snapshot<T>(read: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#db.exec('COMMIT');
    }
  }
}

function rangeOf({ first, count }: Stored): string {
  return `the batch of events ${first} to ${first + Math.max(count, 1) - 1}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
