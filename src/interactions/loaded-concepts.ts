/** The concepts of a code system that was loaded into the store. https://hl7.org/fhir/R4/codesystem.html */
import { failure, type OutcomeError } from '../fhir/outcome.ts';
import type { ConceptFilter, LoadedConcept, LoadedSystem, TerminologyStore } from '../store/terminology.ts';
import type { Part } from '../terminology/codes.ts';
import type { ConceptDetail, ConceptPage, Concepts, Filter, PropertyType, Selection } from '../terminology/concepts.ts';
import { checkFilter, filterTest, isOnConcept, listed, wantedBy } from '../terminology/filters.ts';
import { tooManyRelated, type Work } from '../terminology/work.ts';

/** Codes that one question to the store may come to. */
const mostCodes = 100_000;
/** With more right below it than these, a code is told without them. */
const mostChildren = 1000;

/** Asks the store for each of them. */
export class LoadedConcepts implements Concepts {
  readonly loaded = true;
  readonly content = 'complete';
  readonly properties: ReadonlyMap<string, PropertyType>;
  readonly #store: TerminologyStore;
  readonly #system: LoadedSystem;

  constructor(store: TerminologyStore, system: LoadedSystem) {
    this.#store = store;
    this.#system = system;
    this.properties = new Map<string, PropertyType>([
      ['parent', 'code'],
      ['child', 'code'],
      ...system.properties.map(({ code, type }) => [code, type] as const),
    ]);
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

  get caseSensitive(): boolean {
    return this.#system.caseSensitive;
  }

  async get(code: string): Promise<ConceptDetail | undefined> {
    const [found] = await this.#store.concepts(this.#system, [code]);
    return found && detailOf(found);
  }

  async has(code: string): Promise<boolean> {
    return (await this.#store.concepts(this.#system, [code])).length > 0;
  }

  async find(codes: readonly string[]): Promise<readonly ConceptDetail[]> {
    if (codes.length === 0) return [];
    const form = (code: string) => (this.#system.caseSensitive ? code : code.toLowerCase());
    const found = new Map((await this.#store.concepts(this.#system, codes)).map((each) => [form(each.code), each]));
    return codes.flatMap((code) => {
      const concept = found.get(form(code));
      return concept === undefined ? [] : [detailOf(concept)];
    });
  }

  async subsumed(ancestor: string, code: string): Promise<boolean> {
    return ancestor === code || this.#store.subsumed(this.#system, ancestor, code);
  }

  async children(code: string): Promise<readonly ConceptDetail[] | undefined> {
    const filter: ConceptFilter = { properties: [{ code: 'parent', op: '=', values: [code] }] };
    const { concepts, total } = await this.#store.select(this.#system, filter, { offset: 0, count: mostChildren });
    return total > mostChildren ? undefined : concepts.map(detailOf);
  }

  async related(code: string, direction: 'above' | 'below', limit: number, work: Work): Promise<ReadonlySet<string>> {
    const most = Math.max(Math.min(limit, work.left), 1);
    const codes = await this.#store.related(this.#system, code, direction, most);
    if (codes === undefined) throw tooManyRelated(code, this.url, most);
    work.spend(1 + codes.length);
    return new Set([code, ...codes]);
  }

  async codes(work: Work): Promise<readonly string[]> {
    return this.#selected({}, work);
  }

  async part(filter: Filter, work: Work): Promise<Part> {
    checkFilter(filter, this);
    const { property, op, value } = filter;
    if (op === 'regex') return only(await this.#matching(filter, work));
    if (!isOnConcept(filter)) return only(await this.#ofProperty(filter, property, work));
    switch (op) {
      case '=':
        return only(await this.#known([value], work));
      case 'in':
        return only(await this.#known(listed(filter), work));
      case 'not-in':
        // What isn't there must not come back where this is taken off the whole.
        return { others: true, codes: new Set(await this.#known(listed(filter), work)) };
      default: {
        const direction = op === 'generalizes' ? 'above' : 'below';
        const codes = new Set(await this.related(value, direction, mostCodes, work));
        const [itself] = await this.find([value]);
        if (itself === undefined || op === 'descendent-of') codes.delete(value);
        return { others: op === 'is-not-a', codes };
      }
    }
  }

  async select(selection: Selection, page: { offset: number; count: number }): Promise<ConceptPage> {
    const filter: ConceptFilter = selection;
    const { concepts, total } = await this.#store.select(this.#system, filter, page);
    return { concepts: concepts.map(detailOf), total };
  }

  async #ofProperty(filter: Filter, property: string, work: Work): Promise<Iterable<string>> {
    const { op } = filter;
    const values = wantedBy(filter);
    if (property === 'child') {
      if (op !== 'in' && op !== '=') throw unsupported(filter, this.url);
      work.spend(values.length);
      return (await this.find(values)).flatMap(({ parents }) => parents);
    }
    if (op !== '=' && op !== 'in' && op !== 'not-in' && op !== 'exists') throw unsupported(filter, this.url);
    return this.#selected({ properties: [{ code: property, op, values }] }, work);
  }

  /** The codes for which a regular expression matches: all concepts have to be looked at. */
  async #matching(filter: Filter, work: Work): Promise<Iterable<string>> {
    const { property } = filter;
    const test = filterTest(filter, work);
    const found = new Set<string>();
    for await (const some of this.#store.all(this.#system)) {
      work.spend(some.length);
      for (const { code, parents, properties = [] } of some) {
        const ofCode = isOnConcept(filter) || property === 'child';
        const own = () => properties.filter(([name]) => name === property).map(([, each]) => each);
        if (!test(ofCode ? [code] : property === 'parent' ? parents : own())) continue;
        // What has such a child is what is right above it.
        for (const each of property === 'child' ? parents : [code]) found.add(each);
      }
      if (found.size > mostCodes) throw tooManySelected(this.url);
    }
    return found;
  }

  async #known(codes: readonly string[], work: Work): Promise<readonly string[]> {
    work.spend(codes.length);
    return (await this.find(codes)).map(({ code }) => code);
  }

  async #selected(filter: ConceptFilter, work: Work): Promise<readonly string[]> {
    const { total } = await this.#store.select(this.#system, filter, { offset: 0, count: 0 });
    work.spend(total);
    if (total > mostCodes) throw tooManySelected(this.url);
    const { concepts } = await this.#store.select(this.#system, filter, { offset: 0, count: total });
    return concepts.map(({ code }) => code);
  }
}

function only(codes: Iterable<string>): Part {
  return { others: false, codes: new Set(codes) };
}

function unsupported({ property, op }: Filter, url: string): OutcomeError {
  return failure(400, 'not-supported', `the filter ${property} ${op} of a value set on ${url} is not supported.`);
}

function tooManySelected(url: string): OutcomeError {
  return failure(400, 'too-costly', `more than ${mostCodes} codes of ${url} are meant: ask for a part of them.`);
}

function detailOf({ designations, ...concept }: LoadedConcept): ConceptDetail {
  if (designations === undefined) return concept;
  return {
    ...concept,
    designations: designations.map(({ value, language, use }) => ({
      value,
      ...(language !== undefined && { language }),
      ...(use !== undefined && { use: { code: use } }),
    })),
  };
}
