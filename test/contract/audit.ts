/** The server's own AuditEvents in a store. https://hl7.org/fhir/R4/auditevent.html */
import { describe, expect, it } from 'vitest';
import type { AuditQuery, StoredAuditRecord } from '../../src/store/audit-log.ts';
import { PreconditionFailed } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import { auditRecord, commit, erase, failureOf, patient, remove, type Subject, usual } from './subject.ts';

const start = 1_700_000_000_000;

/** The n-th record of a test. */
function noted(n: number) {
  const time = (start + n).toString(16).padStart(12, '0');
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
  return auditRecord(id, start + n);
}

async function found(store: Store, query: AuditQuery = {}): Promise<readonly StoredAuditRecord[]> {
  const all: StoredAuditRecord[] = [];
  for await (const some of store.audit.find(query, 'ascending')) all.push(...some);
  return all;
}

async function ids(store: Store, query: AuditQuery = {}): Promise<readonly string[]> {
  return (await found(store, query)).map(({ record }) => record.id);
}

export function auditRules(under: Subject): void {
  describe('audit records', () => {
    it('of a commit are there once it is answered, whole and in order', async () => {
      const store = await under.open(usual);
      const records = [noted(1), noted(2)];
      await commit(store, [patient('a', '1')], { audit: records });
      const stored = await found(store);
      expect(stored.map(({ record }) => record)).toEqual(records);
      expect(stored[1]?.sequence).toBeGreaterThan(stored[0]?.sequence ?? 0);
      expect(await store.audit.last()).toBe(stored[1]?.sequence);
      await store.close();
    });

    it('of a commit that fails are not written', async () => {
      const store = await under.open(usual);
      await commit(store, [patient('a', '1')], { audit: [noted(1)] });
      const failing = commit(store, [patient('b', '2'), patient('a', '3', '', { ifNoneMatch: '*' })], {
        audit: [noted(2)],
      });
      expect(await failureOf(failing)).toBeInstanceOf(PreconditionFailed);
      expect(await ids(store)).toEqual([noted(1).id]);
      await store.close();
    });

    it('of interactions that wrote nothing are there once `append` resolves', async () => {
      const store = await under.open(usual);
      expect(await store.audit.last()).toBe(0);
      await store.audit.append([noted(1)]);
      await store.audit.append([]);
      await store.audit.append(Array.from({ length: 5000 }, (_, n) => noted(n + 2)));
      expect(await store.audit.last()).toBe((await found(store)).at(-1)?.sequence);
      expect((await ids(store)).length).toBe(5001);
      await store.close();
    });

    it('of many commits at once are all there, each once', async () => {
      const store = await under.open(usual);
      const numbers = Array.from({ length: 300 }, (_, n) => n);
      await Promise.all(numbers.map((n) => commit(store, [patient(`p${n}`, `${n}`)], { audit: [noted(n)] })));
      expect([...(await ids(store))].sort()).toEqual(numbers.map((n) => noted(n).id));
      await store.close();
    });

    it('of a large transaction are all there', async () => {
      const store = await under.open(usual);
      const numbers = Array.from({ length: 6000 }, (_, n) => n);
      const audit = numbers.map(noted);
      await commit(
        store,
        numbers.slice(0, 700).map((n) => patient(`p${n}`, `${n}`)),
        { audit },
      );
      expect((await found(store)).map(({ record }) => record)).toEqual(audit);
      await store.close();
    });

    it('are found by what they name', async () => {
      const store = await under.open(usual);
      await store.audit.append([
        noted(1),
        { ...noted(2), subtype: 'read', action: 'R', agent: 'Practitioner/x' },
        { ...noted(3), type: 'Observation', entity: 'o', outcome: '4' },
        { ...noted(4), entity: 'b', patient: '' },
      ]);
      const expected: readonly (readonly [AuditQuery, readonly number[]])[] = [
        [{}, [1, 2, 3, 4]],
        [{ ids: [noted(2).id, noted(9).id] }, [2]],
        [{ recorded: { low: start + 2, high: start + 4 } }, [2, 3]],
        [{ agents: ['Practitioner/x'] }, [2]],
        [{ patients: ['a'] }, [1, 2, 3]],
        [{ patients: ['b'] }, [4]],
        [{ entities: ['Observation/o', 'Patient/b'] }, [3, 4]],
        [{ entities: ['Patient/a'] }, [1, 2, 3]],
        [{ actions: ['R'] }, [2]],
        [{ subtypes: ['create'], outcomes: ['0'] }, [1, 4]],
        [{ outcomes: [] }, []],
      ];
      for (const [query, numbers] of expected)
        expect(await ids(store, query), JSON.stringify(query)).toEqual(numbers.map((n) => noted(n).id));
      await store.close();
    });

    it('are walked in both orders, beyond and up to a sequence', async () => {
      const store = await under.open(usual);
      await store.audit.append([1, 2, 3, 4, 5].map(noted));
      const sequences = (await found(store)).map(({ sequence }) => sequence);
      const [, second, , fourth] = sequences;
      const walk = async (order: 'ascending' | 'descending', after?: number, upTo?: number) => {
        const seen: number[] = [];
        for await (const some of store.audit.find({}, order, after, upTo))
          seen.push(...some.map(({ sequence }) => sequence));
        return seen.map((sequence) => sequences.indexOf(sequence) + 1);
      };
      expect(await walk('ascending', second)).toEqual([3, 4, 5]);
      expect(await walk('descending', fourth)).toEqual([3, 2, 1]);
      expect(await walk('ascending', second, fourth)).toEqual([3, 4]);
      expect(await walk('descending', undefined, fourth)).toEqual([4, 3, 2, 1]);
      await store.close();
    });

    it('outlive the deletion and the erasure of what they tell of', async () => {
      const store = await under.open(usual);
      await commit(store, [patient('a', '1')], { audit: [noted(1)] });
      await commit(store, [remove('Patient', 'a')], { audit: [noted(2)] });
      await commit(store, [erase('Patient', 'a')], { audit: [noted(3)] });
      expect(await ids(store, { patients: ['a'] })).toEqual([1, 2, 3].map((n) => noted(n).id));
      await store.close();
    });

    it('are chained: each change of the log gives another head', async () => {
      const store = await under.open(usual);
      expect((await store.audit.heads()).size).toBe(0);
      await store.audit.append([noted(1)]);
      const [[process, first] = []] = await store.audit.heads();
      await commit(store, [patient('a', '1')], { audit: [noted(2)] });
      const heads = await store.audit.heads();
      expect([...heads.keys()]).toEqual([process]);
      expect(heads.get(process ?? '')).toMatch(/^[0-9a-f]{64}$/);
      expect(heads.get(process ?? '')).not.toBe(first);
      await store.close();
    });
  });
}
