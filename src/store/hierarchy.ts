/** How the concepts of a code system lie above each other, some under several others. https://hl7.org/fhir/R4/codesystem.html#hierarchy */
import { foldToken } from '../search/normalise.ts';
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
  const found: Named[] = [];
  for await (const some of concepts) {
    for (const { code, parents, properties = [] } of some) {
      found.push({ code, parents });
      const [unknown] = properties.find(([property]) => !declared.has(property)) ?? [];
      if (unknown !== undefined)
        throw new UnusableConcepts(`${code} has the property ${unknown}, which the code system doesn't declare.`);
    }
    await pace();
  }
  found.sort((a, b) => (a.code < b.code ? -1 : 1));
  const codes = found.map(({ code }) => code);
  const places = new Map<string, number>();
  for (const [place, code] of codes.entries()) {
    const key = keyOf(system, code);
    if (places.has(key)) throw new UnusableConcepts(`The code ${code} comes twice.`);
    places.set(key, place);
  }
  const placeOf = (code: string) => places.get(keyOf(system, code));
  const direct = placed(found, placeOf);
  // What follows needs memory of its own.
  found.length = 0;
  const gathered = await gatherAbove(direct, codes);
  return { codes, placeOf, above: (place) => gathered.of(place) };
}

interface Named {
  readonly code: string;
  readonly parents: readonly string[];
}

/** What is right above each place. */
function placed(found: readonly Named[], placeOf: (code: string) => number | undefined): PlaceLists {
  const direct = new PlaceLists(found.length);
  for (const [at, { code, parents }] of found.entries()) {
    const above = parents.map((parent) => {
      const place = placeOf(parent);
      if (place === undefined) throw new UnusableConcepts(`${code} is below ${parent}, which isn't there.`);
      return place;
    });
    direct.set(at, above);
  }
  return direct;
}

/** A list of places for each place, all in one array: a million arrays would take several times as much. */
class PlaceLists {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  #places = new Int32Array(1024);
  #used = 0;

  constructor(count: number) {
    this.#starts = new Int32Array(count).fill(-1);
    this.#ends = new Int32Array(count);
  }

  has(place: number): boolean {
    return this.#starts[place] !== -1;
  }

  of(place: number): Int32Array {
    return this.#places.subarray(this.#starts[place], this.#ends[place]);
  }

  set(place: number, list: ArrayLike<number>): void {
    const end = this.#used + list.length;
    if (end > mostPairs) throw new UnusableConcepts('The hierarchy is too deep to be stored.');
    if (end > this.#places.length) {
      const larger = new Int32Array(Math.max(end, 2 * this.#places.length));
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places.set(list, this.#used);
    this.#starts[place] = this.#used;
    this.#ends[place] = end;
    this.#used = end;
  }
}

/** All that is above each place, from what is right above it. */
async function gatherAbove(parents: PlaceLists, codes: readonly string[]): Promise<PlaceLists> {
  const pace = makePace();
  const above = new PlaceLists(codes.length);
  // Those on the way up from where it began, so that no depth is too great for the stack.
  const path: number[] = [];
  const onPath = new Set<number>();
  for (let start = 0; start < codes.length; start++) {
    if (above.has(start)) continue;
    path.push(start);
    onPath.add(start);
    for (let place = path.at(-1); place !== undefined; place = path.at(-1)) {
      const direct = parents.of(place);
      const open = direct.find((parent) => !above.has(parent));
      if (open === undefined) {
        above.set(place, union(direct, above));
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

function union(direct: Int32Array, above: PlaceLists): ArrayLike<number> {
  const all = new Set(direct);
  for (const parent of direct) for (const place of above.of(parent)) all.add(place);
  return Int32Array.from(all);
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
