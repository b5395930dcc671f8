/** One resource's check against profiles: where it is, what it found, and what it has to wait for. https://hl7.org/fhir/R4/validation.html */
import { type Budget, type Hooks, Scope } from '../../fhir/fhirpath/scope.ts';
import { type Issue, type IssueSeverity, type IssueType, ruleDetails } from '../../fhir/outcome.ts';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/resource.ts';
import type { Pieces } from '../../fhir/steps.ts';
import { checkNarrative } from '../narrative.ts';
import type { CodeSet, Known } from '../validator.ts';
import { hasCode } from './bindings.ts';
import { type Target, Targets } from './targets.ts';

/** Checks one value of an element at the run's place. */
export type Check = (value: JsonValue | undefined, beside: JsonObject | undefined, run: Run) => void;

/** Errors beyond this many tell nobody more, nor do warnings beyond as many. */
const mostIssues = 50;

/** Answers that the store had to be asked for, by value set and `system|code`; kept while one resource is checked again and again. */
export type Answers = Map<CodeSet, Map<string, Known>>;

/** A resource that is being checked, with what its references lead to. */
interface Frame {
  readonly resource: JsonObject;
  readonly targets: Targets;
  /** What expressions see. */
  scope: Scope | undefined;
}

export interface RunOptions {
  readonly path: string;
  readonly answers: Answers;
  readonly budget: Budget;
  /** Those in which the resource is gone through. */
  readonly pieces: Pieces;
  /** What a profile's canonical is compiled to; what has to be waited for is noted in the run. */
  readonly check: (canonical: string, run: Run) => Check | undefined;
  readonly codes: (valueSet: string, run: Run) => CodeSet | undefined;
}

/** Moves through a resource. Paths are only written where there is an issue. */
export class Run {
  readonly budget: Budget;
  readonly #answers: Answers;
  readonly #pieces: Pieces;
  readonly #find: RunOptions['check'];
  readonly #hooks: Hooks;
  #names: string[] = [];
  #indexes: number[] = [];
  #depth = 0;
  readonly #issues: Issue[] = [];
  readonly #told = new Set<string>();
  #errors = 0;
  #toldErrors = 0;
  /** Whether issues are only counted. */
  #silent = 0;
  #frames: Frame[] = [];
  /** What has to be waited for before the resource can be checked to the end. */
  readonly waits: (() => Promise<void>)[] = [];
  readonly #asked = new Map<CodeSet, Set<string>>();
  /** By profile: values that were or are being checked, and whether they conform. */
  readonly #conforming = new Map<string, Map<JsonObject, boolean>>();
  readonly #checked = new Map<string, Set<JsonObject>>();

  constructor({ path, answers, budget, pieces, check, codes }: RunOptions) {
    this.budget = budget;
    this.#pieces = pieces;
    this.#answers = answers;
    this.#find = check;
    this.#hooks = {
      htmlChecks: (div) => checkNarrative(div, budget) === undefined,
      memberOf: (value, _type, valueSet) => {
        const set = codes(valueSet, this);
        return set === undefined ? undefined : hasCode(set, value, this);
      },
      conformsTo: (value, _type, profile) => (isObject(value) ? this.conforms(profile, value) : undefined),
      resolve: (reference) => this.resolve(reference)?.resource,
    };
    this.enter(path, -1);
  }

  /** Counts steps. Throws OverBudget past the deadline. */
  spend(steps: number): void {
    this.budget.spend(steps);
  }

  enter(name: string, index: number): void {
    this.#names[this.#depth] = name;
    this.#indexes[this.#depth] = index;
    this.#depth += 1;
  }

  leave(): void {
    this.#depth -= 1;
  }

  /**
   * Looks at items, from one on: as many as the piece has room for, and the others later. While issues are only counted, all of them: the
   * answer is waited for.
   */
  each<T>(items: readonly T[], look: (item: T) => void, from = 0): void {
    for (let index = from; index < items.length; index += 1) {
      if (this.#silent === 0 && this.#pieces.isFull()) {
        this.#pieces.putOff(this.atPlace(() => this.each(items, look, index)));
        return;
      }
      const item = items[index];
      if (item !== undefined) look(item);
    }
  }

  /** The same work at the place of now, and within the same resources, to be done later. */
  atPlace(rest: () => void): () => void {
    const [names, indexes] = [this.#names.slice(0, this.#depth), this.#indexes.slice(0, this.#depth)];
    const frames = [...this.#frames];
    return () => {
      [this.#names, this.#indexes, this.#depth, this.#frames] = [names, indexes, names.length, frames];
      rest();
    };
  }

  /** The JSON property that was entered last. */
  get property(): string {
    return this.#names[this.#depth - 1] ?? '';
  }

  /** `Patient.name[0]`, and a member of it. */
  path(member?: string): string {
    let path = '';
    for (let depth = 0; depth < this.#depth; depth += 1) {
      const index = this.#indexes[depth] ?? -1;
      path += `${depth === 0 ? '' : '.'}${this.#names[depth]}${index < 0 ? '' : `[${index}]`}`;
    }
    return member === undefined ? path : `${path}.${member}`;
  }

  get issues(): readonly Issue[] {
    return this.#issues;
  }

  /** What expressions see of the resource that is being checked. */
  get scope(): Scope {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw new Error('outside of any resource');
    const { resource, targets } = frame;
    frame.scope ??= new Scope(resource, this.budget, { rootResource: targets.container, hooks: this.#hooks });
    return frame.scope;
  }

  /** Checks a resource within its own references' targets. */
  within(resource: JsonObject, check: () => void): void {
    const outer = this.#frames.at(-1);
    const targets = outer === undefined ? new Targets(resource) : outer.targets.of(resource);
    this.#inFrame({ resource, targets, scope: undefined }, check);
  }

  #inFrame(frame: Frame, check: () => void): void {
    this.#frames.push(frame);
    try {
      check();
    } finally {
      this.#frames.pop();
    }
  }

  /** What a reference of the resource leads to; undefined: it isn't here. */
  resolve(reference: string): Target | undefined {
    return this.#frames.at(-1)?.targets.find(reference);
  }

  /** Notes an issue at the place or a member of it; `text` goes on after the path. The same issue is told once. */
  tell(severity: IssueSeverity, code: IssueType, key: string, text: string, member?: string): void {
    if (severity === 'error') this.#errors += 1;
    const before = severity === 'error' ? this.#toldErrors : this.#issues.length - this.#toldErrors;
    if (this.#silent > 0 || before >= mostIssues) return;
    const path = this.path(member);
    const told = `${key} ${path} ${text}`;
    if (this.#told.has(told)) return;
    this.#told.add(told);
    if (severity === 'error') this.#toldErrors += 1;
    const diagnostics = `${path} ${text}`;
    this.#issues.push({ severity, code, diagnostics, expression: [path], details: ruleDetails(key) });
  }

  fault(code: IssueType, key: string, text: string, member?: string): void {
    this.tell('error', code, key, text, member);
  }

  /** Whether a check tells no error; its issues are forgotten. */
  attempt(check: () => void): boolean {
    const before = this.#errors;
    this.#silent += 1;
    try {
      check();
      return this.#errors === before;
    } finally {
      this.#silent -= 1;
      this.#errors = before;
    }
  }

  /** Checks a value at the place against a profile, once. */
  profile(canonical: string, value: JsonValue | undefined, beside?: JsonObject): void {
    const object = isObject(value) ? value : beside;
    if (object === undefined) return;
    // While issues are only counted, what was told before still has to count.
    if (this.#silent > 0) {
      if (!this.conforms(canonical, object)) this.#errors += 1;
      return;
    }
    const checked = inMap(this.#checked, canonical, () => new Set<JsonObject>());
    if (checked.has(object)) return;
    checked.add(object);
    this.#find(canonical, this)?.(value, beside, this);
  }

  /** Whether a value conforms to a profile; a value that is being checked is taken to conform. */
  conforms(canonical: string, value: JsonObject): boolean {
    const known = inMap(this.#conforming, canonical, () => new Map<JsonObject, boolean>());
    const before = known.get(value);
    if (before !== undefined) return before;
    known.set(value, true);
    const result = this.attempt(() => this.#find(canonical, this)?.(value, undefined, this));
    known.set(value, result);
    return result;
  }

  /** The same for what a reference leads to. */
  targetConforms(canonical: string, { resource, targets }: Target): boolean {
    let conforms = true;
    this.#inFrame({ resource, targets, scope: undefined }, () => {
      conforms = this.conforms(canonical, resource);
    });
    return conforms;
  }

  /** Whether a code is in a set; undefined also where the store has to be asked first. */
  has(set: CodeSet, system: string | undefined, code: string, version?: string): Known {
    const answers = inMap(this.#answers, set, () => new Map<string, Known>());
    const key = version === undefined ? `${system ?? ''}|${code}` : JSON.stringify([system, code, version]);
    if (answers.has(key)) return answers.get(key);
    const asked = inMap(this.#asked, set, () => new Set<string>());
    if (asked.has(key)) return undefined;
    // A set that had to be asked for one code is asked for the others when it's their turn.
    const answer = asked.size === 0 ? set.has(system, code, version) : undefined;
    if (asked.size === 0 && !(answer instanceof Promise)) {
      answers.set(key, answer);
      return answer;
    }
    asked.add(key);
    this.waits.push(async () => {
      answers.set(key, await (answer ?? set.has(system, code, version)));
    });
    return undefined;
  }
}

function inMap<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
