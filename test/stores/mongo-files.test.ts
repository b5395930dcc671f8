/** Resources that are larger than a document of MongoDB. https://hl7.org/fhir/R4/binary.html */
import { randomBytes } from 'node:crypto';
import { Binary, ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Files } from '../../src/store/mongo/files.ts';
import { type LeaseDocument, Leases } from '../../src/store/mongo/leases.ts';
import { Orphans } from '../../src/store/mongo/orphans.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { Store } from '../../src/store/port.ts';
import { commit, contentOf, erase, failureOf, patient, put, usual, write } from '../contract/subject.ts';
import { databaseName, databases } from './mongo-database.ts';

const megabyte = 1024 * 1024;
const { url, client } = databases();

describe('a resource above 16 MB', () => {
  const database = url();
  const files = () => client().db(databaseName(database)).collection('osteon_files.files');
  // What doesn't deflate below the limit either, and what does.
  const noise = randomBytes(13 * megabyte).toString('base64');
  const blank = 'A'.repeat(20 * megabyte);
  let store: Store;
  beforeAll(async () => {
    store = await openMongoStore(database, {
      cursorLifetime: usual.cursorLifetime,
      timezone: 'UTC',
      parameters: usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
    });
  });
  afterAll(() => store.close());

  it.each([
    ['noise', noise],
    ['blank', blank],
  ])('is read back byte by byte: %s', async (id, data) => {
    await write(store, put('Binary', id, { contentType: 'application/octet-stream', data }));
    expect(contentOf((await store.read('Binary', id))?.body).data === data).toBe(true);
    const { versions } = await store.history({ type: 'Binary', id, count: 2 });
    expect(contentOf(versions[0]?.body).data === data).toBe(true);
    await write(store, put('Binary', id, { data: 'AAAA' }));
    expect(contentOf((await store.read('Binary', id))?.body).data).toBe('AAAA');
    expect(contentOf((await store.vread('Binary', id, 1))?.body).data === data).toBe(true);
  });

  it('is compared with what is stored', async () => {
    const same = put('Binary', 'same', { data: noise });
    expect((await write(store, same)).outcome).toBe('created');
    expect((await write(store, same)).outcome).toBe('unchanged');
  });

  it('leaves no file behind when the commit fails, or the resource is erased', async () => {
    const before = await files().countDocuments();
    expect(before).toBeGreaterThan(0);
    const large = put('Binary', 'refused', { data: noise });
    expect(await failureOf(commit(store, [large, patient('x', '1', '', { ifMatch: '*' })]))).toBeInstanceOf(Error);
    expect(await files().countDocuments()).toBe(before);
    await write(store, put('Binary', 'erased', { data: noise }));
    expect(await files().countDocuments()).toBe(before + 1);
    await write(store, erase('Binary', 'erased'));
    expect(await files().countDocuments()).toBe(before);
  });

  it('of a process that was killed before its commit is removed when it was found so an hour ago, and no other', async () => {
    const db = client().db(databaseName(database));
    const kept = new Files(db);
    const before = await files().countDocuments();
    const uncommitted = await kept.write({ type: 'Binary', id: 'noise' }, Buffer.from('of no version'));
    // One that was killed while it wrote has left chunks alone. That its clock is far behind, or this one far ahead, means nothing.
    const chunks = db.collection('osteon_files.chunks');
    const partial = ObjectId.createFromTime(Math.floor(Date.now() / 1000) - 100 * 3600);
    await chunks.insertOne({ files_id: partial, n: 0, data: new Binary(Buffer.from('the beginning')) });
    const leases = new Leases(db.collection<LeaseDocument>('osteon_leases'), { holder: 'another' });
    let minutes = 0;
    const orphans = new Orphans(db, { files: kept, leases, clock: () => minutes * 60_000 });
    expect(await orphans.remove()).toBe(0);
    minutes = 59;
    expect(await orphans.remove()).toBe(0);
    expect(await files().countDocuments()).toBe(before + 1);
    expect(await chunks.countDocuments({ files_id: partial })).toBe(1);
    minutes = 61;
    // Another process has to see it for itself.
    expect(await new Orphans(db, { files: kept, leases, clock: () => minutes * 60_000 }).remove()).toBe(0);
    // Who finds another process at it leaves it alone.
    const first = new Leases(db.collection<LeaseDocument>('osteon_leases'), { holder: 'first' });
    await first.ifAlone('files', () => orphans.forget(() => false));
    expect(await files().countDocuments()).toBe(before + 1);
    await orphans.forget(() => false);
    expect(await files().countDocuments()).toBe(before);
    expect(await chunks.countDocuments({ files_id: { $in: [uncommitted, partial] } })).toBe(0);
    const { versions } = await store.history({ type: 'Binary', id: 'noise', count: 9 });
    expect(versions.map(({ body }) => contentOf(body).data === noise)).toContain(true);
  });

  it('what its commit comes for later stays', async () => {
    const db = client().db(databaseName(database));
    const leases = new Leases(db.collection<LeaseDocument>('osteon_leases'), { holder: 'looking' });
    let minutes = 0;
    const orphans = new Orphans(db, { files: new Files(db), leases, clock: () => minutes * 60_000 });
    const late = await new Files(db).write({ type: 'Binary', id: 'blank' }, Buffer.from('of a commit in flight'));
    expect(await orphans.remove()).toBe(0);
    await db.collection<{ readonly _id: string }>('Binary').updateOne({ _id: 'blank' }, { $set: { file: late } });
    minutes = 61;
    expect(await orphans.remove()).toBe(0);
    await db.collection<{ readonly _id: string }>('Binary').updateOne({ _id: 'blank' }, { $unset: { file: '' } });
    minutes = 200;
    // A version had it in between.
    expect(await orphans.remove()).toBe(0);
    minutes = 261;
    expect(await orphans.remove()).toBe(1);
  });

  it('closing ends the looking', async () => {
    const db = client().db(databaseName(database));
    const leases = new Leases(db.collection<LeaseDocument>('osteon_leases'), { holder: 'closing' });
    let minutes = 0;
    const orphans = new Orphans(db, { files: new Files(db), leases, clock: () => minutes * 60_000 });
    await new Files(db).write({ type: 'Binary', id: 'blank' }, Buffer.from('of no version'));
    await orphans.remove();
    minutes = 61;
    // Not before the first step, but before its resources are looked at.
    const stopped = vi.fn(() => true).mockReturnValueOnce(false);
    expect(await orphans.remove(stopped)).toBe(0);
    expect(stopped).toHaveBeenCalledTimes(2);
    expect(await orphans.remove()).toBe(1);
  });
});
