/** The codes that a value set has. https://hl7.org/fhir/R4/valueset.html#compositions */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { ancestors, type CodeSystem, descendants, hasConcepts, objects, text } from './code-system.ts';
import {
  type Codes,
  codesOf,
  difference,
  intersection,
  noCodes,
  type Part,
  sizeOf,
  union,
  wholeSystem,
} from './codes.ts';
import { Work } from './work.ts';

/** Where value sets and code systems are found, by canonical: `url`, or `url|version`. */
export interface TermSource {
  readonly valueSet: (canonical: string) => Promise<JsonObject | undefined>;
  readonly codeSystem: (canonical: string) => Promise<CodeSystem | undefined>;
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
    else result.push({ system, codes: [...(part.others ? await allBut(system, part, source, work) : part.codes)] });
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
  const look = (codes: number, found: number): void => {
    work.spend(codes);
    if (found <= mostCodes) return;
    const what = `${shorten(code)} of ${shorten(system)}`;
    throw failure(400, 'too-costly', `${what} comes to more than ${mostCodes} codes: ask for a part of it.`);
  };
  const codes = direction === 'below' ? descendants(concepts, code, look) : ancestors(concepts, code, look);
  return [{ system, codes: [...codes] }];
}

function bounded(codes: readonly SystemCodes[], what: string): readonly SystemCodes[] {
  const size = codes.reduce((sum, each) => sum + (each.codes?.length ?? 0), 0);
  if (size <= mostCodes) return codes;
  throw failure(400, 'too-costly', `${what} comes to ${size} codes, more than ${mostCodes}: ask for a part of it.`);
}

async function allBut(system: string, { codes }: Part, source: TermSource, work: Work): Promise<readonly string[]> {
  const { concepts } = await contentOf(system, source);
  work.spend(concepts.size);
  return [...concepts.keys()].filter((code) => !codes.has(code));
}

/** A code system with its concepts. */
async function contentOf(canonical: string, source: TermSource): Promise<CodeSystem> {
  const found = await source.codeSystem(canonical);
  if (found !== undefined && hasConcepts(found)) return found;
  const lacking =
    found === undefined ? 'is not here' : `is here without its concepts (content ${shorten(found.content)})`;
  const hint = 'store it as a CodeSystem with its concepts, or a ValueSet with its codes listed or expanded';
  throw failure(400, 'not-supported', `the code system ${shorten(canonical)} ${lacking}; ${hint}.`);
}

/** Expands a value set and those that it imports. */
class Expander {
  readonly #source: TermSource;
  readonly #work: Work;
  readonly #known = new Map<string, Codes>();
  /** What is being expanded, outermost first. */
  readonly #within: string[] = [];

  constructor(source: TermSource, work: Work) {
    this.#source = source;
    this.#work = work;
  }

  async named(canonical: string): Promise<Codes> {
    const known = this.#known.get(canonical);
    if (known !== undefined) return known;
    if (this.#within.includes(canonical)) {
      throw failure(400, 'processing', `the value set ${shorten(canonical)} includes itself.`);
    }
    this.#work.spend(lookUp);
    const resource = await this.#source.valueSet(canonical);
    if (resource === undefined) throw failure(400, 'not-found', `there is no value set ${shorten(canonical)} here.`);
    this.#within.push(canonical);
    const codes = await this.#resource(resource, canonical);
    this.#within.pop();
    this.#known.set(canonical, codes);
    return codes;
  }

  /** By what the set is composed of, or by its expansion where that is all there is or something is lacking here. */
  async #resource({ compose, expansion }: JsonObject, canonical: string): Promise<Codes> {
    const expanded = isObject(expansion) ? wholeExpansion(expansion, this.#work) : undefined;
    if (!isObject(compose)) {
      if (expanded !== undefined) return expanded;
      throw failure(
        400,
        'not-supported',
        `the value set ${shorten(canonical)} has neither compose nor a whole expansion.`,
      );
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

  async #compose({ include, exclude }: JsonObject): Promise<Codes> {
    const included = this.#union(await this.#parts(include));
    const excluded = this.#union(await this.#parts(exclude));
    this.#work.spend(sizeOf([included, excluded]));
    return difference(included, excluded);
  }

  #union(sets: readonly Codes[]): Codes {
    this.#work.spend(sizeOf(sets));
    return union(sets);
  }

  #intersection(sets: readonly Codes[]): Codes {
    const [first = noCodes, ...others] = sets;
    return others.reduce((some, other) => {
      this.#work.spend(sizeOf([some, other]));
      return intersection(some, other);
    }, first);
  }

  async #parts(value: JsonValue | undefined): Promise<readonly Codes[]> {
    const parts: Codes[] = [];
    for (const each of objects(value)) parts.push(await this.#part(each));
    return parts;
  }

  /** What an include or exclude selects: from its system, and of that only what all of its value sets have. */
  async #part(part: JsonObject): Promise<Codes> {
    const sets: Codes[] = text(part.system) === '' ? [] : [await this.#ofSystem(part)];
    const imported = isArray(part.valueSet) ? part.valueSet : [];
    for (const canonical of imported) if (typeof canonical === 'string') sets.push(await this.named(canonical));
    return this.#intersection(sets);
  }

  async #ofSystem({ system: url, version, concept, filter }: JsonObject): Promise<Codes> {
    const system = text(url);
    const listed = objects(concept);
    this.#work.spend(listed.length);
    if (listed.length > 0)
      return codesOf(
        system,
        listed.map(({ code }) => text(code)),
      );
    const filters = objects(filter);
    if (filters.length === 0) return wholeSystem(system);
    const content = await contentOf(text(version) === '' ? system : `${system}|${text(version)}`, this.#source);
    return this.#intersection(filters.map((each) => codesOf(system, filtered(content, each, this.#work))));
  }
}

/** The codes that pass a filter of an include. Throws 400 for one that can't be followed. */
function filtered(content: CodeSystem, filter: JsonObject, work: Work): Iterable<string> {
  const [property, op, value] = [text(filter.property), text(filter.op), text(filter.value)];
  const { concepts } = content;
  const look = (codes: number): void => work.spend(codes);
  const passing = (passes: (code: string) => boolean): readonly string[] => {
    look(concepts.size);
    return [...concepts.keys()].filter(passes);
  };
  const listed =
    op === 'in' || op === 'not-in' ? new Set(value.split(',').map((each) => each.trim())) : new Set<string>();
  look(listed.size);
  if (property === 'concept' || property === 'code') {
    switch (op) {
      case '=':
        return concepts.has(value) ? [value] : [];
      case 'is-a':
        return descendants(content, value, look);
      case 'descendent-of':
        return [...descendants(content, value, look)].filter((code) => code !== value);
      case 'is-not-a': {
        const below = descendants(content, value, look);
        return passing((code) => !below.has(code));
      }
      case 'generalizes':
        return ancestors(content, value, look);
      case 'in':
        return [...listed].filter((code) => concepts.has(code));
      case 'not-in':
        return passing((code) => !listed.has(code));
    }
  } else if (content.properties.has(property)) {
    const having = (passes: (values: readonly string[]) => boolean) =>
      passing((code) => {
        const values = valuesOf(content, code, property);
        look(values.length);
        return passes(values);
      });
    switch (op) {
      case '=':
        return having((values) => values.includes(value));
      case 'in':
        return having((values) => values.some((each) => listed.has(each)));
      case 'not-in':
        return having((values) => !values.some((each) => listed.has(each)));
      case 'exists':
        return having((values) => values.length > 0 === (value === 'true'));
    }
  }
  const what = `the filter ${shorten(property)} ${shorten(op)} of a value set on ${shorten(content.url)}`;
  throw failure(400, 'not-supported', `${what} is not supported.`);
}

function valuesOf({ concepts }: CodeSystem, code: string, property: string): readonly string[] {
  const concept = concepts.get(code);
  if (property === 'parent') return concept?.parents ?? [];
  if (property === 'child') return concept?.children ?? [];
  return concept?.properties.get(property) ?? [];
}

/** The codes of an expansion that is no page of a longer one; undefined otherwise. */
function wholeExpansion(expansion: JsonObject, work: Work): Codes | undefined {
  const bySystem = new Map<string, string[]>();
  let entries = 0;
  const add = (contained: JsonObject): void => {
    entries++;
    work.spend(1);
    const [system, code] = [text(contained.system), text(contained.code)];
    const codes = bySystem.get(system) ?? [];
    bySystem.set(system, codes);
    // What is abstract is there to find one's way, not to be chosen.
    if (code !== '' && contained.abstract !== true) codes.push(code);
    for (const each of objects(contained.contains)) add(each);
  };
  for (const each of objects(expansion.contains)) add(each);
  const { total, offset } = expansion;
  if (typeof offset === 'number' && offset > 0) return undefined;
  if (typeof total === 'number' && total > entries) return undefined;
  return union([...bySystem].map(([system, codes]) => codesOf(system, codes)));
}

function shorten(value: string): string {
  return value.length > 200 ? `${value.slice(0, 200)}…` : value;
}
