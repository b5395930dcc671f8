/** The concepts of a CodeSystem resource. https://hl7.org/fhir/R4/codesystem.html */
import { isObject, type JsonObject } from '../fhir/resource.ts';
import { ancestors, type CodeSystem, type Concept, descendants } from './code-system.ts';
import type { Part } from './codes.ts';
import type { ConceptDetail, ConceptPage, Concepts, ConceptTest, Designation, Filter, Selection } from './concepts.ts';
import { checkFilter, filterTest, isOnConcept, listed, valueTest } from './filters.ts';
import { text } from './json.ts';
import { matchesWords, type WordsOf } from './text-filter.ts';
import { tooManyRelated, type Work } from './work.ts';

const noLook = (): void => {};

/** Answers at once. */
export class MemoryConcepts implements Concepts {
  readonly loaded = false;
  readonly #system: CodeSystem;
  readonly #wordsOf: WordsOf;
  /** By their codes without case, where that doesn't count; made when it is first needed. */
  #folded: ReadonlyMap<string, string> | undefined;

  /** `wordsOf`: the words of a text, in the form in which they are compared. */
  constructor(system: CodeSystem, wordsOf: WordsOf) {
    this.#system = system;
    this.#wordsOf = wordsOf;
  }

  get url(): string {
    return this.#system.url;
  }

  get version(): string {
    return this.#system.version;
  }

  get title(): string {
    return this.#system.title;
  }

  get content(): string {
    return this.#system.content;
  }

  get caseSensitive(): boolean {
    return this.#system.caseSensitive;
  }

  get properties(): Concepts['properties'] {
    return this.#system.properties;
  }

  get(code: string): ConceptDetail | undefined {
    const spelled = this.#spelled(code);
    const concept = spelled === undefined ? undefined : this.#system.concepts.get(spelled);
    return spelled === undefined || concept === undefined ? undefined : this.#detail(spelled, concept);
  }

  has(code: string): boolean {
    return this.#spelled(code) !== undefined;
  }

  find(codes: readonly string[]): readonly ConceptDetail[] {
    return codes.flatMap((code) => this.get(code) ?? []);
  }

  subsumed(ancestor: string, code: string): boolean {
    return ancestors(this.#system, code, noLook).has(ancestor);
  }

  children(code: string): readonly ConceptDetail[] {
    const children = this.#system.concepts.get(code)?.children ?? [];
    return children.map((each) => this.get(each) ?? { code: each, display: '', parents: [] });
  }

  related(code: string, direction: 'above' | 'below', limit: number, work: Work): ReadonlySet<string> {
    const look = (codes: number, found: number): void => {
      work.spend(codes);
      if (found > limit) throw tooManyRelated(code, this.url, limit);
    };
    return direction === 'below' ? descendants(this.#system, code, look) : ancestors(this.#system, code, look);
  }

  codes(work: Work): readonly string[] {
    const { concepts } = this.#system;
    work.spend(concepts.size);
    return [...concepts.keys()];
  }

  part(filter: Filter, work: Work): Part {
    return { others: false, codes: new Set(this.#passing(filter, work)) };
  }

  select(selection: Selection, { offset, count }: { offset: number; count: number }): ConceptPage {
    const { text, activeOnly, selectableOnly, ...test } = selection;
    const wanted = text === undefined ? [] : this.#wordsOf(text);
    const meets = this.#tested(test);
    const found: ConceptDetail[] = [];
    for (const code of this.#system.concepts.keys()) {
      if (!meets(code)) continue;
      const concept = this.get(code);
      if (concept === undefined) continue;
      if (activeOnly === true && concept.inactive === true) continue;
      if (selectableOnly === true && concept.abstract === true) continue;
      if (matchesWords(concept, wanted, this.#wordsOf)) found.push(concept);
    }
    return { concepts: found.slice(offset, offset + count), total: found.length };
  }

  #tested({ codes, under, properties = [], allOf = [], anyOf, noneOf = [] }: ConceptTest): (code: string) => boolean {
    const named = codes && new Set(codes.map((code) => this.#spelled(code)));
    const below = under && descendants(this.#system, under.code, noLook);
    const having = properties.map(({ code, op, values }) => ({ property: code, test: valueTest(op, values) }));
    const [all, any, none] = [allOf, anyOf ?? [], noneOf].map((tests) => tests.map((each) => this.#tested(each)));
    return (code) =>
      named?.has(code) !== false &&
      (below === undefined || (below.has(code) && (under?.self === true || code !== under?.code))) &&
      having.every(({ property, test }) => test(this.#values(code, property))) &&
      all?.every((test) => test(code)) !== false &&
      (anyOf === undefined || any?.some((test) => test(code)) === true) &&
      none?.some((test) => test(code)) !== true;
  }

  #passing(filter: Filter, work: Work): Iterable<string> {
    checkFilter(filter, this);
    const { concepts } = this.#system;
    const { op, value } = filter;
    const look = (codes: number): void => work.spend(codes);
    const defined = (codes: Iterable<string>) => [...codes].filter((code) => concepts.has(code));
    const all = (passes: (code: string) => boolean): readonly string[] => {
      look(concepts.size);
      return [...concepts.keys()].filter(passes);
    };
    if (!isOnConcept(filter) || op === 'regex') {
      const test = filterTest(filter, work);
      return all((code) => {
        const values = isOnConcept(filter) ? [code] : this.#values(code, filter.property);
        look(values.length);
        return test(values);
      });
    }
    const named = op === 'in' || op === 'not-in' ? new Set(listed(filter)) : new Set<string>();
    look(named.size);
    switch (op) {
      case '=':
        return defined([value]);
      case 'descendent-of':
        return defined(descendants(this.#system, value, look)).filter((code) => code !== value);
      case 'is-not-a': {
        const below = descendants(this.#system, value, look);
        return all((code) => !below.has(code));
      }
      case 'generalizes':
        return defined(ancestors(this.#system, value, look));
      case 'in':
        return defined(named);
      case 'not-in':
        return all((code) => !named.has(code));
      default:
        return defined(descendants(this.#system, value, look));
    }
  }

  /** The code as the system spells it. */
  #spelled(code: string): string | undefined {
    const { concepts, caseSensitive } = this.#system;
    if (concepts.has(code)) return code;
    if (caseSensitive) return undefined;
    this.#folded ??= new Map([...concepts.keys()].map((each) => [each.toLowerCase(), each]));
    return this.#folded.get(code.toLowerCase());
  }

  #values(code: string, property: string): readonly string[] {
    const concept = this.#system.concepts.get(code);
    if (property === 'parent') return concept?.parents ?? [];
    if (property === 'child') return concept?.children ?? [];
    return concept?.properties.get(property) ?? [];
  }

  #detail(code: string, concept: Concept): ConceptDetail {
    const { display = '', definition, parents, properties, designations } = concept;
    const { inactive, notSelectable } = this.#system.flags;
    const says = (flag: ReadonlySet<string>) => [...flag].some((name) => properties.get(name)?.includes('true'));
    return {
      code,
      display,
      parents,
      ...(definition !== undefined && { definition }),
      ...((says(inactive) || properties.get('status')?.some((each) => retired.has(each))) && { inactive: true }),
      ...(says(notSelectable) && { abstract: true }),
      ...(properties.size > 0 && {
        properties: [...properties].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
      }),
      ...(designations !== undefined && { designations: designations.map(readDesignation) }),
    };
  }
}

/** Statuses of concepts that are no longer to be used. */
const retired: ReadonlySet<string> = new Set(['retired', 'inactive']);

/** A designation of a CodeSystem or a ValueSet. */
export function readDesignation({ value, language, use }: JsonObject): Designation {
  const coding = isObject(use) ? use : {};
  return {
    value: text(value),
    ...(typeof language === 'string' && { language }),
    ...(isObject(use) && {
      use: {
        ...(typeof coding.system === 'string' && { system: coding.system }),
        ...(typeof coding.code === 'string' && { code: coding.code }),
        ...(typeof coding.display === 'string' && { display: coding.display }),
      },
    }),
  };
}
