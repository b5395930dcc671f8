/** Where a check is within a resource, and what it found. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression */
import type { Issue, IssueType } from '../fhir/outcome.ts';

/** Issues beyond this many tell nobody more. */
const MAX_ISSUES = 50;

const NO_INDEX = -1;

/** A place that a check moves through a resource, so that a path is only written where there is a fault. */
export class Place {
  readonly #names: string[] = [];
  readonly #indexes: number[] = [];
  readonly #issues: Issue[] = [];
  #depth = 0;

  /** `root`: what paths begin with, e.g. `Patient` or `Bundle.entry[2].resource`. */
  constructor(root: string) {
    this.enter(root);
  }

  enter(name: string): void {
    this.#names[this.#depth] = name;
    this.#indexes[this.#depth] = NO_INDEX;
    this.#depth += 1;
  }

  /** Moves to an item of the list that was entered last. */
  item(index: number): void {
    this.#indexes[this.#depth - 1] = index;
  }

  leave(): void {
    this.#depth -= 1;
  }

  /** FHIRPath of the place, or of a member of it: `Patient.name[0].given[1]`. */
  path(member?: string): string {
    let path = '';
    for (let depth = 0; depth < this.#depth; depth += 1) {
      const index = this.#indexes[depth] ?? NO_INDEX;
      path += `${depth === 0 ? '' : '.'}${this.#names[depth]}${index === NO_INDEX ? '' : `[${index}]`}`;
    }
    return member === undefined ? path : `${path}.${member}`;
  }

  get issues(): readonly Issue[] {
    return this.#issues;
  }

  /** Whether another issue would be dropped. */
  get full(): boolean {
    return this.#issues.length >= MAX_ISSUES;
  }

  /** Notes an issue of an element; `diagnostics` goes on after its path. */
  fault(code: IssueType, path: string, diagnostics: string): void {
    if (!this.full)
      this.#issues.push({ severity: 'error', code, diagnostics: `${path} ${diagnostics}`, expression: [path] });
  }
}
