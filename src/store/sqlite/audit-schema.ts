/** The tables of the server's own AuditEvents. https://hl7.org/fhir/R4/auditevent.html */

/**
 * Records come in parts (`audit-pack.ts`), parts in links of a hash chain (`audit-chain.ts`), one chain for each opening
 * of the store (a process). New links lie in `audit_recent`, a row each; some thousand records are then sealed into one
 * compressed row of `audit_batch`, which keeps the links' bytes and with them the chain. `audit_index` finds batches by
 * what their records name (`audit-index.ts`).
 */
export const auditSchema = `
-- id: random, one for each opening of the store that left a record. started: milliseconds.
CREATE TABLE audit_process (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started INTEGER NOT NULL);

-- Links that no batch has yet, all of one process. link: its place in the chain, from 0. first: the sequence of its
-- first record (of the next record, where it has none). body: as hashed. hash: of the chain up to this link.
CREATE TABLE audit_recent (link INTEGER PRIMARY KEY, process INTEGER NOT NULL, kind INTEGER NOT NULL,
  first INTEGER NOT NULL, count INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL);

-- first, count: sequences of its records. link, links: its places in the chain. low, high: the least and greatest
-- instant recorded (milliseconds). before, hash: the chain's hash before and after it. packed: deflated. plain: not.
CREATE TABLE audit_batch (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, process INTEGER NOT NULL,
  link INTEGER NOT NULL, links INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
  before BLOB NOT NULL, hash BLOB NOT NULL, packed BLOB NOT NULL, plain BLOB NOT NULL);
CREATE INDEX audit_batch_by_time ON audit_batch (low, high, first);
CREATE INDEX audit_batch_by_process ON audit_batch (process, first);

-- Sorted runs of (hash of what is named, batch), merged to longer ones. batches: the sequences that batches begin with.
CREATE TABLE audit_segment (num INTEGER PRIMARY KEY, level INTEGER NOT NULL, batches BLOB NOT NULL);
-- key: segment * 2^32 + the least hash in it (0 in a segment's first row).
CREATE TABLE audit_index (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
`;
