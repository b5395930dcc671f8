/** Large resources are indexed a piece at a time, by the same entries. https://hl7.org/fhir/R4/search.html */
import { expect, test } from 'vitest';
import { localReferenceSteps, localReferences } from '../../../src/fhir/references.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { withReferences } from '../../../src/interactions/integrity.ts';
import type { IndexEntry } from '../../../src/search/entry.ts';
import { extractAll, extractionSteps } from '../../../src/search/extract/contained.ts';
import { entrySteps } from '../../../src/search/extract/extract.ts';
import { baseUrl, definitions, extract } from '../setup.ts';

function many<T>(count: number, of: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

const sorted = (entries: readonly IndexEntry[]) => entries.map((entry) => JSON.stringify(entry)).toSorted();

const list: Resource = {
  resourceType: 'List',
  status: 'current',
  mode: 'working',
  contained: many(300, (n) => ({
    resourceType: 'Patient',
    id: `p${n}`,
    name: many(3, (m) => ({ family: `F${n}${m}` })),
  })),
  entry: many(10_000, (n) => ({
    item: { reference: n % 3 === 0 ? `#p${n % 300}` : `Patient/${n}`, identifier: { system: 'x:y', value: `${n}` } },
    flag: { coding: [{ system: 'x:z', code: `${n}` }] },
  })),
};
const observation: Resource = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: many(2_000, (n) => ({ system: 'x:y', code: `${n}` })), text: 'x' },
  component: many(2_000, (n) => ({
    code: { coding: [{ code: `${n}` }] },
    valueQuantity: { value: n / 10, code: 'mm' },
  })),
};

test('each has the same entries as at once, and so has what it contains', () => {
  for (const resource of [list, observation]) {
    const expected = extractAll(resource, extract);
    const steps = extractionSteps(resource, extract);
    let count = 0;
    for (;;) {
      const step = steps.next();
      count += 1;
      if (step.done !== true) continue;
      expect(sorted(step.value.entries)).toEqual(sorted(expected.entries));
      expect(step.value.contained?.map(({ id }) => id)).toEqual(expected.contained?.map(({ id }) => id));
      for (const [n, each] of (step.value.contained ?? []).entries())
        expect(sorted(each.entries)).toEqual(sorted(expected.contained?.[n]?.entries ?? []));
      break;
    }
    expect(count).toBeGreaterThanOrEqual(4_000 / 500);
  }
});

test('several may be in work at a time, besides others at once', () => {
  const small: Resource = { resourceType: 'Patient', name: [{ family: 'x' }] };
  const ofSmall = extract(small);
  const walks = [entrySteps(list, extract), entrySteps(observation, extract)];
  const found = walks.map((): readonly IndexEntry[] | undefined => undefined);
  while (found.includes(undefined)) {
    for (const [n, walk] of walks.entries()) {
      const step = found[n] === undefined ? walk.next() : undefined;
      if (step?.done === true) found[n] = step.value;
    }
    expect(extract(small)).toEqual(ofSmall);
  }
  expect(found.map((each) => sorted(each ?? []))).toEqual([list, observation].map((each) => sorted(extract(each))));
});

test('references are found in pieces, all of them', () => {
  const expected = localReferences(list, definitions, baseUrl);
  const steps = localReferenceSteps(list, definitions, baseUrl);
  let count = 1;
  let step = steps.next();
  for (; step.done !== true; count += 1) step = steps.next();
  expect(step.value).toEqual(expected);
  expect(count).toBeGreaterThanOrEqual(10_000 / 500);
  const full = withReferences(extract, definitions, baseUrl);
  const entries = entrySteps(list, full);
  let entry = entries.next();
  while (entry.done !== true) entry = entries.next();
  expect(sorted(entry.value)).toEqual(sorted(full(list)));
});
