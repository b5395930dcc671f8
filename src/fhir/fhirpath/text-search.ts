/** Where a text occurs in another, in time that grows with their lengths, not with the product of these. https://hl7.org/fhirpath/N1/#string-manipulation */
import type { Budget } from './scope.ts';

/** Gives the first place from a place on; -1 where there is none. */
export type Finder = (text: string, from: number) => number;

/** What is no longer is looked for by the engine, which compares each character so often at most. */
const SHORT = 64;

/** Characters between two looks at the budget. */
const PIECE = 2 ** 16;

/** Looks for a part in texts. It throws OverBudget past the deadline. */
export function finderOf(part: string, budget: Budget): Finder {
  if (part.length <= SHORT) {
    return (text, from) => {
      const at = text.indexOf(part, from);
      budget.read((at < 0 ? text.length : at) - from);
      return at;
    };
  }
  budget.hold(part.length);
  const borders = bordersOf(part, budget);
  return (text, from) => {
    let matched = 0;
    for (let at = from; at < text.length; at += 1) {
      if ((at - from) % PIECE === PIECE - 1) budget.read(PIECE);
      const next = text.charCodeAt(at);
      while (matched > 0 && part.charCodeAt(matched) !== next) matched = borders[matched - 1] ?? 0;
      if (part.charCodeAt(matched) === next) matched += 1;
      if (matched === part.length) return at - matched + 1;
    }
    return -1;
  };
}

/** How much of the beginning of a text each of its beginnings ends with, itself aside (Knuth, Morris and Pratt). */
function bordersOf(part: string, budget: Budget): Int32Array {
  const borders = new Int32Array(part.length);
  let matched = 0;
  for (let at = 1; at < part.length; at += 1) {
    if (at % PIECE === 0) budget.read(PIECE);
    const next = part.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== next) matched = borders[matched - 1] ?? 0;
    if (part.charCodeAt(matched) === next) matched += 1;
    borders[at] = matched;
  }
  return borders;
}

/** All places of a part that isn't empty, none of them within another. Throws OverBudget for too many. */
export function placesOf(text: string, part: string, budget: Budget): readonly number[] {
  const find = finderOf(part, budget);
  const places: number[] = [];
  for (let at = find(text, 0); at >= 0; at = find(text, at + part.length)) {
    places.push(at);
    budget.hold(places.length);
  }
  return places;
}
