/** Loaded code systems. https://hl7.org/fhir/R4/codesystem.html */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StoreUnavailable } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/port.ts';
import {
  type ConceptFilter,
  type LoadedConcept,
  type LoadedSystem,
  type ReadConcepts,
  UnusableConcepts,
} from '../../src/store/terminology.ts';
import { type Subject, usual } from './subject.ts';

const joints: LoadedSystem = {
  url: 'urn:joints',
  version: '1',
  title: 'Joints',
  caseSensitive: true,
  properties: [
    { code: 'billable', type: 'boolean' },
    { code: 'side', type: 'code' },
  ],
};

const concept = (code: string, display: string, parents: readonly string[], more: Partial<LoadedConcept> = {}) => ({
  code,
  display,
  parents,
  ...more,
});

/** A joint disease is below two chapters; what was before is inactive. */
const concepts: readonly LoadedConcept[] = [
  concept('M17.1', 'Unilateral osteoarthritis of knee', ['M17'], { properties: [['billable', 'false']] }),
  concept('M', 'Musculoskeletal diseases', [], { abstract: true }),
  concept('K', 'Knee disorders', [], {
    abstract: true,
    designations: [{ value: 'Störungen des Knies', language: 'de' }],
  }),
  concept('M17', 'Osteoarthritis of knee', ['M', 'K'], { definition: 'Wear of the knee' }),
  concept('M17.11', 'Osteoarthritis, right knee', ['M17.1'], {
    properties: [
      ['billable', 'true'],
      ['side', 'right'],
    ],
  }),
  concept('M17.12', 'Osteoarthritis, left knee', ['M17.1'], {
    properties: [
      ['billable', 'true'],
      ['side', 'left'],
    ],
    designations: [{ value: 'Gonarthrose links', language: 'de', use: 'synonym' }],
  }),
  concept('M17.9', 'Kneecap pain, formerly', ['M17'], { inactive: true }),
  concept('Z', 'Other', []),
];

const some = (...all: readonly (readonly LoadedConcept[])[]): ReadConcepts =>
  async function* () {
    yield* all;
  };

const reading: ReadConcepts = some(concepts.slice(0, 3), concepts.slice(3));
const revision = expect.stringMatching(/./);
const codes = (found: readonly LoadedConcept[]) => found.map(({ code }) => code);
const sorted = (found: readonly LoadedConcept[]) => codes(found).sort();

export function terminologyRules(under: Subject): void {
  describe('loaded code systems', () => {
    let store: Store;
    beforeAll(async () => {
      store = await under.open(usual);
      await store.terminology.load(joints, reading);
    });
    afterAll(() => store.close());

    const select = async (filter: ConceptFilter, offset = 0, count = 100) => {
      const page = await store.terminology.select(joints, filter, { offset, count });
      return [codes(page.concepts), page.total] as const;
    };

    it('are listed with the number of their concepts', async () => {
      expect(await store.terminology.systems()).toEqual([{ ...joints, count: 8, revision }]);
    });

    it('give a concept with all that it came with', async () => {
      const found = await store.terminology.concepts(joints, [
        'M17.12',
        'M17',
        'M17.9',
        'M',
        'M17.12',
        'absent',
        'm17',
      ]);
      const wanted = concepts.filter(({ code }) => ['M17.12', 'M17', 'M17.9', 'M'].includes(code));
      expect([...found].sort((a, b) => (a.code < b.code ? -1 : 1))).toEqual(
        [...wanted].sort((a, b) => (a.code < b.code ? -1 : 1)),
      );
    });

    it('give all concepts in the order of their codes', async () => {
      const all: LoadedConcept[] = [];
      for await (const batch of store.terminology.all(joints)) all.push(...batch);
      expect(all).toEqual([...concepts].sort((a, b) => (a.code < b.code ? -1 : 1)));
    });

    it('are selected as a whole, page by page, in the order of their codes', async () => {
      const all = sorted(concepts);
      expect(await select({})).toEqual([all, 8]);
      expect(await select({}, 0, 3)).toEqual([all.slice(0, 3), 8]);
      expect(await select({}, 3, 3)).toEqual([all.slice(3, 6), 8]);
      expect(await select({}, 6, 3)).toEqual([all.slice(6), 8]);
      expect(await select({}, 9, 3)).toEqual([[], 8]);
      expect(await select({}, 0, 0)).toEqual([[], 8]);
    });

    it('are found by what their words begin with, without case and accents, in designations too', async () => {
      expect(await select({ text: 'OSTEO left' })).toEqual([['M17.12'], 1]);
      expect(await select({ text: 'gonarthrose' })).toEqual([['M17.12'], 1]);
      expect(await select({ text: 'storungen' })).toEqual([['K'], 1]);
      expect(await select({ text: 'teoarthritis' })).toEqual([[], 0]);
      expect(await select({ text: 'osteoarthritis wear' })).toEqual([[], 0]);
    });

    it('are found by their code, also without what separates its parts', async () => {
      expect(await select({ text: 'M17.1' })).toEqual([['M17.1', 'M17.11', 'M17.12'], 3]);
      expect(await select({ text: 'm1711' })).toEqual([['M17.11'], 1]);
    });

    it('give the concept of that code first, then those with the words, then those whose words begin so', async () => {
      expect(await select({ text: 'knee' })).toEqual([['K', 'M17', 'M17.1', 'M17.11', 'M17.12', 'M17.9'], 6]);
      expect(await select({ text: 'knee' }, 4, 1)).toEqual([['M17.12'], 6]);
      expect(await select({ text: 'knee' }, 4, 2)).toEqual([['M17.12', 'M17.9'], 6]);
      expect(await select({ text: 'knee' }, 5, 9)).toEqual([['M17.9'], 6]);
      expect(await select({ text: 'k' })).toEqual([['K', 'M17', 'M17.1', 'M17.11', 'M17.12', 'M17.9'], 6]);
      expect(await select({ text: 'M17' }, 0, 2)).toEqual([['M17', 'M17.1'], 5]);
      expect(await select({ text: 'M17' }, 1, 2)).toEqual([['M17.1', 'M17.11'], 5]);
    });

    it('are not narrowed by a text without words', async () => {
      expect(await select({ text: ' -' }, 0, 1)).toEqual([['K'], 8]);
    });

    it('are selected by codes', async () => {
      expect(await select({ codes: ['Z', 'K', 'absent', 'Z'] })).toEqual([['K', 'Z'], 2]);
      expect(await select({ codes: [] })).toEqual([[], 0]);
      expect(await select({ codes: ['Z', 'M17.9', 'M17.11'], text: 'knee' })).toEqual([['M17.11', 'M17.9'], 2]);
    });

    it('are selected by what is above them, with it or without', async () => {
      const below = ['M17', 'M17.1', 'M17.11', 'M17.12', 'M17.9'];
      expect(await select({ under: { code: 'M', self: false } })).toEqual([below, 5]);
      expect(await select({ under: { code: 'K', self: true } })).toEqual([['K', ...below], 6]);
      expect(await select({ under: { code: 'M17.1', self: true } })).toEqual([['M17.1', 'M17.11', 'M17.12'], 3]);
      expect(await select({ under: { code: 'Z', self: false } })).toEqual([[], 0]);
      expect(await select({ under: { code: 'absent', self: true } })).toEqual([[], 0]);
      expect(await select({ under: { code: 'M17.1', self: false }, text: 'right' })).toEqual([['M17.11'], 1]);
      expect(await select({ under: { code: 'M17.1', self: true }, codes: ['M17.1', 'M17'] })).toEqual([['M17.1'], 1]);
    });

    it('are selected by their properties', async () => {
      const property = (code: string, op: '=' | 'in' | 'not-in' | 'exists', ...values: readonly string[]) =>
        select({ properties: [{ code, op, values }] });
      expect(await property('billable', '=', 'true')).toEqual([['M17.11', 'M17.12'], 2]);
      expect(await property('side', 'in', 'left', 'right', 'both')).toEqual([['M17.11', 'M17.12'], 2]);
      expect(await property('side', 'not-in', 'left')).toEqual([
        sorted(concepts).filter((code) => code !== 'M17.12'),
        7,
      ]);
      expect(await property('billable', 'exists', 'true')).toEqual([['M17.1', 'M17.11', 'M17.12'], 3]);
      expect(await property('billable', 'exists', 'false')).toEqual([['K', 'M', 'M17', 'M17.9', 'Z'], 5]);
      expect(await property('absent', '=', 'true')).toEqual([[], 0]);
      const both: ConceptFilter['properties'] = [
        { code: 'billable', op: '=', values: ['true'] },
        { code: 'side', op: '=', values: ['left'] },
      ];
      expect(await select({ properties: both })).toEqual([['M17.12'], 1]);
      expect(await select({ properties: both, text: 'right' })).toEqual([[], 0]);
    });

    it('have the codes right above as the property parent', async () => {
      expect(await select({ properties: [{ code: 'parent', op: '=', values: ['M17'] }] })).toEqual([
        ['M17.1', 'M17.9'],
        2,
      ]);
      expect(await select({ properties: [{ code: 'parent', op: 'exists', values: ['false'] }] })).toEqual([
        ['K', 'M', 'Z'],
        3,
      ]);
    });

    it('are selected without what is inactive, or abstract', async () => {
      expect((await select({ activeOnly: true }))[1]).toBe(7);
      expect((await select({ selectableOnly: true }))[1]).toBe(6);
      expect(await select({ text: 'knee', activeOnly: true, selectableOnly: true })).toEqual([
        ['M17', 'M17.1', 'M17.11', 'M17.12'],
        4,
      ]);
      expect(await select({ text: 'k', selectableOnly: true, activeOnly: true }, 0, 1)).toEqual([['M17'], 4]);
      expect((await select({ under: { code: 'M', self: true }, activeOnly: true, selectableOnly: true }))[1]).toBe(4);
    });

    it('say what is above and below a code', async () => {
      const related = (code: string, direction: 'above' | 'below', limit = 100) =>
        store.terminology.related(joints, code, direction, limit);
      expect(await related('M17.11', 'above')).toEqual(['K', 'M', 'M17', 'M17.1']);
      expect(await related('K', 'below')).toEqual(['M17', 'M17.1', 'M17.11', 'M17.12', 'M17.9']);
      expect(await related('Z', 'below')).toEqual([]);
      expect(await related('absent', 'above')).toEqual([]);
      expect(await related('absent', 'below')).toEqual([]);
      expect(await related('K', 'below', 5)).toHaveLength(5);
      expect(await related('K', 'below', 4)).toBeUndefined();
      expect(await related('M17.11', 'above', 3)).toBeUndefined();
    });

    it('say whether a code subsumes another', async () => {
      const subsumed = (ancestor: string, code: string) => store.terminology.subsumed(joints, ancestor, code);
      expect(await subsumed('K', 'M17.12')).toBe(true);
      expect(await subsumed('M17.12', 'K')).toBe(false);
      expect(await subsumed('Z', 'Z')).toBe(true);
      expect(await subsumed('absent', 'absent')).toBe(false);
      expect(await subsumed('M17.11', 'M17.12')).toBe(false);
    });

    it('of another version, or that are not loaded, have no concepts', async () => {
      const other = { ...joints, version: '2' };
      expect(await store.terminology.concepts(other, ['M'])).toEqual([]);
      expect(await store.terminology.select(other, {}, { offset: 0, count: 1 })).toEqual({ concepts: [], total: 0 });
      expect(await store.terminology.related(other, 'M', 'below', 9)).toEqual([]);
      expect(await store.terminology.subsumed(other, 'M', 'M')).toBe(false);
    });
  });

  describe('loading code systems', () => {
    const small = { ...joints, url: 'urn:small', properties: [] };
    const opened = async (act: (store: Store) => Promise<void>) => {
      const store = await under.open(usual);
      try {
        await act(store);
      } finally {
        await store.close();
      }
    };

    it('puts a version in place of the same one, and beside others', () =>
      opened(async ({ terminology }) => {
        expect(await terminology.load(small, some([concept('a', 'A', []), concept('b', 'B', ['a'])]))).toBe(2);
        expect(await terminology.load({ ...small, version: '2' }, some([concept('x', 'X', [])]))).toBe(1);
        expect(await terminology.load({ ...small, title: 'New' }, some([concept('c', 'C', [])]))).toBe(1);
        expect(await terminology.systems()).toEqual([
          { ...small, title: 'New', count: 1, revision },
          { ...small, version: '2', count: 1, revision },
        ]);
        expect(await terminology.concepts(small, ['a', 'b', 'c'])).toEqual([concept('c', 'C', [])]);
        expect((await terminology.select(small, { text: 'a' }, { offset: 0, count: 9 })).total).toBe(0);
        expect(codes(await terminology.concepts({ ...small, version: '2' }, ['x']))).toEqual(['x']);
      }));

    it('gives another revision, also of as many concepts, and after a removal', () =>
      opened(async ({ terminology }) => {
        const revisions: (string | undefined)[] = [];
        const look = async () => revisions.push((await terminology.systems())[0]?.revision);
        for (const code of ['a', 'b', 'a']) {
          await terminology.load(small, some([concept(code, code, [])]));
          await look();
        }
        await terminology.remove(small.url, small.version);
        await terminology.load(small, some([concept('a', 'a', [])]));
        await look();
        expect(revisions).not.toContain(undefined);
        expect(new Set(revisions).size).toBe(4);
        await terminology.load({ ...small, version: '2' }, some([concept('b', 'b', [])]));
        await look();
        expect(revisions[4]).toBe(revisions[3]);
      }));

    it('shows nothing until all is there, and lets other writes through', () =>
      opened(async (store) => {
        const { terminology } = store;
        await terminology.load(small, some([concept('a', 'before', [])]));
        const many = Array.from({ length: 1500 }, (_, n) => concept(`c${n}`, `c ${n}`, n === 0 ? [] : ['c0']));
        let passes = 0;
        const loaded = await terminology.load(small, async function* () {
          passes += 1;
          for (let from = 0; from < many.length; from += 500) {
            yield many.slice(from, from + 500);
            expect((await terminology.systems()).map(({ count }) => count)).toEqual([1]);
            expect(codes(await terminology.concepts(small, ['a', 'c1']))).toEqual(['a']);
            await store.keep(`note ${passes} ${from}`, 'text', Number.MAX_SAFE_INTEGER);
            expect(await store.kept(`note ${passes} ${from}`)).toBe('text');
          }
        });
        expect([loaded, passes]).toEqual([1500, 2]);
        expect(codes(await terminology.concepts(small, ['a', 'c1']))).toEqual(['c1']);
        expect(await terminology.related(small, 'c0', 'below', 2000)).toHaveLength(1499);
      }));

    it('leaves what was there when it fails', () =>
      opened(async ({ terminology }) => {
        await terminology.load(small, some([concept('a', 'A', [])]));
        let passes = 0;
        const failing: ReadConcepts = async function* () {
          passes += 1;
          yield [concept('b', 'B', [])];
          if (passes === 2) throw new Error('the file is torn');
          yield [concept('c', 'C', [])];
        };
        await expect(terminology.load(small, failing)).rejects.toThrow('the file is torn');
        expect(await terminology.systems()).toEqual([{ ...small, count: 1, revision }]);
        expect(codes(await terminology.concepts(small, ['a', 'b']))).toEqual(['a']);
        expect(await terminology.load(small, some([concept('b', 'B', [])]))).toBe(1);
        expect(codes(await terminology.concepts(small, ['a', 'b']))).toEqual(['b']);
      }));

    it('refuses a code that comes twice, a parent that is missing, a circle, a property that nobody declared', () =>
      opened(async ({ terminology }) => {
        const refused = (...all: readonly LoadedConcept[]) => expect(terminology.load(small, some(all))).rejects;
        await refused(concept('a', 'A', []), concept('a', 'B', [])).toThrow('The code a comes twice.');
        await refused(concept('a', 'A', ['b'])).toThrow("a is below b, which isn't there.");
        await refused(concept('a', 'A', ['b']), concept('b', 'B', ['a'])).toThrow('is above itself');
        await refused(concept('a', 'A', [], { properties: [['x', '1']] })).toThrow('the property x');
        await refused(concept('a', 'A', ['a'])).toThrow(UnusableConcepts);
        expect(await terminology.systems()).toEqual([]);
      }));

    it('looks codes up without case where the system says so', () =>
      opened(async ({ terminology }) => {
        const folding = { ...small, caseSensitive: false };
        await terminology.load(folding, some([concept('Ab', 'A', []), concept('C', 'C', ['aB'])]));
        expect(codes(await terminology.concepts(folding, ['AB', 'ab']))).toEqual(['Ab']);
        expect(await terminology.subsumed(folding, 'AB', 'c')).toBe(true);
        expect(await terminology.related(folding, 'c', 'above', 9)).toEqual(['Ab']);
        expect(await terminology.related(folding, 'AB', 'below', 9)).toEqual(['C']);
        const under = await terminology.select(folding, { under: { code: 'aB', self: true } }, { offset: 0, count: 9 });
        expect(codes(under.concepts)).toEqual(['Ab', 'C']);
        await expect(terminology.load(folding, some([concept('a', '', []), concept('A', '', [])]))).rejects.toThrow(
          'twice',
        );
      }));

    it('takes a system without concepts, and a deep one', () =>
      opened(async ({ terminology }) => {
        expect(await terminology.load(small, some())).toBe(0);
        expect(await terminology.systems()).toEqual([{ ...small, count: 0, revision }]);
        const deep = Array.from({ length: 300 }, (_, n) =>
          concept(String(n).padStart(4, '0'), '', n === 0 ? [] : [String(n - 1).padStart(4, '0')]),
        );
        expect(await terminology.load(small, some(deep.toReversed()))).toBe(300);
        expect(await terminology.related(small, '0299', 'above', 1000)).toHaveLength(299);
        expect(await terminology.related(small, '0000', 'below', 1000)).toHaveLength(299);
      }));

    it('removes a version as a whole', () =>
      opened(async ({ terminology }) => {
        await terminology.load(small, some([concept('a', 'A', [])]));
        await terminology.load({ ...small, version: '2' }, some([concept('b', 'B', [])]));
        expect(await terminology.remove(small.url, '1')).toBe(true);
        expect(await terminology.remove(small.url, '1')).toBe(false);
        expect(await terminology.remove('urn:absent', '')).toBe(false);
        expect(await terminology.systems()).toEqual([{ ...small, version: '2', count: 1, revision }]);
        expect(await terminology.concepts(small, ['a'])).toEqual([]);
      }));

    it('is refused by a store that is closed', async () => {
      const store = await under.open(usual);
      await store.close();
      await expect(store.terminology.load(small, some([concept('a', 'A', [])]))).rejects.toThrow(StoreUnavailable);
      await expect(store.terminology.concepts(small, ['a'])).rejects.toThrow(StoreUnavailable);
      await expect(store.terminology.select(small, {}, { offset: 0, count: 1 })).rejects.toThrow(StoreUnavailable);
    });
  });
}
