/** A store filled with random resources, and what a search of them must find. https://hl7.org/fhir/R4/search.html */
import { makeBody } from '../../src/fhir/body.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { containedType } from '../../src/search/contained.ts';
import type { Criterion, SortKey } from '../../src/search/criteria.ts';
import { containedIn, type Indexed, matches, type Others } from '../../src/search/match.ts';
import { boundary, wordsOf } from '../../src/search/words.ts';
import type { Position, SearchPage, Store, TypeQuery } from '../../src/store/port.ts';
import type { Put } from '../../src/store/write.ts';
import { parametersOf, types } from '../search/arbitraries.ts';
import { commit, day, remove, type Settings } from './subject.ts';

/** What the rules of searches use of a store. */
export type Searchable = Pick<Store, 'search' | 'matches' | 'commit' | 'read' | 'close'>;

export interface SearchSubject {
  open(settings: Settings): Promise<Searchable>;
}

/** How a search is asked for. */
export interface Asked {
  readonly sort?: readonly SortKey[];
  readonly count?: number;
  readonly total?: 'none' | 'bounded' | 'accurate' | 'estimate';
  readonly totalBound?: number;
  readonly position?: Position;
}

export class Library {
  readonly store: Searchable;
  readonly #clock: { now: number };
  /** Current resources by `Type/id`, with the instants that the store gave them. */
  readonly #resources: Map<string, Indexed>;

  private constructor(store: Searchable, clock: { now: number }) {
    this.store = store;
    this.#clock = clock;
    this.#resources = new Map();
  }

  static async open(under: SearchSubject, cursorLifetime = day): Promise<Library> {
    const clock = { now: 0 };
    const parameters = types.flatMap((type) => parametersOf(type));
    return new Library(await under.open({ clock: () => clock.now, cursorLifetime, parameters }), clock);
  }

  /** Lets time pass, in milliseconds. */
  pass(milliseconds: number): void {
    this.#clock.now += milliseconds;
  }

  get resources(): readonly Indexed[] {
    return [...this.#resources.values()];
  }

  get others(): Others {
    return {
      get: (type, id) => this.#resources.get(`${type}/${id}`),
      of: (type) => this.resources.filter((each) => each.type === type),
    };
  }

  /** Writes resources, at their instants where these haven't passed yet. */
  async put(resources: readonly Indexed[]): Promise<void> {
    const rising = [...resources].sort((a, b) => a.lastUpdated - b.lastUpdated);
    for (const resource of rising) {
      this.#clock.now = Math.max(this.#clock.now, resource.lastUpdated);
      const json = jsonOf(resource);
      const { written } = await commit(this.store, [putOf(resource, json)]);
      const lastUpdated = written[0]?.lastUpdated ?? 0;
      this.#resources.set(`${resource.type}/${resource.id}`, { ...resource, lastUpdated, words: wordsOf(json) });
    }
  }

  async remove(resources: readonly Pick<Indexed, 'type' | 'id'>[]): Promise<void> {
    for (const { type, id } of resources) {
      await commit(this.store, [remove(type, id)]);
      this.#resources.delete(`${type}/${id}`);
    }
  }

  /** Logical ids that the criterion must find, sorted. */
  expected(type: string, criterion: Criterion): readonly string[] {
    return this.resources
      .filter((resource) => resource.type === type && this.holds(criterion, resource))
      .map(({ id }) => id)
      .sort();
  }

  /** `Type/id#contained` of the contained resources of a type that the criterion must find, sorted. */
  expectedInside(type: string, criterion: Criterion): readonly string[] {
    return this.resources
      .flatMap((container) => containedIn(container).map((inside) => ({ container, inside })))
      .filter(({ inside }) => inside.type === containedType(type) && this.holds(criterion, inside))
      .map(({ container, inside }) => `${container.type}/${container.id}#${inside.id}`)
      .sort();
  }

  /** Whether the criterion holds for a resource among those of now. */
  holds(criterion: Criterion, resource: Indexed): boolean {
    return matches(criterion, resource, this.others);
  }

  /** Logical ids that one large page finds, sorted, and the total. */
  async search(type: string, criterion: Criterion): Promise<{ ids: readonly string[]; total: number | undefined }> {
    const page = await this.page([{ type, criterion, sort: [] }], { count: 100, total: 'accurate' });
    return { ids: page.matches.map(({ id }) => id).sort(), total: page.total };
  }

  page(parts: readonly TypeQuery[], asked: Asked = {}): Promise<SearchPage> {
    const { count = 3, total = 'none', totalBound = 10_000, position } = asked;
    const query = { parts, count, total, totalBound, budget: 60_000 };
    return this.store.search(position === undefined ? query : { ...query, position });
  }
}

/** Far from the numbers that are looked for as words. */
let contents = 10_000;

/** JSON of a resource whose content is new each time. */
function jsonOf({ type, id, words }: Indexed): JsonObject {
  const { narrative = [], content = [] } = words ?? {};
  return {
    resourceType: type,
    id,
    language: `x-${++contents}`,
    ...(narrative.length > 0 && { text: { div: `<div>${narrative.join('<br/>')}</div>` } }),
    extension:
      content.length === 0
        ? []
        : content
            .join(' ')
            .split(boundary)
            .map((text) => ({ valueString: text })),
  };
}

function putOf({ type, id, entries, contained }: Indexed, json: JsonObject): Put {
  const body = makeBody(Buffer.from(JSON.stringify(json)), id);
  return { kind: 'put', method: 'PUT', type, id, body, entries, ...(contained === undefined ? {} : { contained }) };
}
