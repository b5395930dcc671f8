/** The audit log of the embedded store, in memory and in a file that is opened again. https://hl7.org/fhir/R4/auditevent.html */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/store/sqlite/audit-verify.ts';
import { openDatabase } from '../../src/store/sqlite/open.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { auditRules } from '../contract/audit.ts';
import { auditRecord, commit, day, patient, type Settings, type Subject, usual } from '../contract/subject.ts';
import { all, recordsFrom } from './file.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-audit-'));
let files = 0;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function open(url: string, { clock, cursorLifetime, parameters }: Settings) {
  return openSqliteStore(url, {
    ...(clock === undefined ? {} : { clock }),
    cursorLifetime,
    timezone: 'UTC',
    parameters: parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
  });
}

const newFile = () => join(directory, `${++files}.db`);
const subjects: readonly Subject[] = [
  { name: 'in memory', open: (settings) => open('sqlite::memory:', settings) },
  { name: 'in a file', open: (settings) => open(`sqlite:${newFile()}`, settings) },
];

for (const subject of subjects) describe(`sqlite ${subject.name}`, () => auditRules(subject));

describe('sqlite opened again', () => {
  it('goes on in a chain of its own, and everything verifies, also beside the running store', async () => {
    const path = newFile();
    for (let opening = 0; opening < 3; opening++) {
      const store = await open(`sqlite:${path}`, { ...usual, cursorLifetime: day });
      await store.audit.append(recordsFrom(opening * 3000, 3000));
      await commit(store, [patient(`p${opening}`, '1')], { audit: [auditRecord(`odd-${opening}`, 1_700_000_000_000)] });
      expect(await store.audit.last()).toBe(3001 * (opening + 1));
      expect((await store.audit.heads()).size).toBe(opening + 1);
      const beside = openDatabase(path, { readOnly: true });
      const verified = await verifyAudit(beside, { heads: [...(await store.audit.heads()).values()] });
      beside.close();
      expect(verified.fault).toBeUndefined();
      expect(verified).toMatchObject({ events: 3001 * (opening + 1), chains: opening + 1 });
      expect((await all(store.audit, { ids: ['odd-0'] })).map(({ sequence }) => sequence)).toEqual([3001]);
      await store.close();
    }
  });

  it('verifies while records are appended', async () => {
    const path = newFile();
    const store = await open(`sqlite:${path}`, usual);
    await store.audit.append(recordsFrom(0, 20_000));
    const beside = openDatabase(path, { readOnly: true });
    let verifying = true;
    const verified = verifyAudit(beside).finally(() => {
      verifying = false;
    });
    let appended = 20_000;
    for (let n = 0; verifying && n < 2000; n++) {
      await store.audit.append(recordsFrom(appended, 60));
      appended += 60;
    }
    const { fault, events } = await verified;
    expect(fault).toBeUndefined();
    expect(events).toBeGreaterThanOrEqual(20_000);
    beside.close();
    await store.close();
  });
});
