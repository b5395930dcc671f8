/** A store against a model of it: random commits, then everything that can be read. https://hl7.org/fhir/R4/http.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import type { Write } from '../../src/store/write.ts';
import { commit, contentOf, erase, patient, remove, type Subject, usual } from './subject.ts';

interface Step {
  readonly id: string;
  readonly act: 'put' | 'delete' | 'erase';
  /** What a put writes: few, so that some change nothing. */
  readonly note: string;
  /** undefined: no condition; otherwise how far from the current version `ifMatch` is. */
  readonly off: number | undefined;
}

/** A version in the model: its content, or null for a deletion. */
type Modelled = string | null;

const step: fc.Arbitrary<Step> = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  act: fc.constantFrom('put', 'put', 'put', 'put', 'delete', 'erase'),
  note: fc.constantFrom('en', 'de', 'fr'),
  off: fc.constantFrom(undefined, undefined, undefined, 0, 1),
});
const steps = fc.array(fc.uniqueArray(step, { selector: ({ id }) => id, minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 14,
});

class Model {
  readonly versions = new Map<string, Modelled[]>();
  /** Every version in the order of change numbers. */
  changes: { readonly id: string; readonly versionId: number }[] = [];

  current(id: string): Modelled | undefined {
    return this.versions.get(id)?.at(-1);
  }

  /** Whether the whole commit passes its preconditions. */
  passes(all: readonly Step[]): boolean {
    return all.every(({ id, act, off }) => {
      if (act === 'erase' || off === undefined) return true;
      return off === 0 && typeof this.current(id) === 'string';
    });
  }

  /** What the write comes to. */
  apply({ id, act, note }: Step): readonly [versionId: number, outcome: string] {
    const known = this.versions.get(id) ?? [];
    const current = known.at(-1);
    if (act === 'erase') {
      if (known.length === 0) return [0, 'unchanged'];
      this.versions.delete(id);
      this.changes = this.changes.filter((change) => change.id !== id);
      return [0, 'deleted'];
    }
    const next = act === 'put' ? note : null;
    if (current === next || (act === 'delete' && current === undefined)) return [known.length, 'unchanged'];
    this.versions.set(id, [...known, next]);
    this.changes.push({ id, versionId: known.length + 1 });
    return [known.length + 1, act === 'delete' ? 'deleted' : typeof current === 'string' ? 'updated' : 'created'];
  }
}

export function modelRules(under: Subject): void {
  describe('a store', () => {
    let store: Store;
    let runs = 0;
    beforeAll(async () => {
      store = await under.open(usual);
    });
    afterAll(() => store.close());

    it('does what a simple model of it does', async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const prefix = `${++runs}-`;
          const model = new Model();
          const before = (await store.counts()).get('Patient') ?? 0;
          for (const some of all) {
            const writes = some.map((one) => writeOf(prefix, one, model));
            if (!model.passes(some)) {
              await expect(commit(store, writes)).rejects.toThrow(/precondition/);
              continue;
            }
            const { written } = await commit(store, writes);
            const expected = some.map((one) => model.apply(one));
            expect(written.map(({ versionId, outcome }) => [versionId, outcome])).toEqual(expected);
          }
          await compare(store, prefix, model);
          const live = [...model.versions.values()].filter((versions) => typeof versions.at(-1) === 'string').length;
          expect((await store.counts()).get('Patient') ?? 0).toBe(before + live);
        }),
        { numRuns: 40 },
      );
    });
  });
}

function writeOf(prefix: string, { id, act, note, off }: Step, model: Model): Write {
  const precondition =
    off === undefined ? undefined : { ifMatch: [String((model.versions.get(id)?.length ?? 0) + off)] };
  if (act === 'erase') return erase('Patient', prefix + id);
  if (act === 'delete') return remove('Patient', prefix + id, precondition);
  return patient(prefix + id, prefix + id, note, precondition);
}

async function compare(store: Store, prefix: string, model: Model): Promise<void> {
  for (const id of ['a', 'b', 'c', 'd']) {
    const versions = model.versions.get(id) ?? [];
    const current = await store.read('Patient', prefix + id);
    expect(current?.versionId ?? 0).toBe(versions.length);
    for (const [index, content] of versions.entries()) {
      const version = await store.vread('Patient', prefix + id, index + 1);
      expect(version?.body === undefined ? null : contentOf(version.body).language).toBe(content);
    }
    const history = await store.history({ type: 'Patient', id: prefix + id, count: 100 });
    expect(history.versions.map(({ versionId }) => versionId)).toEqual(
      versions.map((_, index) => versions.length - index),
    );
    expect(history.total).toBe(versions.length);
  }
  const keys = ['a', 'b', 'c', 'd'].map((id) => ({ type: 'Patient', id: prefix + id }));
  const { versions } = await store.history({ ids: keys, count: 1000 });
  expect(versions.map(({ id, versionId }) => ({ id: id.slice(prefix.length), versionId }))).toEqual(
    model.changes.toReversed(),
  );
}
