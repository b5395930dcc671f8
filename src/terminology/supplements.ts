/** Designations and properties that supplements add to the concepts of a code system. https://hl7.org/fhir/R4/codesystem.html#supplements */
import type { JsonObject } from '../fhir/resource.ts';
import { readCodeSystem } from './code-system.ts';
import { codesOf, difference, type Part, union } from './codes.ts';
import {
  andThen,
  type ConceptDetail,
  type ConceptPage,
  type Concepts,
  type Designation,
  type Filter,
  type PropertyType,
  type Selection,
  type Soon,
} from './concepts.ts';
import { filterTest, isOnConcept } from './filters.ts';
import { text } from './json.ts';
import { readDesignation } from './memory-concepts.ts';
import { matchesWords, type WordsOf } from './text-filter.ts';
import type { Work } from './work.ts';

/** What supplements say of one concept. */
interface Addition {
  readonly designations: readonly Designation[];
  readonly properties: readonly (readonly [code: string, value: string])[];
}

/** A CodeSystem that supplements another. */
export interface Supplement {
  /** `url|version`; '' without url. */
  readonly canonical: string;
  /** Those that it declares, or uses. */
  readonly properties: ReadonlyMap<string, PropertyType>;
  readonly concepts: ReadonlyMap<string, Addition>;
}

/** What a supplement can't change: which concepts there are, how they lie above each other, and whether they are to be used. */
const ofTheSystem: ReadonlySet<string> = new Set([
  ...['parent', 'child', 'subsumedBy', 'inactive', 'notSelectable', 'status'],
]);

/** A resource with the content `supplement`. A display of its own is one more designation, in the language of the resource. */
export function readSupplement(resource: JsonObject): Supplement {
  const { url, version, concepts, properties: declared } = readCodeSystem(resource);
  const language = text(resource.language);
  const properties = new Map([...declared].filter(([code]) => !ofTheSystem.has(code)));
  const additions = new Map<string, Addition>();
  for (const [code, { display, designations = [], properties: own }] of concepts) {
    const values = [...own].filter(([name]) => !ofTheSystem.has(name));
    for (const [name] of values) if (!properties.has(name)) properties.set(name, 'string');
    additions.set(code, {
      designations: [
        ...(display === undefined || language === '' ? [] : [{ value: display, language }]),
        ...designations.map(readDesignation),
      ],
      properties: values.flatMap(([name, each]) => each.map((value) => [name, value] as const)),
    });
  }
  return { canonical: version === '' || url === '' ? url : `${url}|${version}`, properties, concepts: additions };
}

/** A code system with what supplements add. Which codes there are, and how they subsume each other, it has alone. */
export class SupplementedConcepts implements Concepts {
  readonly loaded: boolean;
  readonly properties: ReadonlyMap<string, PropertyType>;
  readonly supplements: readonly string[];
  readonly added: ReadonlySet<string>;
  readonly #base: Concepts;
  readonly #wordsOf: WordsOf;
  readonly #additions = new Map<string, Addition>();
  /** The words of the designations that are added, by code; made when they are first needed. */
  #words: readonly (readonly [code: string, words: readonly string[]])[] | undefined;

  /** `wordsOf`: the words of a text, in the form in which they are compared. */
  constructor(base: Concepts, supplements: readonly Supplement[], wordsOf: WordsOf) {
    this.#base = base;
    this.#wordsOf = wordsOf;
    this.loaded = base.loaded;
    this.supplements = supplements.map(({ canonical }) => canonical).filter((each) => each !== '');
    this.added = new Set(supplements.flatMap(({ properties }) => [...properties.keys()]));
    this.properties = new Map([...supplements.flatMap(({ properties }) => [...properties]), ...base.properties]);
    for (const { concepts } of supplements) {
      for (const [code, { designations, properties }] of concepts) {
        const key = this.#keyOf(code);
        const known = this.#additions.get(key);
        this.#additions.set(key, {
          designations: [...(known?.designations ?? []), ...designations],
          properties: [...(known?.properties ?? []), ...properties],
        });
      }
    }
  }

  get url(): string {
    return this.#base.url;
  }

  get version(): string {
    return this.#base.version;
  }

  get title(): string {
    return this.#base.title;
  }

  get content(): string {
    return this.#base.content;
  }

  get caseSensitive(): boolean {
    return this.#base.caseSensitive;
  }

  get(code: string): Soon<ConceptDetail | undefined> {
    return andThen(this.#base.get(code), (found) => found && this.#with(found));
  }

  has(code: string): Soon<boolean> {
    return this.#base.has(code);
  }

  find(codes: readonly string[]): Soon<readonly ConceptDetail[]> {
    return andThen(this.#base.find(codes), (found) => found.map((each) => this.#with(each)));
  }

  subsumed(ancestor: string, code: string): Soon<boolean> {
    return this.#base.subsumed(ancestor, code);
  }

  children(code: string): Soon<readonly ConceptDetail[] | undefined> {
    return andThen(this.#base.children(code), (found) => found?.map((each) => this.#with(each)));
  }

  related(code: string, direction: 'above' | 'below', limit: number, work: Work): Soon<ReadonlySet<string>> {
    return this.#base.related(code, direction, limit, work);
  }

  codes(work: Work): Soon<readonly string[]> {
    return this.#base.codes(work);
  }

  part(filter: Filter, work: Work): Soon<Part> {
    const { property } = filter;
    if (isOnConcept(filter) || !this.added.has(property)) return this.#base.part(filter, work);
    return this.#ofAdded(filter, work);
  }

  async select(selection: Selection, { offset, count }: { offset: number; count: number }): Promise<ConceptPage> {
    const page = await this.#base.select(selection, { offset, count });
    const more = selection.text === undefined ? [] : await this.#moreOf(selection, selection.text);
    // Behind those that the system's own words lead to.
    const first = Math.max(offset - page.total, 0);
    const behind = more.slice(first, first + count - page.concepts.length);
    return {
      concepts: [...page.concepts, ...behind].map((each) => this.#with(each)),
      total: page.total + more.length,
    };
  }

  /** Concepts that are selected by words of designations that are added, and not by their own. */
  async #moreOf(selection: Selection, text: string): Promise<readonly ConceptDetail[]> {
    const wanted = this.#wordsOf(text);
    if (wanted.length === 0) return [];
    this.#words ??= [...this.#additions].flatMap(([code, { designations }]) => {
      const words = designations.flatMap(({ value }) => this.#wordsOf(value));
      return words.length === 0 ? [] : [[code, words] as const];
    });
    const touched = this.#words
      .filter(([, words]) => wanted.some((start) => words.some((word) => word.startsWith(start))))
      .map(([code]) => code);
    const found = (await this.#base.find(touched)).filter((each) =>
      matchesWords(this.#with(each), wanted, this.#wordsOf),
    );
    if (found.length === 0) return [];
    const among = (codes: readonly string[], { text: _text, ...others }: Selection, words?: string): Selection => ({
      ...others,
      allOf: [...(others.allOf ?? []), { codes }],
      ...(words !== undefined && { text: words }),
    });
    const all = { offset: 0, count: found.length };
    const codes = found.map(({ code }) => code);
    const told = new Set(
      (await this.#base.select(among(codes, selection, text), all)).concepts.map(({ code }) => code),
    );
    const untold = codes.filter((code) => !told.has(code));
    return untold.length === 0 ? [] : (await this.#base.select(among(untold, selection), all)).concepts;
  }

  /** The codes that pass a filter on a property of which supplements have values. */
  async #ofAdded(filter: Filter, work: Work): Promise<Part> {
    const { property, op, value } = filter;
    const without = op === 'not-in' || (op === 'exists' && value !== 'true');
    const nothing: Part = { others: without, codes: new Set() };
    const own = this.#base.properties.has(property) ? await this.#base.part(filter, work) : nothing;
    const test = filterTest(filter, work);
    const additions = [...this.#additions];
    work.spend(additions.length);
    const decisive = additions
      .map(([code, { properties }]) => {
        return [code, properties.filter(([name]) => name === property).map(([, each]) => each)] as const;
      })
      .filter(([, values]) => values.length > 0 && test(values) !== without)
      .map(([code]) => code);
    const codes = codesOf(
      this.url,
      (await this.#base.find(decisive)).map(({ code }) => code),
    );
    const base = new Map([[this.url, own]]);
    return (without ? difference(base, codes) : union([base, codes])).get(this.url) ?? own;
  }

  #with(concept: ConceptDetail): ConceptDetail {
    const added = this.#additions.get(this.#keyOf(concept.code));
    if (added === undefined) return concept;
    const designations = [...(concept.designations ?? []), ...added.designations];
    const properties = [...(concept.properties ?? []), ...added.properties];
    return {
      ...concept,
      ...(designations.length > 0 && { designations }),
      ...(properties.length > 0 && { properties }),
    };
  }

  #keyOf(code: string): string {
    return this.caseSensitive ? code : code.toLowerCase();
  }
}
