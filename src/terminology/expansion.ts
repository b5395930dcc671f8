/** A page of the codes of a value set, with what is known of each. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { failure } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject } from '../fhir/resource.ts';
import type { Part } from './codes.ts';
import { type ConceptDetail, type Concepts, type ConceptTest, hasConcepts, type Selection } from './concepts.ts';
import { contentsOf, spelledOut, type TermSource, thereOf } from './contents.ts';
import { checkSupplements, Expander, type Said, versioned } from './expand.ts';
import { checkFilter, readFilter, testOf } from './filters.ts';
import { objects, text } from './json.ts';
import { readDesignation } from './memory-concepts.ts';
import { matchesWords, type WordsOf } from './text-filter.ts';
import type { Work } from './work.ts';

/** What is asked for. */
export interface Wanted {
  readonly text: string | undefined;
  readonly activeOnly: boolean;
  readonly selectableOnly: boolean;
  /** Systems to leave out, as `url` or `url|version`. */
  readonly withoutSystems: readonly string[];
  readonly offset: number;
  /** undefined: all, as long as they are not more than `most`. */
  readonly count: number | undefined;
  readonly most: number;
}

export interface Entry {
  readonly system: string;
  readonly concept: ConceptDetail;
}

export interface Expansion {
  readonly entries: readonly Entry[];
  readonly total: number;
  /** Code systems that were used, as `url|version`. */
  readonly used: readonly string[];
  /** Canonicals of the supplements that add to them. */
  readonly supplements: readonly string[];
}

/** What an expansion is made with. */
interface Making {
  readonly source: TermSource;
  readonly work: Work;
  readonly wordsOf: WordsOf;
  readonly wanted: Wanted;
}

/** The codes of one system on a page, and how many it has in all. */
type Slice = (page: { offset: number; count: number }) => Promise<{ entries: readonly Entry[]; total: number }>;

/** Of more codes than these it is looked at first whether the system has less of what is wanted. */
const mostFetched = 1000;

/**
 * A page of a value set's codes: systems in the order of the value set, codes in theirs. `name`: what messages call it.
 * Throws 400 as `expandValueSet` does, and `too-costly` where all codes are asked for and there are too many.
 */
export async function expansionOf(resource: JsonObject, name: string, making: Making): Promise<Expansion> {
  const { wanted } = making;
  const used: Used = { systems: new Set(), supplements: new Set() };
  const slices = await slicesOf(resource, name, making, used);
  const most = wanted.count ?? wanted.most + 1;
  const entries: Entry[] = [];
  let total = 0;
  for (const slice of slices) {
    const offset = Math.max(wanted.offset - total, 0);
    const page = await slice({ offset, count: most - entries.length });
    entries.push(...page.entries);
    total += page.total;
    if (wanted.count === undefined && total - wanted.offset > wanted.most) {
      const text = `${name} has more than ${wanted.most} codes: ask for a page of them with count (and offset), or for a part with filter.`;
      throw failure(400, 'too-costly', text);
    }
  }
  return { entries, total, used: [...used.systems], supplements: [...used.supplements] };
}

/** What an expansion is made of, as it turns up. */
interface Used {
  readonly systems: Set<string>;
  readonly supplements: Set<string>;
}

function use(used: Used, { url, version, supplements = [] }: Concepts): void {
  used.systems.add(versioned(url, version));
  for (const each of supplements) used.supplements.add(each);
}

async function slicesOf(resource: JsonObject, name: string, making: Making, used: Used): Promise<Slice[]> {
  const { source, work, wanted } = making;
  const selected = await asSelections(resource, source);
  const leftOut = (system: string, version: string): boolean =>
    wanted.withoutSystems.some((each) => each === system || each === versioned(system, version));
  if (selected !== undefined) {
    await checkSupplements(resource, name, source, work);
    for (const { concepts } of selected) use(used, concepts);
    const told = selected.filter(({ concepts }) => !leftOut(concepts.url, concepts.version));
    const whole = { others: true, codes: new Set<string>() };
    return told.map(({ concepts, selection }) => ofConcepts(concepts, whole, making, selection));
  }
  const canonicals = new Map<string, Set<string>>();
  const said = new Map<string, Map<string, Said>>();
  const expander = new Expander(source, work, {
    uses: (system, canonical) => add(canonicals, system, () => new Set<string>()).add(canonical),
    says: (system, code, words) => add(said, system, () => new Map<string, Said>()).set(code, words),
  });
  const slices: Slice[] = [];
  for (const [system, part] of await expander.resource(resource, name)) {
    const versions: Concepts[] = [];
    for (const canonical of canonicals.get(system) ?? [system]) {
      const concepts = await source.codeSystem(canonical);
      if (concepts !== undefined && hasConcepts(concepts)) versions.push(concepts);
    }
    for (const each of versions) use(used, each);
    // Those that aren't here are told as the value set names them.
    if (versions.length === 0) for (const canonical of canonicals.get(system) ?? [system]) used.systems.add(canonical);
    const [first] = versions;
    if (leftOut(system, first?.version ?? '')) continue;
    if (part.others) {
      const [only, another] = await contentsOf(system, part, source);
      if (only !== undefined && another === undefined) {
        // What the version hasn't doesn't make it less.
        const there = await thereOf(system, part, part.codes, source, work);
        const codes = new Set([...part.codes].filter((code) => there.has(code)));
        slices.push(ofConcepts(only, { ...part, codes }, making));
      } else {
        const codes = [...(await spelledOut(system, part, source, work))];
        slices.push(ofCodes({ system, codes, versions, said: said.get(system) }, making));
      }
    } else slices.push(ofCodes({ system, codes: [...part.codes], versions, said: said.get(system) }, making));
  }
  return slices;
}

function add<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function selectionIn({ text, activeOnly, selectableOnly }: Wanted): Selection {
  return {
    ...(text !== undefined && { text }),
    ...(activeOnly && { activeOnly }),
    ...(selectableOnly && { selectableOnly }),
  };
}

interface Selected {
  readonly concepts: Concepts;
  readonly selection: Selection;
}

/** Parts that one selection is put together of. */
const mostParts = 100;

/** By system what the store can select by itself, however much it is; undefined where codes have to be put together. */
async function asSelections({ compose }: JsonObject, source: TermSource): Promise<readonly Selected[] | undefined> {
  if (!isObject(compose)) return undefined;
  const [includes, excludes] = [objects(compose.include), objects(compose.exclude)];
  if (includes.length + excludes.length > mostParts) return undefined;
  const bySystem = new Map<string, { concepts: Concepts; anyOf: ConceptTest[]; noneOf: ConceptTest[] }>();
  for (const include of includes) {
    const concepts = await loadedOf(include, source);
    // What is listed has displays of its own, and its order.
    if (concepts === undefined || objects(include.concept).length > 0) return undefined;
    const parts = add(bySystem, concepts.url, () => ({ concepts, anyOf: [], noneOf: [] }));
    const test = testIn(include, concepts);
    if (test === undefined || parts.concepts !== concepts) return undefined;
    parts.anyOf.push(test);
  }
  for (const exclude of excludes) {
    const concepts = await loadedOf(exclude, source);
    const parts = bySystem.get(concepts?.url ?? '');
    const test = concepts && testIn(exclude, concepts);
    if (test === undefined || parts === undefined || parts.concepts !== concepts) return undefined;
    parts.noneOf.push(test);
  }
  const active = compose.inactive === false ? { activeOnly: true } : {};
  return [...bySystem.values()].map(({ concepts, anyOf, noneOf }) => ({
    concepts,
    selection: { ...eitherOf(anyOf), ...active, ...(noneOf.length > 0 && { noneOf: [...noneOf] }) },
  }));
}

/** The loaded system of an include or exclude; undefined where it has none, or value sets besides. */
async function loadedOf(part: JsonObject, source: TermSource): Promise<Concepts | undefined> {
  if (text(part.system) === '' || (isArray(part.valueSet) && part.valueSet.length > 0)) return undefined;
  const concepts = await source.codeSystem(versioned(text(part.system), text(part.version)));
  return concepts?.loaded === true ? concepts : undefined;
}

/** Throws 400 `not-supported` for a filter that can't be followed; undefined for one that the store can't. */
function testIn(part: JsonObject, concepts: Concepts): ConceptTest | undefined {
  const listed = objects(part.concept);
  if (listed.length > 0) return { codes: listed.map(({ code }) => text(code)) };
  const filters = objects(part.filter).map(readFilter);
  for (const each of filters) checkFilter(each, concepts);
  if (filters.some(({ property }) => concepts.added?.has(property) === true)) return undefined;
  return testOf(filters);
}

function eitherOf(tests: readonly ConceptTest[]): ConceptTest {
  const [first = {}, ...others] = tests;
  if (others.length === 0) return first.noneOf === undefined ? first : { allOf: [first] };
  return tests.some((each) => Object.keys(each).length === 0) ? {} : { anyOf: tests };
}

/** Codes of a whole system, but for some. */
function ofConcepts(concepts: Concepts, { codes: minus }: Part, making: Making, more: Selection = {}): Slice {
  const selection = { ...more, ...selectionIn(making.wanted) };
  const entriesOf = (found: readonly ConceptDetail[]) => found.map((concept) => ({ system: concepts.url, concept }));
  return async ({ offset, count }) => {
    if (making.wanted.count === undefined) {
      const { total } = await concepts.select(selection, { offset: 0, count: 0 });
      // It will be refused: nothing has to be read.
      if (total - minus.size - offset > making.wanted.most) return { entries: [], total: total - minus.size };
    }
    if (minus.size === 0) {
      const page = await concepts.select(selection, { offset, count });
      return { entries: entriesOf(page.concepts), total: page.total };
    }
    const less = (await passing({ system: concepts.url, codes: [...minus], versions: [concepts] }, making)).length;
    const reach = count === 0 ? 0 : offset + count + less;
    const page = await concepts.select(selection, { offset: 0, count: reach });
    const kept = page.concepts.filter(({ code }) => !minus.has(code));
    return { entries: entriesOf(kept.slice(offset, offset + count)), total: page.total - less };
  };
}

interface Listed {
  readonly system: string;
  readonly codes: readonly string[];
  /** The versions of the system that are here. */
  readonly versions: readonly Concepts[];
  readonly said?: ReadonlyMap<string, Said> | undefined;
}

/** Codes that are spelled out. */
function ofCodes(listed: Listed, making: Making): Slice {
  const { system, codes } = listed;
  const { text, activeOnly, selectableOnly } = making.wanted;
  const entriesOf = (some: readonly ConceptDetail[]) => some.map((concept) => ({ system, concept }));
  return async ({ offset, count }) => {
    if (text !== undefined || activeOnly || selectableOnly) {
      const found = await passing(listed, making);
      return { entries: entriesOf(found.slice(offset, offset + count)), total: found.length };
    }
    return { entries: entriesOf(await detailed(listed, codes.slice(offset, offset + count))), total: codes.length };
  };
}

/** What is known of some of the codes, as the value set describes them. */
async function detailed({ versions, said }: Listed, some: readonly string[]): Promise<readonly ConceptDetail[]> {
  const found = new Map<string, ConceptDetail>();
  for (const concepts of versions.toReversed()) {
    for (const each of await concepts.find(some)) found.set(each.code, each);
  }
  return some.map((code) => described(found.get(code) ?? { code, display: '', parents: [] }, said?.get(code)));
}

/** Those of the codes that are wanted. */
async function passing(listed: Listed, { wanted, wordsOf, work }: Making): Promise<readonly ConceptDetail[]> {
  const { codes, versions } = listed;
  const [only, another] = versions;
  work.spend(codes.length);
  if (only?.loaded === true && another === undefined) {
    const fewer = await fewerThan(codes, only, wanted);
    if (fewer !== undefined) {
      const had = new Set(codes);
      work.spend(fewer.length);
      return fewer.filter(({ code }) => had.has(code));
    }
  }
  const words = wanted.text === undefined ? [] : wordsOf(wanted.text);
  return (await detailed(listed, codes)).filter(
    (each) =>
      !(wanted.activeOnly && each.inactive === true) &&
      !(wanted.selectableOnly && each.abstract === true) &&
      matchesWords(each, words, wordsOf),
  );
}

/** What a whole system has of what is wanted, where that is less to read than the many codes. */
async function fewerThan(
  codes: readonly string[],
  concepts: Concepts,
  wanted: Wanted,
): Promise<readonly ConceptDetail[] | undefined> {
  if (codes.length <= mostFetched) return undefined;
  const selection = selectionIn(wanted);
  const { total } = await concepts.select(selection, { offset: 0, count: 0 });
  if (total > codes.length) return undefined;
  return (await concepts.select(selection, { offset: 0, count: total })).concepts;
}

/** A concept as the value set describes it. */
function described(concept: ConceptDetail, said: Said | undefined): ConceptDetail {
  if (said === undefined) return concept;
  const { display = concept.display, designations } = said;
  return {
    ...concept,
    display,
    ...(designations !== undefined && {
      designations: [...designations.map(readDesignation), ...(concept.designations ?? [])],
    }),
  };
}
