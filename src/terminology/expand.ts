/** The codes that a value set has. https://hl7.org/fhir/R4/valueset.html#compositions */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import {
  type Codes,
  codesOf,
  difference,
  intersection,
  noCodes,
  noVersion,
  type Part,
  sizeOf,
  union,
  wholeSystem,
} from './codes.ts';
import { areOfSeveral, listedBeside, unitable } from './comparable.ts';
import { activeOf, detailsOf } from './concept-details.ts';
import type { Concepts, Filter } from './concepts.ts';
import { contentOf, contentsOf, isHere, spelledOut, type TermSource } from './contents.ts';
import { checkFilter, conceptTest, isPattern, readFilter } from './filters.ts';
import { objects, text } from './json.ts';
import { shorten } from './shorten.ts';
import { Work } from './work.ts';

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
  readonly #known = { all: new Map<string, Codes>(), active: new Map<string, Codes>() };
  /** By system the canonicals that codes were taken from. */
  readonly #met = new Map<string, Set<string>>();
  /** What is being expanded, outermost first. */
  readonly #within: string[] = [];

  constructor(source: TermSource, work: Work, listener?: Listener) {
    this.#source = source;
    this.#work = work;
    this.#listener = listener;
  }

  /** `active`: without what the versions that codes are taken from say is inactive. */
  async named(canonical: string, active = false): Promise<Codes> {
    const made = active ? this.#known.active : this.#known.all;
    const known = made.get(canonical);
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
    const codes = await this.resource(resource, `the value set ${shorten(canonical)}`, active);
    this.#within.pop();
    made.set(canonical, codes);
    return codes;
  }

  /** By what the set is composed of, or by its expansion where that is all there is or something is lacking here. */
  async resource(resource: JsonObject, name: string, active = false): Promise<Codes> {
    const { compose, expansion } = resource;
    await checkSupplements(resource, name, this.#source, this.#work);
    const expanded = isObject(expansion) ? wholeExpansion(expansion, this.#work, this.#listener) : undefined;
    if (!isObject(compose)) {
      if (expanded !== undefined) return this.#listed(expanded, active);
      throw failure(400, 'not-supported', `${name} has neither compose nor a whole expansion.`);
    }
    const depth = this.#within.length;
    try {
      return await this.#compose(compose, active);
    } catch (error) {
      if (expanded === undefined || !(error instanceof OutcomeError) || this.#work.tooMuch) throw error;
      this.#within.splice(depth);
      return this.#listed(expanded, active);
    }
  }

  /** The codes of an expansion. */
  async #listed(expanded: Codes, active: boolean): Promise<Codes> {
    for (const system of expanded.keys()) this.#meets(system, noVersion);
    return active ? this.#active(expanded) : expanded;
  }

  async #compose({ include, exclude, inactive }: JsonObject, active: boolean): Promise<Codes> {
    const included = await this.#union(await this.#parts(include, active || inactive === false));
    const excluded = await this.#union(await this.#parts(exclude, false));
    const left = await listedBeside(excluded, included, this.#source, this.#work, true);
    this.#work.spend(sizeOf([included, left]));
    return difference(included, left);
  }

  async #union(sets: readonly Codes[]): Promise<Codes> {
    const united = await unitable(sets, this.#source, this.#work);
    this.#work.spend(sizeOf(united));
    return union(united);
  }

  async #intersection(sets: readonly Codes[]): Promise<Codes> {
    const [first = noCodes, ...others] = sets;
    let codes = first;
    for (const other of others) {
      const a = await listedBeside(codes, other, this.#source, this.#work);
      const b = await listedBeside(other, codes, this.#source, this.#work);
      this.#work.spend(sizeOf([a, b]));
      codes = intersection(a, b);
    }
    return codes;
  }

  async #parts(value: JsonValue | undefined, active: boolean): Promise<readonly Codes[]> {
    const parts: Codes[] = [];
    for (const each of objects(value)) parts.push(await this.#part(each, active));
    return parts;
  }

  /**
   * What an include or exclude selects: from its system, and of that only what all of its value sets have. `active`: only what the
   * versions that it is selected from don't say is inactive.
   */
  async #part(part: JsonObject, active: boolean): Promise<Codes> {
    const own = text(part.system) === '' ? [] : [await this.#ofSystem(part)];
    const canonicals = isArray(part.valueSet) ? part.valueSet.filter((each) => typeof each === 'string') : [];
    const imported = async (activeOnly: boolean): Promise<readonly Codes[]> => {
      const sets: Codes[] = [];
      for (const canonical of canonicals) sets.push(await this.named(canonical, activeOnly));
      return sets;
    };
    const codes = await this.#intersection([...own, ...(await imported(false))]);
    if (!active) return codes;
    if (canonicals.length === 0 || !(await this.#areOfSeveral(codes))) return this.#active(codes);
    // Which of several versions the codes of an imported set are from, that alone can tell.
    const activeOnes = await this.#intersection([...own, ...(await imported(true))]);
    const [from] = own;
    return from === undefined ? activeOnes : this.#active(activeOnes, from);
  }

  /** Whether of one of the systems several versions were met so far. */
  async #areOfSeveral(codes: Codes): Promise<boolean> {
    for (const system of codes.keys()) {
      if (await areOfSeveral(this.#met.get(system) ?? [], this.#source)) return true;
    }
    return false;
  }

  #meets(system: string, canonical: string): void {
    this.#met.set(system, (this.#met.get(system) ?? new Set()).add(canonical));
  }

  /** Without the codes that their systems say are inactive, in the one version that the codes, or those of `of`, are from. */
  async #active(codes: Codes, of = codes): Promise<Codes> {
    const active = new Map<string, Part>();
    for (const [system, part] of codes) {
      const taken = of.get(system) ?? part;
      const [only] = (await isHere(system, taken, this.#source)) ? await contentsOf(system, taken, this.#source) : [];
      active.set(system, only === undefined ? part : { ...part, ...(await activeOf(only, part, this.#work)) });
    }
    return active;
  }

  async #ofSystem(part: JsonObject): Promise<Codes> {
    const canonical = versioned(text(part.system), text(part.version));
    this.#meets(text(part.system), canonical);
    const from = new Set([canonical]);
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
  const from = new Set([noVersion]);
  return new Map([...bySystem].map(([system, codes]) => [system, { others: false, codes: new Set(codes), from }]));
}
