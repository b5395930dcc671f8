/** Long work in pieces. https://hl7.org/fhir/R4/http.html */
import { expect, test } from 'vitest';
import { atOnce, inSteps, Pieces } from '../../src/fhir/steps.ts';

interface Tree {
  readonly name: number;
  readonly of: readonly Tree[];
}

/** The names of a tree in the order in which they are met, and those of each step. */
function walked(tree: Tree, most: number): readonly (readonly number[])[] {
  const pieces = new Pieces(most);
  let met: number[] = [];
  const each = (trees: readonly Tree[], from: number): void => {
    for (let n = from; n < trees.length; n++) {
      if (pieces.isFull()) {
        pieces.putOff(() => each(trees, n));
        return;
      }
      const next = trees[n];
      if (next === undefined) continue;
      met.push(next.name);
      each(next.of, 0);
    }
  };
  const steps: (readonly number[])[] = [];
  const walk = pieces.steps(() => each([tree], 0));
  for (let done = false; !done; ) {
    done = walk.next().done === true;
    steps.push(met);
    met = [];
  }
  return steps;
}

let names = 0;
const treeOf = (depth: number, width: number): Tree => ({
  name: names++,
  of: depth === 0 ? [] : Array.from({ length: width }, () => treeOf(depth - 1, width)),
});

test.each([
  ['a long list', treeOf(1, 1000)],
  ['lists in lists', treeOf(5, 4)],
  ['lists of one, one in the other', treeOf(80, 1)],
])('%s is gone through in its order, a few at a time', (_, tree) => {
  const [whole] = walked(tree, Number.POSITIVE_INFINITY);
  for (const most of [1, 2, 7, 100]) {
    const steps = walked(tree, most);
    expect(steps.flat()).toEqual(whole);
    expect(Math.max(...steps.map(({ length }) => length))).toBeLessThanOrEqual(most);
  }
});

test('a piece that took its time is full', () => {
  const pieces = new Pieces(1000);
  const met: boolean[] = [];
  atOnce(
    pieces.steps(() => {
      met.push(pieces.isFull());
      pieces.fill();
      met.push(pieces.isFull());
      pieces.putOff(() => met.push(pieces.isFull()));
    }),
  );
  expect(met).toEqual([false, true, false]);
});

test('what needs the whole comes when all that was put off is done', () => {
  const pieces = new Pieces(2);
  const met: string[] = [];
  const each = (items: readonly string[], from: number): void => {
    for (let n = from; n < items.length; n++) {
      if (pieces.isFull()) {
        pieces.putOff(() => each(items, n));
        return;
      }
      met.push(items[n] ?? '');
    }
  };
  const walk = () => {
    each(['a', 'b', 'c', 'd', 'e'], 0);
    pieces.atEnd(() => each(['y', 'z', '!'], 0));
    met.push('-');
  };
  const steps = pieces.steps(walk);
  let count = 1;
  while (steps.next().done !== true) count += 1;
  expect(met.join('')).toBe('ab-cdeyz!');
  expect(count).toBe(5);
});

test('others run between the steps, and not behind the last one', async () => {
  function* three() {
    yield;
    yield;
    return 'done';
  }
  let pauses = 0;
  const pause = () => {
    pauses += 1;
    return pauses === 1 ? Promise.resolve() : undefined;
  };
  expect(await inSteps(three(), pause)).toBe('done');
  expect(pauses).toBe(2);
});
