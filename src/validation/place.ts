/** Where a check is within a resource, and what it found. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression */
import { type Issue, type IssueSeverity, type IssueType, ruleDetails } from '../fhir/outcome.ts';
import { Pieces } from '../fhir/steps.ts';

/** Errors beyond this many tell nobody more, and no more do other issues. */
const MAX_ISSUES = 50;

const NO_INDEX = -1;

/** A place that a check moves through a resource, so that a path is only written where there is a fault. */
export class Place {
  /** The pieces in which the resource is gone through. */
  readonly pieces = new Pieces();
  #names: string[] = [];
  #indexes: number[] = [];
  readonly #issues: Issue[] = [];
  #depth = 0;
  #errors = 0;
  #others = 0;
  #more = false;

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

  /** Puts off what is left of the list that was entered last: `rest` is done at the same place. */
  putOff(rest: () => void): void {
    this.pieces.putOff(this.#here(rest));
  }

  /** Has `rest` done at the same place when all of the resource was gone through. */
  atEnd(rest: () => void): void {
    this.pieces.atEnd(this.#here(rest));
  }

  #here(rest: () => void): () => void {
    const names = this.#names.slice(0, this.#depth);
    const indexes = this.#indexes.slice(0, this.#depth);
    return () => {
      [this.#names, this.#indexes, this.#depth] = [names, indexes, names.length];
      rest();
    };
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

  /** Whether another error would be dropped. */
  get full(): boolean {
    return this.#errors >= MAX_ISSUES;
  }

  /** Whether an error was dropped. */
  get more(): boolean {
    return this.#more;
  }

  /** Notes an error of an element; `diagnostics` goes on after its path. */
  fault(code: IssueType, path: string, diagnostics: string): void {
    this.note('error', code, path, diagnostics);
  }

  /** Notes an issue of an element; `rule` is the key of what it breaks, e.g. `obs-6`. */
  note(severity: IssueSeverity, code: IssueType, path: string, diagnostics: string, rule?: string): void {
    if (severity !== 'error') {
      if (this.#others >= MAX_ISSUES) return;
      this.#others += 1;
    } else {
      this.#more = this.full;
      if (this.#more) return;
      this.#errors += 1;
    }
    const issue: Issue = { severity, code, diagnostics: `${path} ${diagnostics}`, expression: [path] };
    this.#issues.push(rule === undefined ? issue : { ...issue, details: ruleDetails(rule) });
  }
}
