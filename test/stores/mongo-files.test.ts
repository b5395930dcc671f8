/** Resources that are larger than a document of MongoDB. https://hl7.org/fhir/R4/binary.html */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
});
