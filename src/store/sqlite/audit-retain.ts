/** Removes old audit batches with a mark that verification accepts. https://hl7.org/fhir/R4/security.html#audit */
import type { ChainHead } from './audit-chain.ts';
import { AuditIndex } from './audit-index.ts';
import type { Database } from './open.ts';

/** Batches that one transaction removes at most. */
const removeAtOnce = 64;

/**
 * Removes the oldest batches whose records all are older than `before` (milliseconds), inside the caller's transaction.
 * @returns the last removed link of each chain that lost some, to be chained as a mark; whether there may be more to remove.
 */
export function removeOld(
  db: Database,
  before: number,
): { readonly heads: readonly ChainHead[]; readonly more: boolean } {
  const rows = db
    .prepare<[first: number, count: number, high: number, process: string, link: number, hash: Uint8Array]>(
      `SELECT b.first, b.count, b.high, p.id, b.link + b.links - 1, b.hash FROM audit_batch b JOIN audit_process p ON p.num = b.process
       WHERE b.first < (SELECT max(first) FROM audit_batch) ORDER BY b.first LIMIT ?`,
    )
    .all(removeAtOnce);
  // Only from the beginning, and never the newest: what stays is one stretch of sequences that goes on counting.
  const kept = rows.findIndex(([, , high]) => high >= before);
  const removed = kept < 0 ? rows : rows.slice(0, kept);
  const end = removed.at(-1);
  if (end === undefined) return { heads: [], more: false };
  const last = end[0] + end[1] - 1;
  db.prepare('DELETE FROM audit_batch WHERE first <= ?').run(last);
  new AuditIndex(db).removeBefore(last + 1);
  const heads = new Map<string, ChainHead>();
  for (const [first, count, , process, link, hash] of removed) {
    heads.set(process, { process, link, sequence: first + count - 1, hash: Buffer.from(hash).toString('hex') });
  }
  return { heads: [...heads.values()], more: removed.length === removeAtOnce };
}
