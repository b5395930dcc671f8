/** How the concepts of a code system lie above each other, some under several others. https://hl7.org/fhir/R4/codesystem.html#hierarchy */
import { foldToken } from '../search/normalise.ts';
import { type Lists, listOf, Numbers, placesOf, takenFrom } from './numbers.ts';
import { makePace } from './pace.ts';
import { type LoadedConcept, type LoadedSystem, UnusableConcepts } from './terminology.ts';

/** Codes in their order, each with its place in it; a hierarchy speaks of places. */
export interface Hierarchy {
  readonly codes: readonly string[];
  /** The place of a code; undefined where it isn't there. */
  readonly placeOf: (code: string) => number | undefined;
  /** All places above a place, in no order. */
  readonly above: (place: number) => Int32Array;
}

/** How many places a hierarchy has below others, in all: SNOMED CT has some millions. */
const mostPairs = 100_000_000;

/** The form by which a code of a system is looked up. */
export function keyOf({ caseSensitive }: Pick<LoadedSystem, 'caseSensitive'>, code: string): string {
  return caseSensitive ? code : foldToken(code);
}

/**
 * Reads the hierarchy of concepts.
 * @throws UnusableConcepts for a code that comes twice, a parent that isn't there, a circle, a property that isn't declared.
 */
export async function readHierarchy(
  system: Pick<LoadedSystem, 'caseSensitive' | 'properties'>,
  concepts: AsyncIterable<readonly LoadedConcept[]>,
): Promise<Hierarchy> {
  const pace = makePace();
  const declared = new Set(system.properties.map(({ code }) => code));
  const mentioned = new Mentioned(system);
  for await (const some of concepts) {
    for (const { code, parents, properties = [] } of some) {
      mentioned.add(code, parents);
      const [unknown] = properties.find(([property]) => !declared.has(property)) ?? [];
      if (unknown !== undefined)
        throw new UnusableConcepts(`${code} has the property ${unknown}, which the code system doesn't declare.`);
    }
    await pace();
  }
  const { codes, placeOf, direct } = mentioned.inOrder();
  const gathered = await gatherAbove(direct, codes);
  return { codes, placeOf, above: (place) => gathered.of(place) };
}

/** Codes as they turn up, each with a number: for a million of them little else may be kept. */
class Mentioned {
  readonly #system: Pick<LoadedSystem, 'caseSensitive'>;
  /** By key; when they are in order, the places. */
  readonly #numbers = new Map<string, number>();
  readonly #codes: string[] = [];
  /** Those that were named as a parent alone so far. */
  readonly #awaited = new Set<number>();
  /** Numbers of concepts and, at the same place, of what is right above them. */
  readonly #children = new Numbers();
  readonly #parents = new Numbers();

  constructor(system: Pick<LoadedSystem, 'caseSensitive'>) {
    this.#system = system;
  }

  add(code: string, parents: readonly string[]): void {
    const key = keyOf(this.#system, code);
    const known = this.#numbers.get(key);
    if (known !== undefined && !this.#awaited.delete(known))
      throw new UnusableConcepts(`The code ${code} comes twice.`);
    const number = known ?? this.#give(key, code);
    this.#codes[number] = code;
    for (const parent of parents) {
      this.#children.push(number);
      this.#parents.push(this.#parent(parent));
    }
  }

  /** What is left of it when all are added: it can't be used any more. `direct`: what is right above each place. */
  inOrder(): Pick<Hierarchy, 'codes' | 'placeOf'> & { readonly direct: Lists } {
    const [children, parents] = [this.#children.all, this.#parents.all];
    if (this.#awaited.size > 0) {
      const at = parents.findIndex((each) => this.#awaited.has(each));
      const [child, parent] = [children[at], parents[at]].map((each) => this.#codes[each ?? 0]);
      throw new UnusableConcepts(`${child} is below ${parent}, which isn't there.`);
    }
    const codes = this.#codes.sort();
    const placeOf = (code: string) => this.#numbers.get(keyOf(this.#system, code));
    const places = new Int32Array(codes.length);
    for (const [place, code] of codes.entries()) {
      places[placeOf(code) ?? 0] = place;
      this.#numbers.set(keyOf(this.#system, code), place);
    }
    const placed = (numbers: Int32Array) => numbers.map((each) => places[each] ?? 0);
    const direct = takenFrom(placed(parents), placesOf(placed(children), codes.length));
    // `placeOf` keeps the rest of this.
    this.#children.release();
    this.#parents.release();
    return { codes, placeOf, direct };
  }

  #parent(code: string): number {
    const key = keyOf(this.#system, code);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#give(key, code);
    this.#awaited.add(number);
    return number;
  }

  #give(key: string, code: string): number {
    const number = this.#codes.push(code) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}

/** A list of places for each place, in whatever order they are set, all in one array. */
class PlaceLists {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #places = new Numbers();

  constructor(count: number) {
    this.#starts = new Int32Array(count).fill(-1);
    this.#ends = new Int32Array(count);
  }

  has(place: number): boolean {
    return this.#starts[place] !== -1;
  }

  of(place: number): Int32Array {
    return this.#places.slice(this.#starts[place], this.#ends[place]);
  }

  set(place: number, list: Int32Array): void {
    this.#starts[place] = this.#places.length;
    if (this.#places.length + list.length > mostPairs)
      throw new UnusableConcepts('The hierarchy is too deep to be stored.');
    this.#places.append(list);
    this.#ends[place] = this.#places.length;
  }
}

/** All that is above each place, from what is right above it. */
async function gatherAbove(parents: Lists, codes: readonly string[]): Promise<PlaceLists> {
  const pace = makePace();
  const above = new PlaceLists(codes.length);
  // The last place whose list a place was put into: each comes once.
  const put = new Int32Array(codes.length).fill(-1);
  const list = new Numbers();
  const add = (each: number, to: number): void => {
    if (put[each] === to) return;
    put[each] = to;
    list.push(each);
  };
  // Those on the way up from where it began, so that no depth is too great for the stack.
  const path: number[] = [];
  const onPath = new Set<number>();
  for (let start = 0; start < codes.length; start++) {
    if (above.has(start)) continue;
    path.push(start);
    onPath.add(start);
    for (let place = path.at(-1); place !== undefined; place = path.at(-1)) {
      const direct = listOf(parents, place);
      const open = direct.find((parent) => !above.has(parent));
      if (open === undefined) {
        list.clear();
        for (const parent of direct) {
          add(parent, place);
          for (const each of above.of(parent)) add(each, place);
        }
        above.set(place, list.all);
        path.pop();
        onPath.delete(place);
      } else {
        if (onPath.has(open)) throw new UnusableConcepts(`${codes[open]} is above itself.`);
        path.push(open);
        onPath.add(open);
      }
    }
    await pace();
  }
  return above;
}

/** What is below each place that has something below it: places in their order, found from what is above each. */
export interface Below {
  /** Where those below a place begin and, at the next one, end in `places`. */
  readonly starts: Int32Array;
  readonly places: Int32Array;
}

/** Turns a hierarchy round. */
export function belowOf({ codes, above }: Pick<Hierarchy, 'codes' | 'above'>): Below {
  const starts = new Int32Array(codes.length + 1);
  for (const at of codes.keys()) for (const place of above(at)) starts[place + 1] = (starts[place + 1] ?? 0) + 1;
  for (const place of codes.keys()) starts[place + 1] = (starts[place + 1] ?? 0) + (starts[place] ?? 0);
  const next = starts.slice();
  const places = new Int32Array(starts[codes.length] ?? 0);
  for (const place of codes.keys()) {
    for (const each of above(place)) {
      const at = next[each] ?? 0;
      places[at] = place;
      next[each] = at + 1;
    }
  }
  return { starts, places };
}
