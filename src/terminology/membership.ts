/** Whether a code is in a value set, told without making all its codes. https://hl7.org/fhir/R4/valueset-operation-validate-code.html */
import { OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject } from '../fhir/resource.ts';
import { type Codes, has, noCodes } from './codes.ts';
import { andThen, type Concepts, type Filter, hasConcepts, type Soon } from './concepts.ts';
import { contentOf, type TermSource } from './contents.ts';
import { lackingSupplement, versioned, wholeExpansion } from './expand.ts';
import { checkFilter, conceptTest, readFilter } from './filters.ts';
import { objects, text } from './json.ts';
import { shorten } from './shorten.ts';
import { fitTogether } from './versions.ts';
import { Work } from './work.ts';

/** Whether something holds; undefined: it can't be told here. */
type Known = boolean | undefined;

/** `version`: the system's, '' where that isn't known. */
type Test = (system: string, code: string, version: string) => Soon<Known>;

/** A value set, ready to be asked. */
export interface Membership {
  /** The systems that its codes may be of. */
  readonly systems: ReadonlySet<string>;
  /** The versions of a system that it takes its codes from; undefined: whichever there is. */
  readonly versions: (system: string) => ReadonlySet<string> | undefined;
  /**
   * Whether a code, of a version of the system where that is known, is in it: R4 has "the version of the code system that the codes are
   * selected from". undefined where what it takes is lacking here.
   * https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.version
   */
  readonly has: (system: string, code: string, version?: string) => Soon<Known>;
  /** Why some answers are lacking, for people. */
  readonly lacking: readonly string[];
}

/**
 * The value set of a canonical; undefined where there is none. What it imports or filters and isn't here makes answers
 * undefined. Throws 400 `too-costly` for more work than `work` has left.
 */
export async function membershipOf(canonical: string, source: TermSource, work: Work): Promise<Membership | undefined> {
  const resource = await source.valueSet(canonical);
  return resource && membershipIn(resource, `the value set ${shorten(canonical)}`, source, work);
}

/** The same of a resource. `name`: what messages call it. */
export async function membershipIn(
  resource: JsonObject,
  name: string,
  source: TermSource,
  work: Work,
): Promise<Membership> {
  const compiler = new Compiler(source, work);
  const test = await compiler.resource(resource, name);
  return {
    systems: new Set(compiler.systems.keys()),
    versions: (system) => {
      const versions = compiler.systems.get(system);
      return versions?.has('') === false ? versions : undefined;
    },
    has: (system, code, version = '') => test(system, code, version),
    lacking: compiler.lacking,
  };
}

/** Whether a set takes codes of a version of a system at all, '' where that isn't known. */
export function takesVersion({ versions }: Membership, system: string, version: string): boolean {
  const taken = versions(system);
  return taken === undefined || [...taken].some((each) => fitTogether(each, version));
}

/** The first decisive answer of the tests; without one the other answer, unless something isn't known. */
function decide(tests: readonly Test[], decisive: boolean, asked: Parameters<Test>, from = 0): Soon<Known> {
  let unknown = false;
  for (let index = from; index < tests.length; index += 1) {
    const answer = tests[index]?.(...asked);
    if (answer instanceof Promise) {
      const before = unknown;
      return answer.then(async (known) => {
        if (known === decisive) return decisive;
        const rest = await decide(tests, decisive, asked, index + 1);
        if (rest === decisive) return decisive;
        return before || known === undefined ? undefined : rest;
      });
    }
    if (answer === decisive) return decisive;
    if (answer === undefined) unknown = true;
  }
  return unknown ? undefined : !decisive;
}

const never: Test = () => false;
const unknown: Test = () => undefined;

function any(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length <= 1) return only ?? never;
  return (...asked) => decide(tests, true, asked);
}

function all(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length <= 1) return only ?? never;
  return (...asked) => decide(tests, false, asked);
}

function not(test: Test): Test {
  return (...asked) => andThen(test(...asked), (known) => (known === undefined ? undefined : !known));
}

/** Whatever version a code is said to be of. */
function ofAny(test: Test): Test {
  return (system, code) => test(system, code, '');
}

function isActive(concepts: Concepts): Test {
  return (_system, code) => andThen(concepts.get(code), (found) => found?.inactive !== true);
}

/** What parts of a value set are meant for. */
interface Meant {
  /** Includes, not excludes. */
  readonly included: boolean;
  /** Only what isn't said to be inactive. */
  readonly active: boolean;
}

/** Codes that are listed of a version of a system. */
interface Listed {
  readonly system: string;
  readonly version: string;
  readonly codes: Set<string>;
}

class Compiler {
  /** With the versions that are named, '' for none. */
  readonly systems = new Map<string, Set<string>>();
  readonly lacking: string[] = [];
  readonly #source: TermSource;
  readonly #work: Work;
  readonly #known = { all: new Map<string, Test>(), active: new Map<string, Test>() };
  readonly #within: string[] = [];
  /** By canonical, whether a code system is here. */
  readonly #here = new Map<string, boolean>();

  constructor(source: TermSource, work: Work) {
    this.#source = source;
    this.#work = work;
  }

  /** `active`: without what the versions that codes are taken from say is inactive. */
  async resource(resource: JsonObject, name: string, active = false): Promise<Test> {
    const { compose, expansion } = resource;
    const supplement = await lackingSupplement(resource, this.#source, this.#work);
    if (supplement !== undefined) {
      return this.#lacks(`${name} depends on the supplement ${shorten(supplement)}, which is not here`);
    }
    const tests: Test[] = [];
    if (isObject(compose)) tests.push(await this.#compose(compose, active));
    if (isObject(expansion)) {
      const codes = wholeExpansion(expansion, this.#work);
      for (const system of (codes ?? noCodes).keys()) this.#uses(system, '');
      if (codes !== undefined) tests.push(await this.#expanded(codes, active));
    }
    const [composed, expanded] = tests;
    if (composed === undefined) {
      return this.#lacks(`${name} has neither compose nor a whole expansion`);
    }
    if (expanded === undefined) return composed;
    return (...asked) => andThen(composed(...asked), (known) => (known === undefined ? expanded(...asked) : known));
  }

  async #expanded(codes: Codes, active: boolean): Promise<Test> {
    const tests = new Map<string, Test>();
    if (active) for (const system of codes.keys()) tests.set(system, await this.#active(system));
    return (system, code, version) => has(codes, system, code) && (tests.get(system)?.(system, code, version) ?? true);
  }

  async #named(canonical: string, active: boolean): Promise<Test> {
    const made = active ? this.#known.active : this.#known.all;
    const known = made.get(canonical);
    if (known !== undefined) return known;
    if (this.#within.includes(canonical)) return this.#lacks(`the value set ${shorten(canonical)} includes itself`);
    this.#work.spend(lookUp);
    const resource = await this.#source.valueSet(canonical);
    if (resource === undefined) return this.#lacks(`there is no value set ${shorten(canonical)} here`);
    this.#within.push(canonical);
    const test = await this.resource(resource, `the value set ${shorten(canonical)}`, active);
    this.#within.pop();
    made.set(canonical, test);
    return test;
  }

  async #compose({ include, exclude, inactive }: JsonObject, active: boolean): Promise<Test> {
    const included = await this.#parts(objects(include), { included: true, active: active || inactive === false });
    const excluded = objects(exclude);
    if (excluded.length === 0) return included;
    // What is excluded is a set of codes, whatever version they are said to be of.
    return all([included, not(ofAny(await this.#parts(excluded, { included: false, active: false })))]);
  }

  async #parts(parts: readonly JsonObject[], { included, active }: Meant): Promise<Test> {
    const tests: Test[] = [];
    const listed = new Map<string, Listed>();
    for (const part of parts) {
      const [system, version] = [text(part.system), text(part.version)];
      const concepts = objects(part.concept);
      const imported = isArray(part.valueSet) ? part.valueSet.filter((each) => typeof each === 'string') : [];
      this.#work.spend(1 + concepts.length);
      if (system !== '') this.#uses(system, included ? version : undefined);
      if (system !== '' && concepts.length > 0 && imported.length === 0) {
        const canonical = versioned(system, version);
        const one = listed.get(canonical) ?? { system, version, codes: new Set() };
        listed.set(canonical, one);
        for (const { code } of concepts) one.codes.add(text(code));
        continue;
      }
      const sets: Test[] = [];
      for (const canonical of imported) sets.push(await this.#named(canonical, active));
      const taking = system === '' ? any(sets) : await this.#ofSystem(part, active);
      // Of a version are the codes of the include's system, or else of one of its value sets; the others are sets of codes.
      tests.push(system === '' && sets.length <= 1 ? taking : all([taking, ...sets.map(ofAny)]));
    }
    const first: Test[] = [];
    for (const each of listed.values()) first.push(await this.#listed(each, active));
    return any([...first, ...tests]);
  }

  #uses(system: string, version: string | undefined): void {
    const versions = this.systems.get(system) ?? new Set();
    if (version !== undefined) versions.add(version);
    this.systems.set(system, versions);
  }

  async #ofSystem({ system: url, version, concept, filter }: JsonObject, active: boolean): Promise<Test> {
    const own = text(url);
    const listed = objects(concept);
    if (listed.length > 0) {
      const codes = new Set(listed.map(({ code }) => text(code)));
      return this.#listed({ system: own, version: text(version), codes }, active);
    }
    const concepts = await this.#content(versioned(own, text(version)));
    const filters = objects(filter).map(readFilter);
    if (concepts === undefined) return (system) => (system === own ? undefined : false);
    for (const each of filters) {
      if (!this.#checked(each, concepts)) return (system) => (system === own ? undefined : false);
    }
    // A fragment doesn't say which other codes there are.
    const absent = concepts.content === 'complete' ? false : undefined;
    const there: Test = (_system, code) => andThen(concepts.has(code), (found) => found || absent);
    const passed = filters.length === 0 ? there : all(filters.map((each) => ofConcept(concepts, each)));
    const passing = active ? all([passed, isActive(concepts)]) : passed;
    const named = text(version);
    return (system, code, asked) => system === own && fitTogether(named, asked) && passing(system, code, asked);
  }

  async #listed({ system: own, version: named, codes }: Listed, active: boolean): Promise<Test> {
    const canonical = versioned(own, named);
    // Where the version that is named isn't here, it can't be told what it has in common with another.
    const otherwise = named === '' || (await this.#isHere(canonical)) ? false : undefined;
    const listed: Test = (system, code, version) =>
      system === own && codes.has(code) && (fitTogether(named, version) || otherwise);
    return active ? all([listed, await this.#active(canonical)]) : listed;
  }

  async #isHere(canonical: string): Promise<boolean> {
    const known = this.#here.get(canonical);
    if (known !== undefined) return known;
    this.#work.spend(lookUp);
    const concepts = await this.#source.codeSystem(canonical);
    const here = concepts !== undefined && hasConcepts(concepts);
    this.#here.set(canonical, here);
    if (!here) this.lacking.push(`the code system ${shorten(canonical)} is not here`);
    return here;
  }

  /** Whether a code isn't said to be inactive by a code system, where that is here. */
  async #active(canonical: string): Promise<Test> {
    this.#work.spend(lookUp);
    const concepts = await this.#source.codeSystem(canonical);
    return concepts !== undefined && hasConcepts(concepts) ? isActive(concepts) : () => true;
  }

  async #content(canonical: string): Promise<Concepts | undefined> {
    this.#work.spend(lookUp);
    try {
      return await contentOf(canonical, this.#source);
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  #checked(filter: Filter, concepts: Concepts): boolean {
    try {
      checkFilter(filter, concepts);
      return true;
    } catch (error) {
      this.#note(error);
      return false;
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof OutcomeError) || error.status !== 400) throw error;
    this.lacking.push(error.message.replace(/\.$/, ''));
  }

  #lacks(why: string): Test {
    this.lacking.push(why);
    return unknown;
  }
}

/** What looking up a resource counts for. */
const lookUp = 100;

function ofConcept(concepts: Concepts, filter: Filter): Test {
  // Each code is asked for by itself, so what it takes is its own.
  const asked = () => conceptTest(concepts, filter, new Work(`the filter on ${shorten(filter.property)}`));
  const test = filter.op === 'regex' ? undefined : asked();
  return (_system, code) =>
    andThen(concepts.get(code), (found) => (found === undefined ? false : (test ?? asked())(found)));
}
