/** What a check of an index leaves alone: parameters that come or go, or have an earlier release's entries. https://hl7.org/fhir/R4/searchparameter.html */
import type { IndexEntry } from '../../search/entry.ts';
import type { Entries } from '../write.ts';
import type { ParameterRow } from './parameters.ts';
import { containsOthers, type patternOf } from './rows.ts';

type Pattern = ReturnType<typeof patternOf>;

/**
 * Parameters that are being filled or removed, or that an earlier release filled: resources may have rows of them or not, or others
 * than this one makes.
 */
export class Unsettled {
  readonly #none: boolean;
  readonly #numbers: ReadonlySet<number>;
  readonly #coming: ReadonlySet<string>;

  /** `isEarlier` tells those of an earlier release. */
  constructor(rows: readonly ParameterRow[], isEarlier: (parameter: ParameterRow) => boolean = () => false) {
    const settled = new Set(rows.filter((row) => row.status === 'current' && !isEarlier(row)));
    const unsettled = rows.filter((row) => row.status !== 'gone' && !settled.has(row));
    const current = new Set([...settled].map(({ type, code }) => `${type} ${code}`));
    this.#none = unsettled.length === 0;
    this.#numbers = new Set(unsettled.map(({ number }) => number));
    this.#coming = new Set(unsettled.map(({ type, code }) => `${type} ${code}`).filter((key) => !current.has(key)));
  }

  /** Without those that are of one; rows as text, the parameter's number first. */
  settled(rows: readonly string[]): readonly string[] {
    if (this.#none) return rows;
    return rows.filter((row) => !this.#has(Number(row.slice(0, row.indexOf('\u0000')))));
  }

  /** Whether a pattern, as far as it is settled, is the wanted one. */
  isPattern(wanted: Pattern, params: string | null, tables: number | null): boolean {
    if (params === null || tables === null) return false;
    if (this.#none) return params === wanted.params && tables === wanted.tables;
    const numbers: readonly number[] = JSON.parse(params);
    const settled = JSON.stringify(numbers.filter((number) => !this.#has(number)));
    return settled === wanted.params && (tables & containsOthers) === (wanted.tables & containsOthers);
  }

  /** What a resource is indexed by without them. */
  without(type: string, { entries, contained }: Entries): Entries {
    if (this.#none) return contained === undefined ? { entries } : { entries, contained };
    return {
      entries: this.#settledOf(type, entries),
      ...(contained !== undefined && {
        contained: contained.map((each) => ({ ...each, entries: this.#settledOf(each.type, each.entries) })),
      }),
    };
  }

  /** Rows of contained resources have the negative number. */
  #has(number: number): boolean {
    return this.#numbers.has(Math.abs(number));
  }

  #settledOf(type: string, entries: readonly IndexEntry[]): readonly IndexEntry[] {
    return entries.filter(({ parameter }) => !this.#coming.has(`${type} ${parameter}`));
  }
}
