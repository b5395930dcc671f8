/**
 * Remembers what the same search would find out again until resources of its types change: its criteria compiled, its first
 * matches, and its total. https://hl7.org/fhir/R4/search.html#total
 */
import { comparedValues } from '../../search/compared.ts';
import { isContained } from '../../search/contained.ts';
import type { Criterion, SortKey } from '../../search/criteria.ts';
import type { TypeQuery } from '../port.ts';
import { BoundedCache } from './bounded-cache.ts';
import { keyOf } from './known-search.ts';

/** Texts longer than this are not remembered: they would take too much memory. */
const longest = 4096;
/** Values beyond which a search isn't written down: that would take longer than finding it. */
const mostValues = 64;

/** Knows which change of the store was the last that may concern a search. */
export class LastChanges {
  readonly #ofType: (type: string) => number;
  readonly #known = new Map<string, number>();
  #change = -1;

  /** @param ofType gives the number of the last change of a type's resources, erasures of any type included. */
  constructor(ofType: (type: string) => number) {
    this.#ofType = ofType;
  }

  /** The number of that change, where `change` is that of the store's last one. */
  of(queries: readonly TypeQuery[], change: number): number {
    const [query] = queries;
    if (query === undefined || queries.length > 1) return change;
    // What is contained changes with its container, of whatever type.
    if (isContained(query.type) || looksElsewhere(query.criterion) || query.sort.some(sortsElsewhere)) return change;
    if (change !== this.#change) this.#known.clear();
    this.#change = change;
    const known = this.#known.get(query.type);
    if (known !== undefined) return known;
    const last = this.#ofType(query.type);
    this.#known.set(query.type, last);
    return last;
  }
}

interface Entry<V> {
  readonly value: V;
  /** The last change that concerns it, and the last one of the store that is known not to. */
  readonly concerns: number;
  unconcerned: number;
}

/** One thing that is found out about searches. */
export class Remembered<V> {
  readonly #changes: LastChanges;
  /** By what the search is written down as. */
  readonly #entries: BoundedCache<Entry<V>>;
  /** A query that is parsed once comes again as the same object, as long as it is remembered itself. */
  readonly #byObject = new WeakMap<readonly TypeQuery[], Entry<V>>();

  /** @param limit how many are remembered at least. */
  constructor(changes: LastChanges, limit: number) {
    this.#changes = changes;
    this.#entries = new BoundedCache(limit);
  }

  /** What is known of a search at the store's last change, found out where nothing is. */
  get(queries: readonly TypeQuery[], change: number, find: () => V): V {
    const own = this.#byObject.get(queries);
    if (own !== undefined && this.#holds(own, queries, change)) return own.value;
    const key = isLong(queries) ? undefined : keyOf(queries);
    const named = key === undefined ? undefined : this.#entries.get(key);
    const holds = named !== undefined && this.#holds(named, queries, change);
    const entry = holds ? named : this.#found(queries, change, find);
    this.#byObject.set(queries, entry);
    if (!holds && key !== undefined && key.length <= longest) this.#entries.set(key, entry);
    return entry.value;
  }

  #holds(known: Entry<V>, queries: readonly TypeQuery[], change: number): boolean {
    if (known.unconcerned === change) return true;
    if (known.concerns !== this.#changes.of(queries, change)) return false;
    known.unconcerned = change;
    return true;
  }

  #found(queries: readonly TypeQuery[], change: number, find: () => V): Entry<V> {
    return { value: find(), concerns: this.#changes.of(queries, change), unconcerned: change };
  }
}

function isLong(queries: readonly TypeQuery[]): boolean {
  return queries.reduce((sum, { criterion }) => sum + comparedValues(criterion), 0) > mostValues;
}

/** Whether what a criterion finds depends on resources of other types. */
export function looksElsewhere(criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.some(looksElsewhere);
    case 'not':
    case 'contains':
      return looksElsewhere(criterion.of);
    case 'referenced':
    case 'chain':
    case 'has':
    case 'hierarchy':
      return true;
    case 'value':
    case 'differs':
    case 'missing':
    case 'id':
    case 'lastUpdated':
    case 'words':
      return false;
  }
}

/** Whether the order of what is found depends on resources of other types. */
function sortsElsewhere({ by }: SortKey): boolean {
  return typeof by === 'object' && 'through' in by;
}
