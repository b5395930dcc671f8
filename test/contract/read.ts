/** Reading. https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { contentOf, erase, patient, remove, type Subject, usual, write } from './subject.ts';

export function readRules(under: Subject): void {
  let store: Store;
  beforeAll(async () => {
    store = await under.open(usual);
  });
  afterAll(() => store.close());

  describe('read', () => {
    it('gives the current version, with the bytes that were committed', async () => {
      const first = await write(store, patient('r1', '1'));
      const { written, version } = { written: first, version: await store.read('Patient', 'r1') };
      expect(version).toMatchObject({ type: 'Patient', id: 'r1', versionId: 1, method: 'PUT' });
      expect(version?.lastUpdated).toBe(written.lastUpdated);
      const instant = new Date(written.lastUpdated).toISOString();
      expect(Buffer.from(version?.body ?? []).toString('utf8')).toBe(
        `{"resourceType":"Patient","id":"r1","meta":{"versionId":"1","lastUpdated":"${instant}"},` +
          '"identifier":[{"system":"urn:mrn","value":"1"}],"language":"en"}',
      );
    });

    it('keeps bytes that no parser would give back', async () => {
      const put = patient('r2', '2');
      const head = Buffer.from(
        '{"resourceType":"Patient","id":"r2","multipleBirthInteger":1.00,"x":"é\u2028😀","meta":{',
      );
      await write(store, { ...put, body: { head, tail: Buffer.from('}}') } });
      const text = Buffer.from((await store.read('Patient', 'r2'))?.body ?? []).toString('utf8');
      expect(text).toContain('"multipleBirthInteger":1.00,"x":"é\u2028😀"');
    });

    it('gives the deletion of a deleted resource', async () => {
      await write(store, patient('r3', '3'));
      const deletion = await write(store, remove('Patient', 'r3'));
      expect(await store.read('Patient', 'r3')).toEqual({
        type: 'Patient',
        id: 'r3',
        versionId: 2,
        lastUpdated: deletion.lastUpdated,
        method: 'DELETE',
        body: undefined,
      });
    });

    it('gives undefined for an id that was never used or was erased', async () => {
      await write(store, patient('r4', '4'));
      await write(store, erase('Patient', 'r4'));
      expect(await store.read('Patient', 'r4')).toBeUndefined();
      expect(await store.read('Patient', 'nobody')).toBeUndefined();
      expect(await store.read('Basic', 'nobody')).toBeUndefined();
    });

    it('gives undefined for an id that is only referred to', async () => {
      const { link } = { link: { kind: 'reference', type: 'Patient', id: 'r6', version: '' } as const };
      await write(store, { ...patient('r5', '5'), entries: [{ parameter: 'link', value: link }] });
      expect(await store.read('Patient', 'r6')).toBeUndefined();
    });

    it('tells types and cases of ids apart', async () => {
      await write(store, patient('Same', '7'));
      expect(await store.read('Patient', 'same')).toBeUndefined();
      expect(await store.read('Observation', 'Same')).toBeUndefined();
    });
  });

  describe('vread', () => {
    it('gives each version, a deletion included', async () => {
      await write(store, patient('v1', '1', 'de'));
      await write(store, patient('v1', '1', 'fr'));
      await write(store, remove('Patient', 'v1'));
      await write(store, patient('v1', '1', 'it'));
      const languages = [];
      for (const versionId of [1, 2, 3, 4]) {
        const version = await store.vread('Patient', 'v1', versionId);
        languages.push(version?.body === undefined ? version?.method : contentOf(version.body).language);
      }
      expect(languages).toEqual(['de', 'fr', 'DELETE', 'it']);
    });

    it('gives undefined where there is none', async () => {
      await write(store, patient('v2', '2'));
      expect(await store.vread('Patient', 'v2', 2)).toBeUndefined();
      expect(await store.vread('Patient', 'v2', 0)).toBeUndefined();
      expect(await store.vread('Patient', 'nobody', 1)).toBeUndefined();
    });
  });
}
