/** One searched type of a search: its compiled criteria and how its matches are read. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../search/contained.ts';
import type { Parameter } from '../../search/criteria.ts';
import type { TypeQuery } from '../port.ts';
import { type Condition, ofLive } from './compile/condition.ts';
import type { SharedContainers } from './containers.ts';
import { isAlways, isNever } from './filter.ts';
import { type Gathering, gather, gatherContained } from './gathered.ts';
import { type Hit, notDeleted } from './hits.ts';
import { compareKeys, type OrderColumn } from './keyset.ts';
import { sortColumn } from './sort-key.ts';
import { readSorted, type Span } from './sorted.ts';
import type { Found, State } from './state.ts';

export interface PartOptions {
  readonly state: State;
  readonly place: number;
  readonly condition: Condition;
  /** Whether no other type is searched. */
  readonly alone: boolean;
  /** The types that hold data; asked for where contained resources are searched. */
  types(): Promise<readonly string[]>;
  fieldOf(parameter: Parameter): string | undefined;
  /** Where contained resources of many types are searched. */
  readonly shared?: SharedContainers | undefined;
}

export class Part {
  readonly type: string;
  /** Among the parts of the search, of which those of types without data are left out. */
  readonly place: number;
  readonly condition: Condition;
  /** What its keys are ordered by. */
  readonly columns: readonly OrderColumn[];
  readonly #query: TypeQuery;
  readonly #options: PartOptions;
  /** Whether the order isn't in the documents. */
  readonly #gathers: boolean;
  #gathered: readonly Hit[] | undefined;

  constructor(query: TypeQuery, options: PartOptions) {
    const { type, sort } = query;
    this.type = type;
    this.place = options.place;
    this.condition = options.condition;
    this.#query = query;
    this.#options = options;
    const columns = sort.map((key, place) => sortColumn(key, place === sort.length - 1, options.fieldOf));
    this.#gathers = isContained(type) || columns.includes(undefined);
    this.columns = columns.map((column, place): OrderColumn => {
      return column ?? { path: undefined, descending: sort[place]?.descending === true, nullable: true, of: 'text' };
    });
  }

  /** The first matches beyond the span's beginning, in the walk's order (backwards: the reverse). */
  async read(span: Span): Promise<readonly Hit[]> {
    const { state, place, condition, alone } = this.#options;
    const { type, columns } = this;
    if (!this.#gathers) return readSorted({ state, type, place, condition, columns, bodies: alone }, span);
    const { after, backwards, limit } = span;
    const sign = backwards ? -1 : 1;
    return (await this.#gather())
      .filter(({ key }) => after === undefined || sign * compareKeys(columns, key, after) > 0)
      .sort((a, b) => sign * compareKeys(columns, a.key, b.key))
      .slice(0, limit);
  }

  /** Current matches, counted no further than the bound. */
  async count(bound: number): Promise<number> {
    const { state, condition } = this.#options;
    if (isNever(condition.filter)) return 0;
    if (isContained(this.type)) return Math.min((await this.#gather()).length, bound);
    const { snapshot } = state;
    if (snapshot === undefined && isAlways(condition.filter) && !Number.isFinite(bound))
      return state.countAll(this.type);
    if (!condition.exact) return this.#countTested(bound);
    const current = await state.count(this.type, ofLive(condition), bound);
    if (snapshot === undefined || current >= bound) return current;
    // What was replaced since is little, and is to be counted only where it isn't deleted.
    const asked = { filter: ofLive(condition), projection: { _id: 1 }, limit: bound - current };
    const limited = Number.isFinite(asked.limit) ? asked : { filter: asked.filter, projection: asked.projection };
    const superseded = await state.find(this.type, 'history', limited);
    return current + (await notDeleted(superseded, this.type, state)).length;
  }

  async #countTested(bound: number): Promise<number> {
    const { state, condition } = this.#options;
    let counted = 0;
    const superseded: Found[] = [];
    for await (const document of state.documents(this.type, condition, ['version'])) {
      if (typeof document._id !== 'string') superseded.push(document);
      else if (++counted >= bound) return counted;
    }
    return Math.min(bound, counted + (await notDeleted(superseded, this.type, state)).length);
  }

  async #gather(): Promise<readonly Hit[]> {
    const { type, sort } = this.#query;
    const { state, place, condition, types, fieldOf, shared } = this.#options;
    const gathering: Gathering = { state, type, place, condition, sort, fieldOf, shared };
    this.#gathered ??= isContained(type) ? await gatherContained(gathering, await types()) : await gather(gathering);
    return this.#gathered;
  }
}
