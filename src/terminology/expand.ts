/** The codes that a value set has. https://hl7.org/fhir/R4/valueset.html#compositions */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import {
  type Codes,
  codesOf,
  difference,
  intersection,
  isWhole,
  noCodes,
  type Part,
  sizeOf,
  union,
  wholeSystem,
} from './codes.ts';
import { activeOf, detailsOf } from './concept-details.ts';
import { type Concepts, type Filter, hasConcepts } from './concepts.ts';
import { checkFilter, conceptTest, isPattern, readFilter } from './filters.ts';
import { objects, text } from './json.ts';
import { shorten } from './shorten.ts';
import { Work } from './work.ts';

/** Where value sets and code systems are found, by canonical: `url`, or `url|version`. */
export interface TermSource {
  readonly valueSet: (canonical: string) => Promise<JsonObject | undefined>;
  readonly codeSystem: (canonical: string) => Promise<Concepts | undefined>;
  /** Whether there is a supplement of that canonical. */
  readonly supplement?: (canonical: string) => Promise<boolean>;
}

/** Codes of one system; undefined: all that it has. */
export interface SystemCodes {
  readonly system: string;
  readonly codes: readonly string[] | undefined;
}

/** How many codes a set may be spelled out to. */
const mostCodes = 10_000;
/** What looking up a resource counts for. */
const lookUp = 100;

/**
 * The codes of a value set, those of whole systems not spelled out. Throws 400 `not-found` for one that isn't there,
 * `not-supported` naming the code system or the filter that is lacking, `too-costly` for more than `mostCodes`
 * and for more work than `work` has left.
 */
export async function expandValueSet(
  canonical: string,
  source: TermSource,
  work = new Work(`the value set ${shorten(canonical)}`),
): Promise<readonly SystemCodes[]> {
  const expanded = await new Expander(source, work).named(canonical);
  const result: SystemCodes[] = [];
  for (const [system, part] of expanded) {
    if (part.others && part.codes.size === 0) result.push({ system, codes: undefined });
    else result.push({ system, codes: [...(part.others ? await spelledOut(system, part, source, work) : part.codes)] });
  }
  return bounded(result, `the value set ${shorten(canonical)}`);
}

/** A code with what it subsumes, or with what subsumes it. Throws as `expandValueSet` does. */
export async function subsumption(
  direction: 'above' | 'below',
  system: string,
  code: string,
  source: TermSource,
  work = new Work(`${shorten(code)} of ${shorten(system)}`),
): Promise<readonly SystemCodes[]> {
  const concepts = await contentOf(system, source);
  return [{ system, codes: [...(await concepts.related(code, direction, mostCodes, work))] }];
}

function bounded(codes: readonly SystemCodes[], what: string): readonly SystemCodes[] {
  const size = codes.reduce((sum, each) => sum + (each.codes?.length ?? 0), 0);
  if (size <= mostCodes) return codes;
  throw failure(400, 'too-costly', `${what} comes to ${size} codes, more than ${mostCodes}: ask for a part of it.`);
}

/** The code systems that a part is of, each version once. Throws as `contentOf` does. */
export async function contentsOf(system: string, { from }: Part, source: TermSource): Promise<readonly Concepts[]> {
  const found = new Map<string, Concepts>();
  for (const canonical of from === undefined || from.size === 0 ? [system] : from) {
    const concepts = await contentOf(canonical, source);
    if (!found.has(concepts.version)) found.set(concepts.version, concepts);
  }
  return [...found.values()];
}

/** The codes of a part of all of a system's but some. Throws as `contentOf` does, and `too-costly`. */
export async function spelledOut(
  system: string,
  part: Part,
  source: TermSource,
  work: Work,
): Promise<ReadonlySet<string>> {
  const codes = new Set<string>();
  for (const each of await contentsOf(system, part, source)) {
    for (const code of await each.codes(work)) if (!part.codes.has(code)) codes.add(code);
  }
  return codes;
}

/** A code system with its concepts. Throws 400 `not-supported` where they aren't here. */
export async function contentOf(canonical: string, source: TermSource): Promise<Concepts> {
  const found = await source.codeSystem(canonical);
  if (found !== undefined && hasConcepts(found)) return found;
  const lacking =
    found === undefined ? 'is not here' : `is here without its concepts (content ${shorten(found.content)})`;
  const hint =
    'load it (osteon terminology load), or store it as a CodeSystem with its concepts, or a ValueSet with its codes listed or expanded';
  throw failure(400, 'not-supported', `the code system ${shorten(canonical)} ${lacking}; ${hint}.`);
}

const dependsOn = 'http://hl7.org/fhir/StructureDefinition/valueset-supplement';

/** The first supplement that a value set depends on and that isn't here. Throws 400 `too-costly`. */
export async function lackingSupplement(
  { extension }: JsonObject,
  source: TermSource,
  work: Work,
): Promise<string | undefined> {
  for (const { url, valueCanonical } of objects(extension)) {
    if (url !== dependsOn) continue;
    work.spend(lookUp);
    if ((await source.supplement?.(text(valueCanonical))) !== true) return text(valueCanonical);
  }
  return undefined;
}

/** Throws 400 `not-supported` for a value set that depends on a supplement which isn't here, and `too-costly`. */
export async function checkSupplements(
  resource: JsonObject,
  name: string,
  source: TermSource,
  work: Work,
): Promise<void> {
  const lacking = await lackingSupplement(resource, source, work);
  if (lacking === undefined) return;
  throw failure(400, 'not-supported', `${name} depends on the supplement ${shorten(lacking)}, which is not here.`);
}

/** What a value set itself says of a code. */
export interface Said {
  readonly display?: string;
  readonly designations?: readonly JsonObject[];
}

/** Hears what is on the way to the codes; for whoever tells of them later. */
export interface Listener {
  /** The canonical of a code system, with the version where the value set names one. */
  readonly uses: (system: string, canonical: string) => void;
  readonly says: (system: string, code: string, said: Said) => void;
}

/** Expands a value set and those that it imports. Throws as `expandValueSet` does. */
export class Expander {
  readonly #source: TermSource;
  readonly #work: Work;
  readonly #listener: Listener | undefined;
  readonly #known = new Map<string, Codes>();
  /** What is being expanded, outermost first. */
  readonly #within: string[] = [];

  constructor(source: TermSource, work: Work, listener?: Listener) {
    this.#source = source;
    this.#work = work;
    this.#listener = listener;
  }

  async named(canonical: string): Promise<Codes> {
    const known = this.#known.get(canonical);
    if (known !== undefined) return known;
    if (this.#within.includes(canonical)) {
      throw failure(400, 'processing', `the value set ${shorten(canonical)} includes itself.`);
    }
    this.#work.spend(lookUp);
    const resource = await this.#source.valueSet(canonical);
    if (resource === undefined) {
      const by = this.#within.at(-1);
      const importer = by === undefined ? '' : `, which ${shorten(by)} imports`;
      throw failure(400, 'not-found', `there is no value set ${shorten(canonical)} here${importer}.`);
    }
    this.#within.push(canonical);
    const codes = await this.resource(resource, `the value set ${shorten(canonical)}`);
    this.#within.pop();
    this.#known.set(canonical, codes);
    return codes;
  }

  /** By what the set is composed of, or by its expansion where that is all there is or something is lacking here. */
  async resource(resource: JsonObject, name: string): Promise<Codes> {
    const { compose, expansion } = resource;
    await checkSupplements(resource, name, this.#source, this.#work);
    const expanded = isObject(expansion) ? wholeExpansion(expansion, this.#work, this.#listener) : undefined;
    if (!isObject(compose)) {
      if (expanded !== undefined) return expanded;
      throw failure(400, 'not-supported', `${name} has neither compose nor a whole expansion.`);
    }
    const depth = this.#within.length;
    try {
      return await this.#compose(compose);
    } catch (error) {
      if (expanded === undefined || !(error instanceof OutcomeError) || this.#work.tooMuch) throw error;
      this.#within.splice(depth);
      return expanded;
    }
  }

  async #compose({ include, exclude, inactive }: JsonObject): Promise<Codes> {
    const included = await this.#union(await this.#parts(include, inactive === false));
    const excluded = await this.#union(await this.#parts(exclude));
    const left = await this.#spelled(excluded, await this.#mixed([included, excluded]), true);
    this.#work.spend(sizeOf([included, left]));
    return difference(included, left);
  }

  async #union(sets: readonly Codes[]): Promise<Codes> {
    const mixed = new Set(await this.#mixed(sets));
    const wholes = (system: string) => sets.every((set) => isWhole(set.get(system)));
    for (const system of mixed) if (wholes(system)) mixed.delete(system);
    const spelled: Codes[] = [];
    for (const set of sets) spelled.push(await this.#spelled(set, mixed, false));
    this.#work.spend(sizeOf(spelled));
    return union(spelled);
  }

  async #intersection(sets: readonly Codes[]): Promise<Codes> {
    const [first = noCodes, ...others] = sets;
    let codes = first;
    for (const other of others) {
      const mixed = await this.#mixed([codes, other]);
      const listed = (system: string) => [codes, other].some((set) => set.get(system)?.others === false);
      const strict = ![...mixed].every(listed);
      const [a, b] = [await this.#spelled(codes, mixed, strict), await this.#spelled(other, mixed, strict)];
      this.#work.spend(sizeOf([a, b]));
      codes = intersection(a, b);
    }
    return codes;
  }

  /** Systems of which the sets have several versions, and of one all codes but some: these can't be compared as they are. */
  async #mixed(sets: readonly Codes[]): Promise<ReadonlySet<string>> {
    const from = new Map<string, Set<string>>();
    const open = new Set<string>();
    for (const set of sets) {
      for (const [system, part] of set) {
        if (part.others) open.add(system);
        const canonicals = from.get(system) ?? new Set();
        from.set(system, canonicals);
        for (const each of part.from ?? []) canonicals.add(each);
      }
    }
    const mixed = new Set<string>();
    for (const system of open) {
      const canonicals = from.get(system) ?? [];
      const versions = new Set<string>();
      for (const each of canonicals) versions.add((await this.#source.codeSystem(each))?.version ?? each);
      if (versions.size > 1) mixed.add(system);
    }
    return mixed;
  }

  /** With the codes of some systems spelled out; unless `strict` only where they are here. */
  async #spelled(set: Codes, systems: ReadonlySet<string>, strict: boolean): Promise<Codes> {
    if (systems.size === 0) return set;
    const result = new Map(set);
    for (const [system, part] of set) {
      if (!part.others || !systems.has(system) || !(strict || (await this.#isHere(system, part)))) continue;
      result.set(system, { ...part, others: false, codes: await spelledOut(system, part, this.#source, this.#work) });
    }
    return result;
  }

  async #isHere(system: string, { from = new Set([system]) }: Part): Promise<boolean> {
    for (const each of from) {
      const concepts = await this.#source.codeSystem(each);
      if (concepts === undefined || !hasConcepts(concepts)) return false;
    }
    return true;
  }

  async #parts(value: JsonValue | undefined, activeOnly = false): Promise<readonly Codes[]> {
    const parts: Codes[] = [];
    for (const each of objects(value)) {
      const codes = await this.#part(each);
      parts.push(activeOnly ? await this.#active(codes, text(each.version)) : codes);
    }
    return parts;
  }

  /** Without the codes that their systems say are inactive. */
  async #active(codes: Codes, version: string): Promise<Codes> {
    const active = new Map<string, Part>();
    for (const [system, part] of codes) {
      const concepts = await this.#source.codeSystem(versioned(system, version));
      if (concepts === undefined || !hasConcepts(concepts)) active.set(system, part);
      else active.set(system, { ...part, ...(await activeOf(concepts, part, this.#work)) });
    }
    return active;
  }

  /** What an include or exclude selects: from its system, and of that only what all of its value sets have. */
  async #part(part: JsonObject): Promise<Codes> {
    const sets: Codes[] = text(part.system) === '' ? [] : [await this.#ofSystem(part)];
    const imported = isArray(part.valueSet) ? part.valueSet : [];
    for (const canonical of imported) if (typeof canonical === 'string') sets.push(await this.named(canonical));
    return this.#intersection(sets);
  }

  async #ofSystem(part: JsonObject): Promise<Codes> {
    const from = new Set([versioned(text(part.system), text(part.version))]);
    return new Map([...(await this.#selected(part))].map(([system, codes]) => [system, { ...codes, from }]));
  }

  async #selected({ system: url, version, concept, filter }: JsonObject): Promise<Codes> {
    const system = text(url);
    const canonical = versioned(system, text(version));
    const listed = objects(concept);
    this.#listener?.uses(system, canonical);
    this.#work.spend(listed.length);
    if (listed.length > 0) {
      for (const each of this.#listener === undefined ? [] : listed) this.#says(system, each);
      return codesOf(
        system,
        listed.map(({ code }) => text(code)),
      );
    }
    const filters = objects(filter).map(readFilter);
    if (filters.length === 0) return wholeSystem(system);
    const content = await contentOf(canonical, this.#source);
    for (const each of filters) checkFilter(each, content);
    const parts: Codes[] = [];
    // The others leave a regular expression less to look at.
    const [patterns, others] = [filters.filter(isPattern), filters.filter((each) => !isPattern(each))];
    for (const each of others) parts.push(new Map([[system, await content.part(each, this.#work)]]));
    let codes = parts.length === 0 ? wholeSystem(system) : await this.#intersection(parts);
    for (const each of patterns) {
      const part = codes.get(system);
      const left =
        part?.others === false ? await this.#matching(content, part, each) : await content.part(each, this.#work);
      codes = await this.#intersection([codes, new Map([[system, left]])]);
    }
    return codes;
  }

  #says(system: string, { code, display, designation }: JsonObject): void {
    if (display === undefined && designation === undefined) return;
    const designations = objects(designation);
    this.#listener?.says(system, text(code), {
      ...(typeof display === 'string' && { display }),
      ...(designations.length > 0 && { designations }),
    });
  }

  /** Those of some codes that pass a filter. */
  async #matching(content: Concepts, { codes }: Part, filter: Filter): Promise<Part> {
    this.#work.spend(codes.size);
    const test = conceptTest(content, filter, this.#work);
    const passing = new Set<string>();
    for await (const some of detailsOf(content, codes))
      for (const each of some) if (await test(each)) passing.add(each.code);
    return { others: false, codes: passing };
  }
}

/** The canonical of a version; '' means none. */
export function versioned(url: string, version: string): string {
  return version === '' ? url : `${url}|${version}`;
}

/** The codes of an expansion that is no page of a longer one; undefined otherwise. */
export function wholeExpansion(expansion: JsonObject, work: Work, listener?: Listener): Codes | undefined {
  const bySystem = new Map<string, string[]>();
  let entries = 0;
  const add = (contained: JsonObject): void => {
    entries++;
    work.spend(1);
    const [system, code] = [text(contained.system), text(contained.code)];
    const codes = bySystem.get(system) ?? [];
    bySystem.set(system, codes);
    // What is abstract is there to find one's way, not to be chosen.
    if (code !== '' && contained.abstract !== true) {
      codes.push(code);
      const { display } = contained;
      if (typeof display === 'string') listener?.says(system, code, { display });
    }
    for (const each of objects(contained.contains)) add(each);
  };
  for (const each of objects(expansion.contains)) add(each);
  const { total, offset } = expansion;
  if (typeof offset === 'number' && offset > 0) return undefined;
  if (typeof total === 'number' && total > entries) return undefined;
  return union([...bySystem].map(([system, codes]) => codesOf(system, codes)));
}
