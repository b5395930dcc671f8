/** Rules of the search parameters that come and go while a store is open. https://hl7.org/fhir/R4/searchparameter.html */
import { describe, expect, it } from 'vitest';
import type { Criterion } from '../../src/search/criteria.ts';
import type { IndexEntry } from '../../src/search/entry.ts';
import { Conflict } from '../../src/store/errors.ts';
import type { ParameterDefinition } from '../../src/store/parameter-index.ts';
import type { Store } from '../../src/store/port.ts';
import type { Put } from '../../src/store/write.ts';
import { commit, contentOf, failureOf, identified, patient, remove, type Subject, usual } from './subject.ts';

const standing: readonly ParameterDefinition[] = usual.parameters.map(({ type, code }) => ({
  type,
  code,
  definition: '1',
}));
const language = (definition: string): ParameterDefinition => ({ type: 'Patient', code: 'language', definition });
const nothing = () => {};

/** Patients whose language, as that definition writes it, is the text. */
function speaking(definition: string, value: string): Criterion {
  const parameter = { type: 'Patient', code: 'language', definition, kind: 'uri', multiple: false } as const;
  const anyOf = [{ kind: 'uri', match: 'exact', value }] as const;
  return { kind: 'value', parameter: { ...parameter, textual: false, components: [] }, anyOf };
}

/** The entries of a patient by the store's states: a definition is the prefix of its values. */
function entriesOf(store: Store, content: Readonly<Record<string, unknown>>): readonly IndexEntry[] {
  return store.parameters.states().flatMap(({ code, entry, definition }): readonly IndexEntry[] => {
    if (code !== 'language') return [];
    return [{ parameter: entry, value: { kind: 'uri', value: `${definition}:${content.language}` } }];
  });
}

function speaker(store: Store, id: string, language_: string): Put {
  const put = patient(id, id, language_);
  return { ...put, entries: [...put.entries, ...entriesOf(store, { language: language_ })] };
}

const reextract = (store: Store) => (body: Uint8Array) => ({ entries: entriesOf(store, contentOf(body)) });

async function fill(store: Store): Promise<number> {
  let looked = 0;
  for (;;) {
    const some = await store.parameters.advance(reextract(store), nothing);
    if (some === undefined) return looked;
    looked += some;
  }
}

const many = (store: Store, count: number) => Array.from({ length: count }, (_, n) => speaker(store, `p${n}`, `l${n}`));

export function parameterRules(under: Subject): void {
  describe('search parameters', () => {
    it('are current at once where there is nothing to fill', async () => {
      const store = await under.open(usual);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      expect(store.parameters.states().map(({ state }) => state)).not.toContain('filling');
      await commit(store, [speaker(store, 'x', 'de')]);
      expect(await store.matches('Patient', speaking('a', 'a:de'), 9)).toEqual(['x']);
      await store.close();
    });

    it('have what commits bring that were given while they were declared', async () => {
      const store = await under.open(usual);
      const declaring = store.parameters.declare(() => [...standing, language('a')], nothing);
      const before = speaker(store, 'x', 'de');
      await commit(store, [before]);
      await declaring;
      await fill(store);
      expect(await store.matches('Patient', speaking('a', 'a:de'), 9)).toEqual(['x']);
      await store.close();
    });

    it('go on answering until the one that takes their place is filled, whenever it is declared', async () => {
      const store = await under.open(usual);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      await commit(store, [speaker(store, 'x', 'de')]);
      await store.parameters.declare(() => [...standing, language('a'), language('b')], nothing);
      const states = () =>
        store.parameters
          .states()
          .flatMap(({ code, definition, state }) => (code === 'language' ? [[definition, state]] : []));
      const current = () => states().filter(([, state]) => state === 'current');
      const replacing = (definition: string) => [
        ...standing,
        ...current().map(([known = '']) => language(known)),
        language(definition),
      ];
      for (const definition of ['b', 'b', 'b', 'c', 'c', 'd', 'd', 'd', 'd', 'e']) {
        // Some of these are steps that make a definition current and retire the one before.
        const step = store.parameters.advance(reextract(store), nothing);
        await new Promise(setImmediate);
        await store.parameters.declare(() => replacing(definition), nothing);
        await step;
        expect(current()).toHaveLength(1);
      }
      await fill(store);
      expect(states()).toEqual([['e', 'current']]);
      expect(await store.matches('Patient', speaking('e', 'e:de'), 9)).toEqual(['x']);
      await store.close();
    });

    it('that are new are filled from what is stored, and commits go on meanwhile', async () => {
      const store = await under.open(usual);
      await commit(store, many(store, 450));
      let changes = 0;
      await store.parameters.declare(
        () => [...standing, language('a')],
        () => changes++,
      );
      expect(changes).toBe(1);
      const filling = () => store.parameters.states().filter(({ state }) => state === 'filling');
      expect(filling()).toMatchObject([{ code: 'language', definition: 'a', done: 0, total: 450 }]);
      await store.parameters.advance(reextract(store), () => changes++);
      expect(filling()[0]?.done).toBeGreaterThan(0);
      // One that was filled, one that wasn't yet, a new one, and one that goes.
      await commit(store, [speaker(store, 'p1', 'x'), speaker(store, 'p449', 'y'), speaker(store, 'q', 'z')]);
      await commit(store, [remove('Patient', 'p2'), remove('Patient', 'p448')]);
      await fill(store);
      expect(filling()).toEqual([]);
      for (const [value, ids] of [
        ['l0', ['p0']],
        ['l440', ['p440']],
        ['l1', []],
        ['x', ['p1']],
        ['y', ['p449']],
        ['z', ['q']],
        ['l2', []],
        ['l448', []],
      ] as const) {
        expect([value, await store.matches('Patient', speaking('a', `a:${value}`), 9)]).toEqual([value, ids]);
      }
      const parameter = { type: 'Patient', code: 'language', definition: 'a', kind: 'uri', multiple: false } as const;
      const missing = {
        kind: 'missing',
        parameter: { ...parameter, textual: false, components: [] },
        missing: true,
      } as const;
      expect(await store.matches('Patient', missing, 9)).toEqual([]);
      expect(await store.matches('Patient', identified('p7'), 9)).toEqual(['p7']);
      await store.close();
    });

    it('of a new definition take the place of the old one when all is filled, and the old one answers until then', async () => {
      const store = await under.open(usual);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      await commit(store, many(store, 300));
      await store.parameters.declare(() => [...standing, language('a'), language('b')], nothing);
      const states = () => store.parameters.states().flatMap((each) => (each.code === 'language' ? [each] : []));
      expect(states().map(({ definition, state }) => [definition, state])).toEqual([
        ['a', 'current'],
        ['b', 'filling'],
      ]);
      expect(states()[0]?.entry).toBe('language');
      expect(states()[1]?.entry).not.toBe('language');
      await store.parameters.advance(reextract(store), nothing);
      await commit(store, [speaker(store, 'new', 'x')]);
      expect(await store.matches('Patient', speaking('a', 'a:l7'), 9)).toEqual(['p7']);
      expect(await store.matches('Patient', speaking('a', 'a:x'), 9)).toEqual(['new']);
      await fill(store);
      expect(states()).toMatchObject([{ definition: 'b', state: 'current', entry: 'language' }]);
      expect(await store.matches('Patient', speaking('b', 'b:l7'), 9)).toEqual(['p7']);
      expect(await store.matches('Patient', speaking('b', 'b:x'), 9)).toEqual(['new']);
      expect(await store.matches('Patient', speaking('a', 'a:l7'), 9)).toEqual([]);
      await store.close();
    });

    it('that are no longer wanted are removed, and may come again', async () => {
      const store = await under.open(usual);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      await commit(store, many(store, 300));
      await store.parameters.declare(() => standing, nothing);
      await fill(store);
      expect(store.parameters.states().some(({ code }) => code === 'language')).toBe(false);
      expect(await store.matches('Patient', speaking('a', 'a:l7'), 9)).toEqual([]);
      await commit(store, [speaker(store, 'p7', 'x')]);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      await fill(store);
      expect(await store.matches('Patient', speaking('a', 'a:x'), 9)).toEqual(['p7']);
      expect(await store.matches('Patient', speaking('a', 'a:l8'), 9)).toEqual(['p8']);
      await store.close();
    });

    it('make a commit a Conflict that was planned for others', async () => {
      const store = await under.open(usual);
      const { generation } = store.parameters;
      await commit(store, [speaker(store, 'x', 'de')], { generation });
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      expect(store.parameters.generation).toBeGreaterThan(generation);
      const error = await failureOf(commit(store, [speaker(store, 'y', 'de')], { generation }));
      expect(error).toBeInstanceOf(Conflict);
      expect(error).toMatchObject({ of: 'parameters' });
      await commit(store, [speaker(store, 'y', 'de')], { generation: store.parameters.generation });
      await store.close();
    });

    it('that were filled are those that are written anew', async () => {
      const store = await under.open(usual);
      await commit(store, [speaker(store, 'x', 'de')]);
      await store.parameters.declare(() => [...standing, language('a')], nothing);
      await fill(store);
      const again = () => ({ entries: speaker(store, 'x', 'de').entries });
      expect(await store.parameters.rewrite('Patient', 'x', again)).toEqual({ looked: 1, changed: 0, failed: [] });
      await store.close();
    });

    it('of a resource can be written anew', async () => {
      const store = await under.open(usual);
      await commit(store, [patient('x', '1')]);
      const other = () => ({ entries: patient('x', '2').entries });
      const { parameters } = store;
      expect(await parameters.rewrite('Patient', 'x', other)).toEqual({ looked: 1, changed: 1, failed: [] });
      expect(await parameters.rewrite('Patient', 'x', other)).toEqual({ looked: 1, changed: 0, failed: [] });
      expect(await parameters.rewrite('Patient', 'y', other)).toEqual({ looked: 0, changed: 0, failed: [] });
      expect(await store.matches('Patient', identified('1'), 9)).toEqual([]);
      expect(await store.matches('Patient', identified('2'), 9)).toEqual(['x']);
      await store.close();
    });

    it('of a type can be written anew in pieces, and what fails is named', async () => {
      const store = await under.open(usual);
      await commit(store, many(store, 450));
      const failing = (body: Uint8Array) => {
        const { id } = contentOf(body);
        if (id === 'p3' || id === 'p449') throw new Error('no');
        return { entries: patient('any', id === 'p7' ? 'other' : String(id)).entries };
      };
      const failed: string[] = [];
      let looked = 0;
      let changed = 0;
      let place: readonly number[] | undefined;
      do {
        const some = await store.parameters.rewriteSome('Patient', place, failing);
        looked += some.looked;
        changed += some.changed;
        failed.push(...some.failed);
        place = some.next;
        if (looked === 200) await commit(store, [patient('late', 'x')]);
      } while (place !== undefined);
      expect({ looked, changed, failed }).toEqual({ looked: 450, changed: 1, failed: ['p3', 'p449'] });
      expect(await store.matches('Patient', identified('other'), 9)).toEqual(['p7']);
      expect(await store.matches('Patient', identified('p3'), 9)).toEqual(['p3']);
      await store.close();
    });
  });
}
