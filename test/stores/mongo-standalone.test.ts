/** The store on a MongoDB without transactions. https://hl7.org/fhir/R4/http.html#transaction */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conflict, PreconditionFailed, Unsupported } from '../../src/store/errors.ts';
import { connect } from '../../src/store/mongo/open.ts';
import { type Opened, openParts } from '../../src/store/mongo/parts.ts';
import type { Commit, Committed, Write } from '../../src/store/write.ts';
import {
  auditRecord,
  contentOf,
  erase,
  failureOf,
  identified,
  observation,
  patient,
  remove,
  usual,
} from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const { url } = databases();

describe('without transactions', () => {
  let parts: Opened;
  const database = url();
  // The server of the tests has them; the store doesn't use them here.
  const open = async () => {
    const opened = await openParts(
      { ...(await connect(database)), transactions: false },
      {
        cursorLifetime: usual.cursorLifetime,
        timezone: 'UTC',
      },
    );
    await opened.parameters.declare(
      () => usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      () => undefined,
    );
    return opened;
  };
  beforeAll(async () => {
    parts = await open();
  });
  afterAll(() => parts.close());

  const commit = (writes: readonly Write[], more: Partial<Commit> = {}): Promise<Committed> =>
    parts.committer.commit({ writes, conditions: [], audit: [], ...more });
  const one = async (write: Write, more: Partial<Commit> = {}) => (await commit([write], more)).written[0];
  const audited = async () => {
    const ids: string[] = [];
    for await (const some of parts.audit.find({}, 'ascending')) ids.push(...some.map(({ record }) => record.id));
    return ids;
  };

  it('a write makes a version, and the one before stays', async () => {
    expect(await one(patient('a', '1'))).toMatchObject({ versionId: 1, outcome: 'created' });
    expect(await one(patient('a', '1'))).toMatchObject({ versionId: 1, outcome: 'unchanged' });
    expect(await one(patient('a', '1', 'de'))).toMatchObject({ versionId: 2, outcome: 'updated' });
    expect(await one(remove('Patient', 'a'))).toMatchObject({ versionId: 3, outcome: 'deleted' });
    const { versions } = await parts.histories.page({ type: 'Patient', id: 'a', count: 9 });
    expect(versions.map(({ versionId, method }) => [versionId, method])).toEqual([
      [3, 'DELETE'],
      [2, 'PUT'],
      [1, 'PUT'],
    ]);
    expect(contentOf((await parts.reads.vread('Patient', 'a', 2))?.body).language).toBe('de');
    expect(await one(erase('Patient', 'a'))).toMatchObject({ outcome: 'deleted' });
    expect(await parts.reads.vread('Patient', 'a', 2)).toBeUndefined();
  });

  it('several writes at once are refused, saying why, and none is made', async () => {
    const failure = await failureOf(commit([patient('b1', '1'), patient('b2', '2')]));
    expect(failure).toBeInstanceOf(Unsupported);
    expect(failure).toMatchObject({ message: expect.stringMatching(/no transactions.*one by one/) });
    expect(await parts.reads.read('Patient', 'b1')).toBeUndefined();
  });

  it('preconditions and conditions hold', async () => {
    await one(patient('c', 'c'));
    expect(await failureOf(one(patient('c', 'c', 'de', { ifMatch: ['7'] })))).toBeInstanceOf(PreconditionFailed);
    const absent = { type: 'Patient', criterion: identified('c'), matches: [], limit: 2 };
    expect(await failureOf(one(patient('d', 'c'), { conditions: [absent] }))).toBeInstanceOf(Conflict);
    const creates = Array.from({ length: 6 }, (_, n) =>
      one(patient(`e${n}`, 'e'), { conditions: [{ ...absent, criterion: identified('e') }] }),
    );
    const made = (await Promise.allSettled(creates)).filter(({ status }) => status === 'fulfilled');
    expect(made).toHaveLength(1);
  });

  it('simultaneous updates are all made, one after the other', async () => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => one(patient('f', `${n}`))));
    const { versions, total } = await parts.histories.page({ type: 'Patient', id: 'f', count: 20 });
    expect([versions.map(({ versionId }) => versionId), total]).toEqual([[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 10]);
  });

  it('AuditEvents of a write are stored with it, also where a process ended before it could move them', async () => {
    await one(patient('g', '1'), { audit: [auditRecord('g-1', 1)] });
    expect(await audited()).toContain('g-1');
    const moved = parts.connection.db.collection<{ readonly _id: string }>('Patient');
    const pending = { _id: 7e15, by: 31, id: 'g-2', at: new Date(2), sub: '', act: 'U', out: '0', status: 200 };
    const rest = { agent: '', address: '', request: '', type: '', entity: '', patient: '', query: '', of: [] };
    await moved.updateOne({ _id: 'g' }, { $set: { pending: [{ ...pending, ...rest }] } });
    const again = await open();
    await again.close();
    expect(await audited()).toContain('g-2');
    expect(await moved.countDocuments({ pending: { $exists: true } })).toBe(0);
  });

  it('an archived version that was never replaced is shown once', async () => {
    await one(observation('h', 'p'));
    const { db } = parts.connection;
    const current = await db.collection<{ readonly _id: string }>('Observation').findOne({ _id: 'h' });
    const archived = { ...current, _id: { id: 'h', version: 1 }, until: 8e15, untilCommit: 8e15, replaced: new Date() };
    await db.collection<{ readonly _id: unknown }>('Observation_history').insertOne(archived);
    const { versions } = await parts.histories.page({ type: 'Observation', id: 'h', count: 9 });
    expect(versions.map(({ versionId }) => versionId)).toEqual([1]);
  });
});
