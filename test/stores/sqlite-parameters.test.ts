/** Search parameters whose definition changed since a store was filled. https://hl7.org/fhir/R4/searchparameter.html */
import { describe, expect, it } from 'vitest';
import type { IndexEntry } from '../../src/search/entry.ts';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { openForReading } from '../../src/store/sqlite/path.ts';
import type { Entries } from '../../src/store/write.ts';
import {
  code,
  commit,
  containing,
  identified,
  identifier,
  observation,
  ofIdentified,
  patient,
  usual,
} from '../contract/subject.ts';
import { directory, openAt, parameters, reextract, settle } from './files.ts';

const at = directory();
const everything = { kind: 'and', of: [] } as const;

const renamed = (entries: readonly IndexEntry[]): readonly IndexEntry[] =>
  entries.map((entry) =>
    entry.value.kind === 'identifier'
      ? { ...entry, value: { ...entry.value, value: `new-${entry.value.value}` } }
      : entry,
  );
const upper = (bytes: Uint8Array): Entries => {
  const { entries, contained = [] } = reextract(bytes);
  return {
    entries: renamed(entries),
    contained: contained.map((each) => ({ ...each, entries: renamed(each.entries) })),
  };
};
const changed = parameters.map((parameter) =>
  parameter.code === identifier.code ? { ...parameter, definition: '2' } : parameter,
);

describe('parameters', () => {
  it('of a new definition are filled from the stored resources', async () => {
    const path = at('changed.db');
    const first = await openAt(path);
    await commit(
      first,
      Array.from({ length: 1200 }, (_, n) => patient(`p${n}`, `${n}`)),
    );
    await commit(first, [observation('o', 'p1')]);
    await first.close();
    const second = await openAt(path, { parameters: changed });
    await settle(second, upper);
    expect(await second.matches('Patient', identified('7'), 10)).toEqual([]);
    expect(await second.matches('Patient', identified('new-7'), 10)).toEqual(['p7']);
    expect(await second.matches('Patient', identified('new-1199'), 10)).toEqual(['p1199']);
    await second.close();
    const db = openForReading(path);
    expect([...checkStore(db, upper)].filter(({ kind }) => kind === 'finding')).toEqual([]);
    db.close();
    // And back again.
    const third = await openAt(path);
    await settle(third, reextract);
    expect(await third.matches('Patient', identified('7'), 10)).toEqual(['p7']);
    await third.close();
  });

  it('of a new definition are filled of what is contained too', async () => {
    const path = at('contained.db');
    const first = await openAt(path);
    await commit(first, [containing('o', '7'), observation('p', 'x')]);
    await first.close();
    const second = await openAt(path, { parameters: changed });
    await settle(second, upper);
    expect(await second.matches('Observation', ofIdentified('7'), 10)).toEqual([]);
    expect(await second.matches('Observation', ofIdentified('new-7'), 10)).toEqual(['o']);
    await second.close();
    const db = openForReading(path);
    expect([...checkStore(db, upper)].filter(({ kind }) => kind === 'finding')).toEqual([]);
    db.close();
  });

  it('that are new or gone are filled and removed', async () => {
    const path = at('fewer.db');
    const fewer = parameters.filter((parameter) => parameter.code !== code.code);
    const without = (bytes: Uint8Array) => ({
      entries: reextract(bytes).entries.filter((entry) => entry.parameter !== code.code),
    });
    const entries = (id: string) => {
      const put = observation(id, 'p');
      return { ...put, entries: put.entries.filter((entry) => entry.parameter !== code.code) };
    };
    const first = await openAt(path, { parameters: fewer });
    await commit(first, [entries('a'), entries('b')]);
    await first.close();
    const weight = {
      kind: 'value',
      parameter: code,
      anyOf: [{ kind: 'token', system: 'urn:codes', code: 'weight', fold: false }],
    } as const;
    const second = await openAt(path);
    await settle(second, reextract);
    expect(await second.matches('Observation', weight, 10)).toEqual(['a', 'b']);
    await second.close();
    const third = await openAt(path, { parameters: fewer });
    await settle(third, without);
    await third.close();
    const db = openForReading(path);
    expect(db.prepare('SELECT count(*) FROM token').get()).toEqual([0]);
    expect([...checkStore(db, without)].filter(({ kind }) => kind === 'finding')).toEqual([]);
    db.close();
  });

  it('are filled for versions that a walk may still show, too', async () => {
    const path = at('walk.db');
    const first = await openAt(path);
    await commit(first, [patient('a', '1'), patient('b', '1'), patient('c', '1')]);
    const query = (value: string) => ({
      parts: [{ type: 'Patient', criterion: identified(value), sort: [] }],
      count: 1,
      total: 'none' as const,
      totalBound: 100,
      budget: 10_000,
    });
    const page = await first.search(query('1'));
    expect(page.next).toBeDefined();
    await commit(first, [patient('b', '2'), patient('c', '2')]);
    await first.close();
    const second = await openAt(path, { parameters: changed });
    await settle(second, upper);
    const found: string[] = page.matches.map(({ id }) => id);
    for (let { next } = page; next !== undefined; ) {
      const more = await second.search({ ...query('new-1'), position: next });
      found.push(...more.matches.map(({ id }) => id));
      next = more.next;
    }
    expect(found.sort()).toEqual(['a', 'b', 'c']);
    expect(await second.matches('Patient', everything, 10)).toHaveLength(3);
    await second.close();
  });

  it('go on being filled where the last process ended', async () => {
    const path = at('resumed.db');
    const first = await openAt(path);
    await commit(
      first,
      Array.from({ length: 700 }, (_, n) => patient(`p${n}`, `${n}`)),
    );
    await first.close();
    const second = await openAt(path, { parameters: changed });
    let extracted = 0;
    const counted = (bytes: Uint8Array) => {
      extracted += 1;
      return upper(bytes);
    };
    await second.parameters.advance(counted, () => {});
    await second.parameters.advance(counted, () => {});
    expect(await second.matches('Patient', identified('new-7'), 10)).toEqual([]);
    await commit(second, [{ ...patient('p8', '8'), ...upper(Buffer.from('{"identifier":[{"value":"other"}]}')) }]);
    await second.close();
    const middle = openForReading(path);
    expect([...checkStore(middle, upper)].filter(({ kind }) => kind === 'finding')).toEqual([]);
    middle.close();
    const third = await openAt(path, { parameters: changed });
    const [filling] = third.parameters.states().filter(({ state }) => state === 'filling');
    expect(filling).toMatchObject({ code: 'identifier', total: 700 });
    expect(filling?.done).toBeGreaterThan(0);
    await settle(third, counted);
    expect(extracted).toBe(700);
    expect(await third.matches('Patient', identified('new-7'), 10)).toEqual(['p7']);
    await third.close();
  });

  it('that are gone leave nothing behind in what is kept for walks', async () => {
    const path = at('kept.db');
    const first = await openAt(path);
    await commit(first, [patient('a', '1'), patient('b', '1')]);
    const everyone = { type: 'Patient', criterion: everything, sort: [] };
    const page = await first.search({ parts: [everyone], count: 1, total: 'none', totalBound: 9, budget: 10_000 });
    expect(page.next).toBeDefined();
    await commit(first, [patient('b', '2')]);
    const fewer = parameters.filter((parameter) => parameter.code !== identifier.code);
    await first.parameters.declare(
      () => fewer,
      () => {},
    );
    await settle(first, () => ({ entries: [] }));
    await first.close();
    const db = openForReading(path);
    expect(
      db.prepare('SELECT (SELECT count(*) FROM identifier), (SELECT count(*) FROM kept_identifier)').get(),
    ).toEqual([0, 0]);
    expect([...checkStore(db, () => ({ entries: [] }))].filter(({ kind }) => kind === 'finding')).toEqual([]);
    db.close();
  });

  it('that the store was not opened with are refused before anything is written', async () => {
    const store = await openAt(at('unknown.db'), {
      parameters: usual.parameters.slice(0, 1).map((one) => ({ ...one, definition: '1' })),
    });
    await expect(commit(store, [patient('a', '1')])).rejects.toThrow(/without the parameter Patient.identifier/);
    await store.close();
  });
});
