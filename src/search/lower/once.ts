/** Parameters that a query may have only once. https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.multipleAnd */
import type { SearchParameter } from '../registry.ts';
import { refuse } from './context.ts';

/** The uses of such parameters in a query on a type that all have to hold, each by the steps that lead to it. */
export class Uses {
  readonly #seen: Set<string>;
  /** The steps that lead to the type that is looked at. */
  readonly way: string;

  constructor(seen = new Set<string>(), way = '') {
    this.#seen = seen;
    this.way = way;
  }

  /** Adds a use. Throws 400 where the parameter's definition allows one, and there is one. */
  add({ code, multipleAnd }: Pick<SearchParameter, 'code' | 'multipleAnd'>): void {
    if (multipleAnd) return;
    const use = this.way + code;
    if (this.#seen.has(use)) throw refuse('not-supported', `${use} can be given only once: its definition says so.`);
    this.#seen.add(use);
  }

  /** The uses behind a step more. */
  behind(step: string): Uses {
    return new Uses(this.#seen, `${this.way}${step}.`);
  }

  /** What each of some alternatives gives, whose uses needn't hold together with those of another one. */
  ofAlternatives<T, R>(alternatives: readonly T[], give: (alternative: T, uses: Uses) => R): readonly R[] {
    const before = [...this.#seen];
    return alternatives.map((each) => {
      const seen = new Set(before);
      const given = give(each, new Uses(seen, this.way));
      for (const use of seen) this.#seen.add(use);
      return given;
    });
  }
}
