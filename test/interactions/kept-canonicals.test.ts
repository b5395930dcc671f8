/** What canonicals name is looked up once until definitions change. https://hl7.org/fhir/R4/references.html#canonical */
import { expect, it } from 'vitest';
import { KeptCanonicals } from '../../src/interactions/kept-canonicals.ts';

interface Found {
  readonly name: string;
  readonly bytes?: number;
}

function counting(bytes = 0) {
  const looked: string[] = [];
  const kept = new KeptCanonicals<Found>();
  const find = (generation: number, name: string) =>
    kept.find(generation, name, async () => {
      looked.push(name);
      return { name, bytes };
    });
  return { looked, kept, find };
}

it('is looked up once for each generation of definitions', async () => {
  const { looked, find } = counting();
  const both = await Promise.all([find(1, 'a'), find(1, 'a')]);
  expect(both).toEqual([await find(1, 'a'), { name: 'a', bytes: 0 }]);
  expect(looked).toEqual(['a']);
  await find(2, 'a');
  await find(2, 'b');
  await find(2, 'a');
  expect(looked).toEqual(['a', 'a', 'b']);
});

it('that nothing is named is kept too, a failure is not', async () => {
  const { kept } = counting();
  expect(await kept.find(1, 'a', async () => undefined)).toBeUndefined();
  expect(await kept.find(1, 'a', async () => ({ name: 'a' }))).toBeUndefined();
  await expect(kept.find(1, 'b', () => Promise.reject(new Error('closed')))).rejects.toThrow('closed');
  expect(await kept.find(1, 'b', async () => ({ name: 'b' }))).toEqual({ name: 'b' });
});

it('what is large pushes out what was found before', async () => {
  const { looked, find } = counting(6 * 1024 * 1024);
  for (const name of ['a', 'b', 'c', 'b', 'a']) await find(1, name);
  expect(looked).toEqual(['a', 'b', 'c', 'a']);
});

it('what was being looked up when definitions changed is not given afterwards', async () => {
  const { kept, find } = counting();
  let end = (_found: Found): void => {};
  const before = kept.find(1, 'a', () => new Promise<Found>((resolve) => (end = resolve)));
  expect(await find(2, 'a')).toEqual({ name: 'a', bytes: 0 });
  end({ name: 'old' });
  expect(await before).toEqual({ name: 'old' });
  expect(await find(2, 'a')).toEqual({ name: 'a', bytes: 0 });
});
