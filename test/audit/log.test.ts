/** The audit log of the embedded store: what goes in comes out, and is found. https://hl7.org/fhir/R4/auditevent.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fits } from '../../src/store/audit-log.ts';
import { verifyAudit } from '../../src/store/sqlite/audit-verify.ts';
import { queries, records } from './arbitraries.ts';
import { all, auditFile, record, recordsFrom } from './file.ts';

/** Cuts a list into runs of the given lengths, the last of which takes the rest. */
function cut<T>(list: readonly T[], lengths: readonly number[]): readonly (readonly T[])[] {
  const runs: (readonly T[])[] = [];
  let at = 0;
  for (const length of lengths) {
    runs.push(list.slice(at, at + length));
    at += length;
  }
  return [...runs, list.slice(at)].filter((run) => run.length > 0);
}

describe('audit log', () => {
  it('gives back equal records in order, however they were batched, over restarts', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(records(300), lengths, fc.integer({ min: 0, max: 12 }), async (list, sizes, restartAt) => {
        const file = auditFile();
        for (const [n, run] of cut(list, sizes).entries()) {
          if (n === restartAt) file.reopen();
          file.append(run);
        }
        const expected = list.map((each, n) => ({ sequence: n + 1, record: each }));
        expect(await all(file.log)).toEqual(expected);
        expect(await all(file.log, {}, 'descending')).toEqual([...expected].reverse());
        expect(await file.log.last()).toBe(list.length);
        expect((await verifyAudit(file.db)).fault).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('finds by index what a filter of all finds, within any bounds, in both orders', async () => {
    const bound = fc.option(fc.integer({ min: 0, max: 6500 }), { nil: undefined });
    const order = fc.constantFrom('ascending' as const, 'descending' as const);
    const list = fc.sample(records(1500), { numRuns: 4, seed: 7 }).flat();
    const file = auditFile();
    // Small sealed batches, so that the index merges.
    for (const run of cut(
      list,
      Array.from({ length: 100 }, (_, n) => 1 + ((n * 37) % 90)),
    )) {
      file.append(run);
      file.reopen();
    }
    file.append(list);
    const stored = [...list, ...list].map((each, n) => ({ sequence: n + 1, record: each }));
    await fc.assert(
      fc.asyncProperty(queries, order, bound, bound, async (query, direction, after, upTo) => {
        const expected = stored.filter(
          ({ sequence, record: each }) =>
            fits(query, each) &&
            (upTo === undefined || sequence <= upTo) &&
            (after === undefined || (direction === 'ascending' ? sequence > after : sequence < after)),
        );
        if (direction === 'descending') expected.reverse();
        expect(await all(file.log, query, direction, after, upTo)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('finds each record by its id', async () => {
    const list = fc.sample(records(400), { numRuns: 1, seed: 3 })[0] ?? [];
    const file = auditFile();
    file.append(list.slice(0, 200));
    file.reopen();
    file.append(list.slice(200));
    for (const each of list) {
      const found = await all(file.log, { ids: [each.id, 'nothing'] });
      expect(found.map(({ record: one }) => one)).toEqual(list.filter(({ id }) => id === each.id));
    }
    expect(await all(file.log, { ids: ['018f0000-0000-7000-8000-00000000ffff'] })).toEqual([]);
  });

  it('seals small commits into batches, and keeps each record visible throughout', async () => {
    const file = auditFile();
    for (let n = 0; n < 2500; n++) file.append([record(n)]);
    expect(file.db.prepare('SELECT count(*) FROM audit_batch').get()?.[0]).toBe(2);
    expect((await all(file.log)).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 2500 }, (_, n) => n + 1),
    );
    expect((await all(file.log, { entities: ['Patient/e7'] })).length).toBe(50);
    expect((await verifyAudit(file.db)).fault).toBeUndefined();
  });

  it('forgets what was rolled back', async () => {
    const file = auditFile();
    file.append(recordsFrom(0, 3));
    file.db.exec('BEGIN IMMEDIATE');
    file.appender().append(recordsFrom(3, 5000));
    file.db.exec('ROLLBACK');
    file.appender().rolledBack();
    file.append(recordsFrom(9, 2));
    expect((await all(file.log)).map(({ record: each }) => each)).toEqual([...recordsFrom(0, 3), ...recordsFrom(9, 2)]);
    expect((await verifyAudit(file.db)).fault).toBeUndefined();
  });

  it('lets a walk stop early and shows nothing that came after its start', async () => {
    const file = auditFile();
    file.append(recordsFrom(0, 5000));
    file.append(recordsFrom(5000, 10));
    const seen: number[] = [];
    for await (const some of file.log.find({}, 'ascending')) {
      if (seen.length === 0) file.append(recordsFrom(6000, 5000));
      seen.push(...some.map(({ sequence }) => sequence));
    }
    expect(seen).toEqual(Array.from({ length: 5010 }, (_, n) => n + 1));
  });

  it('takes records through the writer', async () => {
    const file = auditFile();
    await file.log.append(recordsFrom(0, 9000));
    await file.log.append([]);
    expect(await file.log.last()).toBe(9000);
    expect((await all(file.log)).map(({ record: each }) => each)).toEqual(recordsFrom(0, 9000));
  });

  it('keeps a read below 30 bytes', () => {
    const file = auditFile();
    const ids = fc.sample(fc.uuid({ version: 4 }), { numRuns: 8000, seed: 1 });
    file.append(ids.map((id, n) => record(n, { type: 'Observation', entity: id, patient: '' })));
    const [bytes] = file.db
      .prepare<[number]>(
        `SELECT (SELECT sum(length(packed) + length(plain)) FROM audit_batch) + (SELECT sum(length(body)) FROM audit_index)`,
      )
      .get() ?? [0];
    expect(bytes / ids.length).toBeLessThan(30);
  });
});
