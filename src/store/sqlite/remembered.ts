/**
 * Remembers what the same search would find out again until resources of its types change: its criteria compiled, and its
 * total. https://hl7.org/fhir/R4/search.html#total
 */
import type { Criterion } from '../../search/criteria.ts';
import type { TypeQuery } from '../port.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Part } from './part.ts';

/** How many searches are remembered at least, and how long their criteria may be. */
const remembered = 250;
const longest = 4096;

export interface Known {
  /** What reads the current state; only a walk's first page, since a later one tells a part what led it. */
  readonly parts: readonly Part[];
  /** Totals by where counting them was to stop. */
  readonly totals: Map<number, number>;
}

interface Entry extends Known {
  /** The last change of the store that is known not to concern this, and the last one of its type. */
  change: number;
  readonly typeChange: number;
}

export class Remembered {
  readonly #entries = new BoundedCache<Entry>(remembered);
  readonly #typeChange: (type: string) => number;
  #change = -1;
  readonly #typeChanges = new Map<string, number>();

  /** @param typeChange gives the number of the last change of a type's resources, erasures of any type included. */
  constructor(typeChange: (type: string) => number) {
    this.#typeChange = typeChange;
  }

  /** What is known of a search at the store's last change; `compile` makes its parts where nothing is. */
  get(queries: readonly TypeQuery[], change: number, compile: () => readonly Part[]): Known {
    const key = JSON.stringify(queries);
    const known = this.#entries.get(key);
    if (known !== undefined && this.#holds(known, queries, change)) return known;
    const made = { parts: compile(), totals: new Map(), change, typeChange: this.#last(queries, change) };
    if (key.length <= longest) this.#entries.set(key, made);
    return made;
  }

  #holds(entry: Entry, queries: readonly TypeQuery[], change: number): boolean {
    if (entry.change === change) return true;
    if (entry.typeChange !== this.#last(queries, change)) return false;
    entry.change = change;
    return true;
  }

  /** The last change that may concern a search. */
  #last(queries: readonly TypeQuery[], change: number): number {
    const [query] = queries;
    if (query === undefined || queries.length > 1 || looksElsewhere(query.criterion)) return change;
    if (change !== this.#change) this.#typeChanges.clear();
    this.#change = change;
    const known = this.#typeChanges.get(query.type);
    if (known !== undefined) return known;
    const last = this.#typeChange(query.type);
    this.#typeChanges.set(query.type, last);
    return last;
  }
}

/** Whether what a criterion finds depends on resources of other types. */
function looksElsewhere(criterion: Criterion): boolean {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.some(looksElsewhere);
    case 'not':
      return looksElsewhere(criterion.of);
    case 'referenced':
      return true;
    case 'value':
    case 'missing':
    case 'id':
    case 'lastUpdated':
      return false;
  }
}
