/** Verification of the audit chains: what was done to the file shows. https://hl7.org/fhir/R4/security.html#audit */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditVerification } from '../../src/store/audit-verification.ts';
import { verifyAudit } from '../../src/store/sqlite/audit-verify.ts';
import type { Database } from '../../src/store/sqlite/open.ts';
import { type AuditFile, all, auditFile, record, recordsFrom } from './file.ts';

const perBatch = 2048;

/** Two chains: one of two sealed batches and unsealed rest, sealed by the next; one with a batch and unsealed rows. */
function twoChains(): AuditFile {
  const file = auditFile();
  file.append(recordsFrom(1, perBatch));
  file.append(recordsFrom(perBatch + 1, perBatch));
  file.append(recordsFrom(2 * perBatch + 1, 8));
  file.reopen();
  file.append(recordsFrom(2 * perBatch + 9, perBatch));
  for (let n = 0; n < 5; n++) file.append(recordsFrom(3 * perBatch + 9 + 4 * n, 4));
  return file;
}
const total = 3 * perBatch + 28;

async function faultOf(db: Database, heads: readonly string[] = []): Promise<AuditVerification['fault']> {
  return (await verifyAudit(db, { heads })).fault;
}

/** Changes one byte of a stored value. */
function flip(db: Database, table: string, column: string, where: string, at: number): void {
  const select = db.prepare<[Uint8Array]>(`SELECT ${column} FROM ${table} WHERE ${where}`);
  const bytes = Buffer.from(select.get()?.[0] ?? []);
  bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 0x41;
  db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(bytes);
}

/** What a batch is like, and how to make another one of it. */
function copyBatch(db: Database, from: number, to: number): void {
  db.prepare(
    `UPDATE audit_batch SET (count, process, link, links, low, high, before, hash, packed, plain) =
       (SELECT count, process, link, links, low, high, before, hash, packed, plain FROM audit_batch WHERE first = ?) WHERE first = ?`,
  ).run(from, to);
}

describe('audit verification', () => {
  it('counts what is there and finds no fault', async () => {
    const file = twoChains();
    const { fault, ...counts } = await verifyAudit(file.db);
    expect(fault).toBeUndefined();
    const heads = await file.log.heads();
    expect(counts).toMatchObject({ events: total, batches: 4, chains: 2, first: 1 });
    expect(new Map(counts.heads.map(({ process, hash }) => [process, hash]))).toEqual(heads);
    expect(await faultOf(file.db, [...heads.values()])).toBeUndefined();
    expect(await verifyAudit(auditFile().db)).toEqual({ events: 0, batches: 0, chains: 0, first: 0, heads: [] });
  });

  it('names the changed event by sequence and id', async () => {
    const file = twoChains();
    const [raw] = file.db.prepare<[Uint8Array]>('SELECT plain FROM audit_batch WHERE first = 1').get() ?? [
      new Uint8Array(),
    ];
    // Entities that are no UUID leave one byte an event outside what is compressed: its check.
    expect(raw.length).toBe(perBatch);
    flip(file.db, 'audit_batch', 'plain', 'first = 1', 2000);
    const fault = await faultOf(file.db);
    expect(fault).toMatchObject({ process: 'p1', batch: 1, sequence: 2001, id: record(2001).id });
    expect(fault?.text).toContain('Event 2001 is not as it was written');
  });

  it('names an event of which a byte of its entity was changed', async () => {
    const file = auditFile();
    const ids = fc.sample(fc.uuid({ version: 4 }), { numRuns: perBatch, seed: 5 });
    file.append(ids.map((id, n) => record(n + 1, { type: 'Observation', entity: id, patient: '' })));
    flip(file.db, 'audit_batch', 'plain', 'first = 1', 17 * 99 + 4);
    expect(await faultOf(file.db)).toMatchObject({ sequence: 100, id: record(100).id });
  });

  it('detects a change of any byte of a batch', async () => {
    const file = twoChains();
    const columns = ['packed', 'plain', 'before', 'hash'];
    const change = fc.tuple(
      fc.constantFrom(...columns),
      fc.nat(),
      fc.constantFrom(1, perBatch + 1, 2 * perBatch + 1, 2 * perBatch + 9),
    );
    await fc.assert(
      fc.asyncProperty(change, async ([column, at, first]) => {
        file.db.exec('SAVEPOINT before_change');
        flip(file.db, 'audit_batch', column, `first = ${first}`, at);
        const within =
          file.db.prepare<[number]>('SELECT first + count FROM audit_batch WHERE first = ?').get(first)?.[0] ?? 0;
        // The verification takes its own short transactions.
        file.db.exec('RELEASE before_change');
        const fault = await faultOf(file.db);
        flip(file.db, 'audit_batch', column, `first = ${first}`, at);
        expect(fault).toBeDefined();
        // The second chain begins with a record of the first one's head: where that is changed, the first chain may be told not to
        // be what the second says.
        const told =
          first === 2 * perBatch + 9 &&
          column === 'packed' &&
          /its tail was cut off or changed/.test(fault?.text ?? '');
        // A changed `before` shows as a break between this batch and the one before it.
        const low = told ? 1 : column === 'before' ? first - perBatch : first;
        expect(fault?.sequence).toBeGreaterThanOrEqual(low);
        expect(fault?.sequence).toBeLessThanOrEqual(within);
        expect(fault?.text).toMatch(/[a-z]{4}.*Restore/);
      }),
      // The example changes what the second chain says of the first.
      { numRuns: 60, examples: [[['packed', 1606024174, 2 * perBatch + 9]]] },
    );
    expect(await faultOf(file.db)).toBeUndefined();
  });

  it('detects a change of any number kept with a batch', async () => {
    for (const change of [
      'count = count - 1',
      'link = link + 1',
      'links = links + 1',
      'low = low + 1',
      'high = high - 1',
      'process = 2',
    ]) {
      const file = twoChains();
      file.db.exec(`UPDATE audit_batch SET ${change} WHERE first = ${perBatch + 1}`);
      expect((await faultOf(file.db))?.sequence, change).toBeGreaterThan(perBatch);
    }
  });

  it('detects a change of an unsealed event', async () => {
    const file = twoChains();
    flip(file.db, 'audit_recent', 'body', 'link = (SELECT min(link) + 2 FROM audit_recent)', 60);
    expect(await faultOf(file.db)).toMatchObject({ process: 'p2', sequence: 3 * perBatch + 17 });
  });

  it('goes on writing over damage, and goes on showing it', async () => {
    const file = auditFile();
    for (let n = 0; n < 4; n++) file.append([record(n + 1)]);
    file.db.exec("UPDATE audit_recent SET body = x'0102' WHERE link = 2");
    const fault = await faultOf(file.db);
    expect(fault).toMatchObject({ process: 'p1', sequence: 2 });
    file.reopen();
    file.append([record(5)]);
    file.append(recordsFrom(6, perBatch));
    expect(await faultOf(file.db)).toMatchObject({ process: 'p1', sequence: 1 });
    expect((await all(file.log, {}, 'ascending', 4)).length).toBe(perBatch + 1);
    await expect(all(file.log)).rejects.toThrow('audit events 1 to 4 are damaged; run `osteon audit verify`');
  });

  it('names the events that are missing where a batch was removed', async () => {
    for (const first of [1, perBatch + 1, 2 * perBatch + 1]) {
      const file = twoChains();
      const next =
        file.db.prepare<[number]>('SELECT first + count FROM audit_batch WHERE first = ?').get(first)?.[0] ?? 0;
      file.db.prepare('DELETE FROM audit_batch WHERE first = ?').run(first);
      const fault = await faultOf(file.db);
      expect(fault?.sequence).toBe(first);
      expect(fault?.text).toContain(`Events ${first} to ${next - 1} are missing`);
    }
  });

  it('names an unsealed event that is missing', async () => {
    const file = twoChains();
    file.db.exec('DELETE FROM audit_recent WHERE link = (SELECT max(link) - 1 FROM audit_recent)');
    expect(await faultOf(file.db)).toMatchObject({ sequence: total - 7 });
  });

  it('shows a tail that was cut off by the head that was shown before', async () => {
    const file = twoChains();
    const shown = `p2:${total}:${(await file.log.heads()).get('p2')}`;
    expect(await faultOf(file.db, [shown])).toBeUndefined();
    file.db.exec('DELETE FROM audit_recent WHERE link >= (SELECT max(link) - 1 FROM audit_recent)');
    expect(await faultOf(file.db)).toBeUndefined();
    const fault = await faultOf(file.db, [shown]);
    expect(fault).toMatchObject({ process: 'p2', sequence: total - 7 });
    expect(fault?.text).toContain(`the events end with ${total - 8}`);
    // The hash alone says as much.
    expect(await faultOf(file.db, [shown.slice(shown.lastIndexOf(':') + 1)])).toMatchObject({ sequence: total - 7 });
  });

  it('shows the cut tail of an earlier process by the heads that the next one recorded', async () => {
    const file = auditFile();
    file.append(recordsFrom(1, 6000));
    file.append(recordsFrom(6001, 10));
    file.db.exec('DELETE FROM audit_recent');
    file.reopen();
    file.append(recordsFrom(6001, 10));
    expect(await faultOf(file.db)).toBeUndefined();
    // Cut before the next process started: only a head that was shown can tell. Cut afterwards:
    const later = twoChains();
    later.db.exec(`DELETE FROM audit_batch WHERE first = ${2 * perBatch + 1}`);
    later.db.exec(`UPDATE audit_batch SET first = first - 8 WHERE first > ${2 * perBatch}`);
    later.db.exec('UPDATE audit_recent SET first = first - 8');
    const fault = await faultOf(later.db);
    expect(fault).toMatchObject({ process: 'p1', sequence: 2 * perBatch + 1 });
    expect(fault?.text).toContain('its tail was cut off');
  });

  it('detects batches and links that were swapped', async () => {
    const file = twoChains();
    const row = file.db.prepare('SELECT * FROM audit_batch WHERE first = 1').get() ?? [];
    copyBatch(file.db, perBatch + 1, 1);
    file.db
      .prepare(
        'UPDATE audit_batch SET (first, count, process, link, links, low, high, before, hash, packed, plain) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE first = ?',
      )
      .run(...[perBatch + 1, ...row.slice(1)], perBatch + 1);
    expect((await faultOf(file.db))?.sequence).toBeLessThanOrEqual(perBatch);
    const rows = twoChains();
    rows.db.exec(`UPDATE audit_recent SET body = (SELECT body FROM audit_recent r WHERE r.link = audit_recent.link + 1)
      WHERE link = (SELECT max(link) - 1 FROM audit_recent)`);
    expect(await faultOf(rows.db)).toMatchObject({ process: 'p2', sequence: total - 7 });
  });

  it('detects records of another making, even where their own hashes were computed anew', async () => {
    const file = twoChains();
    const forged = auditFile({ process: 'p1' });
    forged.append(recordsFrom(1, perBatch).map((each, n) => (n === 77 ? { ...each, status: 201 } : each)));
    const row = forged.db.prepare('SELECT packed, plain, hash FROM audit_batch WHERE first = 1').get() ?? [];
    file.db.prepare('UPDATE audit_batch SET packed = ?, plain = ?, hash = ? WHERE first = 1').run(...row);
    const fault = await faultOf(file.db);
    expect(fault).toMatchObject({ process: 'p1', sequence: 1 });
    expect(fault?.text).toContain(`the events 1 to ${perBatch} `);
  });

  it('detects an index that hides events from searches', async () => {
    const file = twoChains();
    flip(file.db, 'audit_index', 'body', 'key = (SELECT min(key) FROM audit_index)', 5);
    expect((await faultOf(file.db))?.text).toContain('index');
    const without = twoChains();
    without.db.exec('DELETE FROM audit_segment WHERE num = 2');
    expect((await faultOf(without.db))?.text).toContain('index');
  });

  it('accepts what AUDIT_RETENTION removed, and nothing else', async () => {
    let now = 1_700_000_000_000;
    const file = auditFile({ clock: () => now, retention: 3 * perBatch });
    for (let n = 0; n < 6; n++) file.append(recordsFrom(1 + n * perBatch, perBatch));
    file.reopen({ retention: 1e15 });
    file.append(recordsFrom(1 + 6 * perBatch, perBatch));
    const oldest = [...(await file.log.heads()).values()];
    now += 3_600_000;
    file.reopen();
    file.append([record(1 + 7 * perBatch, { recorded: now })]);
    const verified = await verifyAudit(file.db);
    expect(verified.fault).toBeUndefined();
    expect(verified.first).toBe(1 + 6 * perBatch);
    expect(verified.events).toBe(perBatch + 1);
    expect((await all(file.log)).length).toBe(perBatch + 1);
    // A head of before is known to be removed only by its sequence.
    expect(await faultOf(file.db, [`p1:${6 * perBatch}:${oldest[0]}`])).toBeUndefined();
    expect(await faultOf(file.db, [String(oldest[1])])).toBeUndefined();
    // Removing one more by hand is not covered by the mark.
    file.append(recordsFrom(2 + 7 * perBatch, perBatch, { recorded: now }));
    file.db.exec('DELETE FROM audit_batch WHERE first = (SELECT min(first) FROM audit_batch)');
    expect((await faultOf(file.db))?.text).toContain('no mark of AUDIT_RETENTION');
  });

  it('removes old events also where few come', async () => {
    const hour = 3_600_000;
    let now = 1_700_000_000_000;
    const file = auditFile({ clock: () => now, retention: 48 * hour });
    for (let n = 0; n < 400; n++) {
      file.append([record(n, { recorded: now })]);
      now += hour;
    }
    const kept = await all(file.log);
    expect(kept.length).toBeGreaterThanOrEqual(48);
    expect(kept.length).toBeLessThan(48 + 3 * 24);
    expect(kept.at(-1)?.sequence).toBe(400);
    expect((await verifyAudit(file.db)).fault).toBeUndefined();
  });

  it('goes on removing hour by hour, and stays verifiable', async () => {
    let now = 1_700_000_000_000;
    const file = auditFile({ clock: () => now, retention: 3 * 3_600_000 });
    for (let hour = 0; hour < 12; hour++) {
      if (hour % 5 === 4) file.reopen();
      file.append(recordsFrom(hour * perBatch, perBatch, { recorded: now }));
      expect((await verifyAudit(file.db)).fault, `hour ${hour}`).toBeUndefined();
      now += 3_600_000;
    }
    const kept = await all(file.log);
    expect(kept.length).toBe(4 * perBatch);
    expect(kept.at(-1)?.sequence).toBe(12 * perBatch);
    expect(file.db.prepare('SELECT count(*) FROM audit_segment').get()?.[0]).toBeLessThan(6);
  });

  it('tells of its head once a minute while records come, and at the end', async () => {
    let now = 1_700_000_000_000;
    const heads: string[] = [];
    const file = auditFile({ clock: () => now, onHead: (...head) => heads.push(head.join(':')) });
    for (let n = 0; n < 10; n++) {
      file.append([record(n + 1)]);
      await Promise.resolve();
      now += 20_000;
    }
    expect(heads.map((head) => head.split(':').slice(0, 2))).toEqual([
      ['p1', '1'],
      ['p1', '4'],
      ['p1', '7'],
      ['p1', '10'],
    ]);
    file.append([record(11)]);
    file.appender().close();
    expect(heads.at(-1)?.startsWith('p1:11:')).toBe(true);
    expect(await faultOf(file.db, heads)).toBeUndefined();
  });
});
