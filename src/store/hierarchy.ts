/** How the concepts of a code system lie above each other, some under several others. https://hl7.org/fhir/R4/codesystem.html#hierarchy */
import { foldToken } from '../search/normalise.ts';
import { makePace } from './pace.ts';
import { type LoadedConcept, type LoadedSystem, UnusableConcepts } from './terminology.ts';

/** Codes in their order, each with its place in it; a hierarchy speaks of places. */
export interface Hierarchy {
  readonly codes: readonly string[];
  /** The place of a code; undefined where it isn't there. */
  readonly placeOf: (code: string) => number | undefined;
  /** By place: the places above, in no order. */
  readonly above: readonly Int32Array[];
}

/** How many places a hierarchy has below others, in all: SNOMED CT has some millions. */
const mostPairs = 100_000_000;
const none = new Int32Array(0);

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
  const found: { readonly code: string; readonly parents: readonly string[] }[] = [];
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
  const places = new Map<string, number>();
  for (const [place, { code }] of found.entries()) {
    const key = keyOf(system, code);
    if (places.has(key)) throw new UnusableConcepts(`The code ${code} comes twice.`);
    places.set(key, place);
  }
  const placeOf = (code: string) => places.get(keyOf(system, code));
  const parents = found.map(({ code, parents }) =>
    parents.map((parent) => {
      const place = placeOf(parent);
      if (place === undefined) throw new UnusableConcepts(`${code} is below ${parent}, which isn't there.`);
      return place;
    }),
  );
  const codes = found.map(({ code }) => code);
  return { codes, placeOf, above: await gatherAbove(parents, codes) };
}

/** All that is above each place, from what is right above it. */
async function gatherAbove(
  parents: readonly (readonly number[])[],
  codes: readonly string[],
): Promise<readonly Int32Array[]> {
  const pace = makePace();
  const above = new Array<Int32Array | undefined>(parents.length);
  // Those on the way up from where it began, so that no depth is too great for the stack.
  const path: number[] = [];
  const onPath = new Set<number>();
  let pairs = 0;
  for (let start = 0; start < parents.length; start++) {
    if (above[start] !== undefined) continue;
    path.push(start);
    onPath.add(start);
    for (let place = path.at(-1); place !== undefined; place = path.at(-1)) {
      const direct = parents[place] ?? [];
      const open = direct.find((parent) => above[parent] === undefined);
      if (open === undefined) {
        const gathered = union(direct, above);
        above[place] = gathered;
        pairs += gathered.length;
        if (pairs > mostPairs) throw new UnusableConcepts('The hierarchy is too deep to be stored.');
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
  return above.map((each) => each ?? none);
}

function union(direct: readonly number[], above: readonly (Int32Array | undefined)[]): Int32Array {
  const [only] = direct;
  if (only === undefined) return none;
  if (direct.length === 1) {
    const upper = above[only] ?? none;
    const all = new Int32Array(upper.length + 1);
    all.set(upper);
    all[upper.length] = only;
    return all;
  }
  const all = new Set(direct);
  for (const parent of direct) for (const place of above[parent] ?? none) all.add(place);
  return Int32Array.from(all);
}

/** What is below each place that has something below it: places in their order, found from what is above each. */
export interface Below {
  /** Where those below a place begin and, at the next one, end in `places`. */
  readonly starts: Int32Array;
  readonly places: Int32Array;
}

/** Turns a hierarchy round. */
export function belowOf({ above }: Pick<Hierarchy, 'above'>): Below {
  const starts = new Int32Array(above.length + 1);
  for (const places of above) for (const place of places) starts[place + 1] = (starts[place + 1] ?? 0) + 1;
  for (let place = 0; place < above.length; place++)
    starts[place + 1] = (starts[place + 1] ?? 0) + (starts[place] ?? 0);
  const next = starts.slice();
  const places = new Int32Array(starts[above.length] ?? 0);
  for (const [place, upper] of above.entries()) {
    for (const each of upper) {
      const at = next[each] ?? 0;
      places[at] = place;
      next[each] = at + 1;
    }
  }
  return { starts, places };
}
