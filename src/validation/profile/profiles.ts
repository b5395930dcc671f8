/** Profiles and value sets as they are found, compiled when they are first needed. https://hl7.org/fhir/R4/profiling.html */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { Budget } from '../../fhir/fhirpath/scope.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import type { CodeSet, ValidationSource } from '../validator.ts';
import { type Compiling, compileNode } from './compile.ts';
import { elementOf, type ProfileElement } from './context-element.ts';
import { ContextExpressions } from './extensions.ts';
import { Members } from './items.ts';
import type { Check, Run } from './run.ts';
import { longestCanonical, NotFetched, Structures, typeTree } from './structures.ts';
import { type Node, ProfileFault } from './tree.ts';

/** A profile that can be used. */
export interface Profile {
  readonly definition: JsonObject;
  readonly tree: Node;
  /** The type of what it is for. */
  readonly type: string;
  /** undefined: it says no more than R4. */
  readonly check: Check | undefined;
  /** Of the contexts that an extension's definition names. */
  readonly expressions: ContextExpressions;
  /** Elements that contexts of extensions name, by their ids; see `Profiles.element`. */
  readonly elements: Map<string, ProfileElement | undefined>;
}

/** How many value sets that aren't here are remembered. */
const mostAbsent = 10_000;

/** Keeps what was compiled. Everything but the fetching is synchronous. */
export class Profiles {
  readonly compiling: Compiling;
  readonly #find: ValidationSource['valueSet'];
  readonly #profiles = new Map<string, Profile | ProfileFault>();
  readonly #sets = new Map<string, CodeSet>();
  readonly #absent = new Set<string>();
  /** Of whoever has something compiled now. */
  #budget = new Budget(Number.POSITIVE_INFINITY);

  constructor(definitions: Definitions, source: ValidationSource) {
    this.#find = source.valueSet;
    const spend = (steps: number) => this.#budget.spend(steps);
    this.compiling = {
      structures: new Structures(source.structureDefinition, spend),
      spend,
      members: new Members(definitions),
      codes: (valueSet, run) => this.#codes(valueSet, run),
    };
  }

  /**
   * A profile by canonical; undefined: there is none. Throws NotFetched; ProfileFault for one that can't be used; OverBudget where compiling
   * it takes longer than there is time.
   */
  find(canonical: string, budget: Budget): Profile | undefined {
    const known = this.#profiles.get(canonical);
    if (known instanceof ProfileFault) throw known;
    if (known !== undefined) return known;
    const definition = this.compiling.structures.definition(canonical);
    if (definition === undefined) return undefined;
    try {
      budget.look();
      const { structures } = this.compiling;
      const profile = this.compiled(definition, () => structures.tree(canonical), budget);
      this.#profiles.set(canonical, profile);
      return profile;
    } catch (error) {
      if (error instanceof ProfileFault) this.#profiles.set(canonical, error);
      throw error;
    }
  }

  /** Compiles a definition, which may not be stored, with the tree that is made for it. Throws as `find` does. */
  compiled(definition: JsonObject, makeTree: () => Node, budget: Budget): Profile {
    const { compiling } = this;
    try {
      return this.#within(budget, () => {
        const tree = makeTree();
        const type = tree.name;
        const check = compileNode(tree, typeTree(type), type, compiling);
        const expressions = new ContextExpressions(compiling.members.definitions);
        return { definition, tree, type, check, expressions, elements: new Map() };
      });
    } catch (error) {
      if (!(error instanceof NotFetched)) throw error;
      // What else it needs is fetched together with that.
      throw new NotFetched(error.canonical, async () => {
        await error.fetch();
        await compiling.structures.fetchMentioned(definition, budget);
      });
    }
  }

  /** The element of that id in a profile; undefined: it has none such. Throws as `find` does. */
  element({ tree, elements }: Profile, id: string, budget: Budget): ProfileElement | undefined {
    if (!elements.has(id))
      elements.set(
        id,
        this.#within(budget, () => elementOf(id, tree, this.compiling)),
      );
    return elements.get(id);
  }

  #within<T>(budget: Budget, make: () => T): T {
    const outer = this.#budget;
    this.#budget = budget;
    try {
      return make();
    } finally {
      this.#budget = outer;
    }
  }

  /** What a profile's canonical is compiled to, for a run: what it has to wait for or can't use is noted there. */
  check(canonical: string, run: Run): Check | undefined {
    try {
      const found = this.find(canonical, run.budget);
      if (found === undefined)
        run.tell('warning', 'not-found', 'profile', `couldn't be checked against ${canonical}: it isn't here`);
      return found?.check;
    } catch (error) {
      if (error instanceof NotFetched) run.waits.push(error.fetch);
      else if (error instanceof ProfileFault)
        run.tell('warning', 'processing', 'profile', `couldn't be checked against ${canonical}: ${error.message}`);
      else throw error;
      return undefined;
    }
  }

  #codes(valueSet: string, run: Run): CodeSet | undefined {
    const known = this.#sets.get(valueSet);
    if (known === undefined && !this.#absent.has(valueSet) && valueSet.length <= longestCanonical)
      run.waits.push(() => this.#fetch(valueSet));
    return known;
  }

  async #fetch(valueSet: string): Promise<void> {
    if (this.#sets.has(valueSet) || this.#absent.has(valueSet)) return;
    const found = await this.#find(valueSet);
    if (found !== undefined) this.#sets.set(valueSet, found);
    else {
      if (this.#absent.size >= mostAbsent) this.#absent.clear();
      this.#absent.add(valueSet);
    }
  }
}
