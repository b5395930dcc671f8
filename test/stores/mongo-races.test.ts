/** Commits of two processes that would undo each other's conditions. https://hl7.org/fhir/R4/http.html#ccreate */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import { Conflict } from '../../src/store/errors.ts';
import { openMongoStore } from '../../src/store/mongo/store.ts';
import type { Store } from '../../src/store/port.ts';
import type { Commit, Condition, Put, Write } from '../../src/store/write.ts';
import {
  code,
  commit,
  identified,
  observation,
  ofIdentified,
  patient,
  put,
  remove,
  usual,
  write,
} from '../contract/subject.ts';
import { databases } from './mongo-database.ts';

const rounds = 8;
const { url } = databases();

/** Observations with a code. */
function coded(value: string): Criterion {
  return { kind: 'value', parameter: code, anyOf: [{ kind: 'token', system: 'urn:codes', code: value, fold: false }] };
}

function none(type: string, criterion: Criterion): Condition {
  return { type, criterion, matches: [], limit: 2 };
}

/** A patient with an identifier that is written as another system's. */
function elsewhere(value: string): Criterion {
  const parameter = { type: 'Patient', code: 'identifier', kind: 'token', multiple: true, textual: true } as const;
  return {
    kind: 'and',
    of: [
      {
        kind: 'value',
        parameter: { ...parameter, components: [] },
        anyOf: [{ kind: 'token', code: value, fold: false }],
      },
      { kind: 'and', of: [] },
    ],
  };
}

describe('two processes on one database', () => {
  let one: Store;
  let other: Store;
  beforeAll(async () => {
    const database = url();
    const open = () =>
      openMongoStore(database, {
        cursorLifetime: usual.cursorLifetime,
        timezone: 'UTC',
        parameters: usual.parameters.map(({ type, code }) => ({ type, code, definition: '1' })),
      });
    one = await open();
    other = await open();
  });
  afterAll(async () => {
    await one.close();
    await other.close();
  });

  /** Runs two commits at once, one in each process. @returns how many were made; the others were conflicts. */
  async function race(a: Commit, b: Commit): Promise<number> {
    const results = await Promise.allSettled([one.commit(a), other.commit(b)]);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(Conflict);
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  const conditional = (writes: readonly Write[], ...conditions: readonly Condition[]): Commit => ({
    writes,
    conditions,
    audit: [],
  });

  /** Both are made on a state without the other: so only one can be. */
  async function oneOf(pair: (round: number) => readonly [Commit, Commit]): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const [a, b] = pair(round);
      expect(await race(a, b)).toBe(1);
    }
  }

  it('of the same conditional create, one makes the resource', async () => {
    await oneOf((n) => [
      conditional([patient(`a${n}`, `same${n}`)], none('Patient', identified(`same${n}`))),
      conditional([patient(`b${n}`, `same${n}`)], none('Patient', identified(`same${n}`))),
    ]);
  });

  it('of the same condition spelled otherwise, one holds', async () => {
    await oneOf((n) => [
      conditional([patient(`c${n}`, `other${n}`)], none('Patient', identified(`other${n}`))),
      conditional([patient(`d${n}`, `other${n}`)], none('Patient', elsewhere(`other${n}`))),
    ]);
  });

  it('of creates of what the other must not find, one is made', async () => {
    await oneOf((n) => [
      conditional([patient(`e${n}`, `left${n}`)], none('Patient', identified(`right${n}`))),
      conditional([patient(`f${n}`, `right${n}`)], none('Patient', identified(`left${n}`))),
    ]);
  });

  it('of updates to what the other must not find, one is made', async () => {
    await commit(
      one,
      Array.from({ length: rounds }, (_, n) => [patient(`g${n}`, 'before'), patient(`h${n}`, 'before')]).flat(),
    );
    await oneOf((n) => [
      conditional([patient(`g${n}`, `up${n}`)], none('Patient', identified(`down${n}`))),
      conditional([patient(`h${n}`, `down${n}`)], none('Patient', identified(`up${n}`))),
    ]);
  });

  it('of criteria without identifiers, one holds', async () => {
    await oneOf((n) => [
      conditional([observation(`i${n}`, 'p', `red${n}`)], none('Observation', coded(`blue${n}`))),
      conditional([observation(`j${n}`, 'p', `blue${n}`)], none('Observation', coded(`red${n}`))),
    ]);
  });

  it('of a deletion and what needs the deleted, one is made', async () => {
    await commit(
      one,
      Array.from({ length: rounds }, (_, n) => patient(`k${n}`, `gone${n}`)),
    );
    await oneOf((n) => {
      const found = { type: 'Patient', criterion: identified(`gone${n}`), matches: [`k${n}`], limit: 2 };
      return [
        conditional([patient(`l${n}`, `new${n}`)], found),
        conditional([remove('Patient', `k${n}`)], none('Patient', identified(`new${n}`))),
      ];
    });
  });

  it('of a condition on another type and a write of that type, one is made', async () => {
    await commit(
      one,
      Array.from({ length: rounds }, (_, n) => [patient(`m${n}`, 'nobody'), observation(`n${n}`, `m${n}`)]).flat(),
    );
    await oneOf((n) => [
      conditional(
        [put('Basic', `o${n}`, {}), observation(`q${n}`, 'x', `mark${n}`)],
        none('Observation', ofIdentified(`some${n}`)),
      ),
      conditional([patient(`m${n}`, `some${n}`)], none('Observation', coded(`mark${n}`))),
    ]);
  });

  it('of a reference and the deletion of what it leads to, one is made', async () => {
    for (let n = 0; n < rounds; n++) {
      await write(one, patient(`r${n}`, 'r'));
      const key = { type: 'Patient', id: `r${n}` };
      const results = await Promise.allSettled([
        one.commit({ writes: [observation(`s${n}`, key.id)], conditions: [], audit: [], mustExist: [key] }),
        other.commit({ writes: [remove('Patient', key.id)], conditions: [], audit: [], mustBeUnreferenced: [key] }),
      ]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  it('updates of one resource are all made, one after the other', async () => {
    await write(one, patient('t', '0'));
    const updates = Array.from({ length: 20 }, (_, n) => write(n % 2 === 0 ? one : other, patient('t', `${n + 1}`)));
    const versions = (await Promise.all(updates)).map(({ versionId }) => versionId);
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
    const { versions: all } = await other.history({ type: 'Patient', id: 't', count: 50 });
    expect(all.map(({ versionId }) => versionId)).toEqual(Array.from({ length: 21 }, (_, n) => 21 - n));
    const instants = all.map(({ lastUpdated }) => lastUpdated);
    expect(instants.toSorted((a, b) => b - a)).toEqual(instants);
  });

  it('updates of one version: one wins', async () => {
    await write(one, patient('u', '0'));
    const once = (n: number): Put => patient('u', `${n}`, '', { ifMatch: ['1'] });
    const results = await Promise.allSettled([write(one, once(1)), write(other, once(2)), write(one, once(3))]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('what one has acknowledged the other reads, finds and has in its history', async () => {
    for (let n = 0; n < rounds; n++) {
      const [from, to] = n % 2 === 0 ? [one, other] : [other, one];
      await write(from, patient(`v${n}`, `seen${n}`));
      expect((await to.read('Patient', `v${n}`))?.versionId).toBe(1);
      expect(await to.matches('Patient', identified(`seen${n}`), 2)).toEqual([`v${n}`]);
      expect((await to.history({ type: 'Patient', count: 1 })).versions[0]?.id).toBe(`v${n}`);
      expect((await to.history({ count: 1 })).versions[0]?.id).toBe(`v${n}`);
    }
  });

  it('a history that is asked for again from the last instant misses nothing', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `w${n}`);
    const seen = new Set<string>();
    let since = 0;
    let writing = true;
    const look = async () => {
      const { versions } = await one.history({ type: 'Patient', since, count: 500 });
      for (const { id } of versions) seen.add(id);
      since = Math.max(since, ...versions.map(({ lastUpdated }) => lastUpdated));
    };
    const writes = Promise.all(
      ids.map((id, n) => (n % 3 === 0 ? other : one).commit(conditional([patient(id, id), put('Basic', id, {})]))),
    ).finally(() => {
      writing = false;
    });
    while (writing) await look();
    await writes;
    await look();
    expect(ids.filter((id) => !seen.has(id))).toEqual([]);
  });
});
