/** The definitions of search parameters that the server has beside R4's. https://hl7.org/fhir/R4/searchparameter.html */
import { bodyBytes } from '../fhir/body.ts';
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import { parseJson } from '../fhir/json.ts';
import { type Issue, OutcomeError } from '../fhir/outcome.ts';
import { isObject } from '../fhir/resource.ts';
import { describedDefinition, readDefinition, withDigest } from '../search/definition.ts';
import { type Fault, faultsOf } from '../search/definition-faults.ts';
import { makePace } from '../store/pace.ts';
import type { Write } from '../store/write.ts';

export interface StoredDefinitionsOptions {
  readonly definitions: Definitions;
  /** Definitions that the server was started with, beside R4's. */
  readonly profiles: readonly SearchParameterDefinition[];
  /** Changes whenever extraction gives other entries for the same definition, which isn't one of R4's. */
  readonly extractionVersion: (definition: SearchParameterDefinition) => number;
  /** Hears of definitions that were stored but can't be used, and of failures to index; never of contents. */
  readonly report: (text: string, error?: unknown) => void;
}

/** Active definitions by the id of their resource. */
type ById = ReadonlyMap<string, SearchParameterDefinition>;

export class StoredDefinitions {
  readonly #options: StoredDefinitionsOptions;
  #profiles: readonly SearchParameterDefinition[];
  /** The same as text, to find again what a stored resource says too. */
  #profiled: ReadonlySet<string> = new Set();
  #stored: ById = new Map();
  /** What `own` found for the stored ones. */
  #known: { readonly of: ById; readonly own: readonly SearchParameterDefinition[] } | undefined;

  constructor(options: StoredDefinitionsOptions) {
    this.#options = options;
    this.#profiles = [];
    this.redefine(options.profiles);
  }

  /** Takes other definitions of files. */
  redefine(profiles: readonly SearchParameterDefinition[]): void {
    this.#profiles = profiles;
    this.#profiled = new Set(profiles.map((each) => JSON.stringify(each)));
    this.#known = undefined;
  }

  /** Takes the SearchParameter resources of a store. */
  load(resources: readonly { readonly id: string; readonly body: Uint8Array }[]): void {
    const stored = new Map<string, SearchParameterDefinition>();
    for (const { id, body } of resources) {
      const definition = this.#activeIn(body);
      if (definition !== undefined) stored.set(id, definition);
    }
    this.#stored = stored;
  }

  /** The definitions in use, with digests. */
  own(): readonly SearchParameterDefinition[] {
    if (this.#known?.of !== this.#stored) this.#known = { of: this.#stored, own: this.#usable() };
    return this.#known.own;
  }

  /**
   * The stored definitions as they are after the writes, for `adopt`; undefined: as before.
   * Throws 422 for one that can't be used, and for the loss of a component. `expressionOf`: the place of a write. Each
   * definition takes milliseconds, between which others go on.
   */
  async after(
    writes: readonly Write[],
    expressionOf: ((write: number) => string) | undefined,
  ): Promise<ById | undefined> {
    const pace = makePace();
    const next = new Map(this.#stored);
    const fresh = new Map<string, number>();
    for (const [index, write] of writes.entries()) {
      if (write.type !== 'SearchParameter') continue;
      const definition = write.kind === 'put' ? this.#activeIn(bodyBytes(write.body, 1, 0)) : undefined;
      if (definition === undefined) next.delete(write.id);
      else next.set(write.id, definition);
      if (definition !== undefined) fresh.set(write.id, index);
      await pace();
    }
    if (fresh.size === 0 && next.size === this.#stored.size) return undefined;
    const issues: Issue[] = [];
    const [before, afterwards] = [this.#beside(this.#stored), this.#beside(next)];
    for (const [id, index] of fresh) {
      const resource = expressionOf === undefined ? 'SearchParameter' : `${expressionOf(index)}.resource`;
      for (const { code, text, element } of this.#faults(id, next, afterwards)) {
        issues.push({ severity: 'error', code, diagnostics: text, expression: [`${resource}.${element}`] });
      }
      await pace();
    }
    for (const [id, definition] of next) {
      if (fresh.has(id) || definition.type !== 'composite' || this.#faults(id, next, afterwards).length === 0) continue;
      if (this.#faults(id, this.#stored, before).length > 0) continue;
      const diagnostics = `SearchParameter/${id} is a composite that needs what would change. Change that first.`;
      issues.push({ severity: 'error', code: 'business-rule', diagnostics });
      await pace();
    }
    if (issues.length > 0) throw new OutcomeError(422, issues);
    return next;
  }

  adopt(next: ById): void {
    this.#stored = next;
  }

  /** The definition of an active SearchParameter that R4 doesn't have itself. */
  #activeIn(body: Uint8Array): SearchParameterDefinition | undefined {
    const { value } = parseJson(body);
    if (!isObject(value)) return undefined;
    const written = readDefinition(value);
    if (written.status !== 'active') return undefined;
    return describedDefinition(written, this.#options.definitions) === undefined ? written.definition : undefined;
  }

  /** Whether a file says the same. */
  #isProfiled(definition: SearchParameterDefinition): boolean {
    return this.#profiled.size > 0 && this.#profiled.has(JSON.stringify(definition));
  }

  /** All definitions, of which none comes twice. */
  #beside(stored: ById): readonly SearchParameterDefinition[] {
    return [...this.#profiles, ...[...stored.values()].filter((each) => !this.#isProfiled(each))];
  }

  /** `all`: what `#beside` gives. */
  #faults(id: string, among: ById, all: readonly SearchParameterDefinition[]): readonly Fault[] {
    const definition = among.get(id);
    if (definition === undefined || this.#isProfiled(definition)) return [];
    const others = all.filter((each) => each !== definition);
    return faultsOf(definition, this.#options.definitions, others);
  }

  #usable(): readonly SearchParameterDefinition[] {
    const { definitions, extractionVersion, report } = this.#options;
    const own = [...this.#profiles];
    const isComposite = ([, { type }]: readonly [string, SearchParameterDefinition]) => Number(type === 'composite');
    // Components come before what is composed of them.
    for (const [id, definition] of [...this.#stored].sort((a, b) => isComposite(a) - isComposite(b))) {
      if (this.#isProfiled(definition)) continue;
      const [fault] = faultsOf(definition, definitions, own);
      if (fault === undefined) own.push(definition);
      // It was stored by an earlier release, or before a profile took its place.
      else report(`SearchParameter/${id} is not used: ${fault.text}`);
    }
    const all = [...definitions.searchParameters, ...own];
    return own.map((definition) => withDigest(definition, all, extractionVersion(definition)));
  }
}
