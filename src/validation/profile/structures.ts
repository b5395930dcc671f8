/** Structure definitions as trees with all their elements: snapshots made from differentials. https://hl7.org/fhir/R4/profiling.html#snapshot */
import { builtInStructure } from '../../fhir/definitions/structures.ts';
import type { Budget } from '../../fhir/fhirpath/scope.ts';
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import { inTurn } from '../waiting.ts';
import { objectsOf, textOf, typesOf } from './element.ts';
import { merged } from './merge.ts';
import { childNamed, type Node, ProfileFault, treeOf } from './tree.ts';

/** Finds a structure definition by canonical; undefined: there is none. */
export type FindStructure = (canonical: string) => Promise<JsonObject | undefined>;

/** Thrown where a definition is needed that has to be fetched first. Whoever catches it waits for `fetched` and begins again. */
export class NotFetched extends Error {
  readonly canonical: string;
  readonly fetch: () => Promise<void>;

  constructor(canonical: string, fetch: () => Promise<void>) {
    super(`${canonical} has to be fetched first`);
    this.name = 'NotFetched';
    this.canonical = canonical;
    this.fetch = fetch;
  }
}

const r4 = 'http://hl7.org/fhir/StructureDefinition/';

/** The canonical of one of R4's types. */
export const typeUrl = (type: string): string => `${r4}${type}`;

/** R4's types, the same for all. */
const types = new Map<string, Node>();

/** The tree of one of R4's types; undefined for a name that isn't one. */
export function typeTree(type: string): Node | undefined {
  const known = types.get(type);
  if (known !== undefined) return known;
  const definition = builtInStructure(typeUrl(type));
  if (definition === undefined || definition.derivation === 'constraint') return undefined;
  const tree = snapshotTree(definition);
  if (tree !== undefined) types.set(type, tree);
  return tree;
}

/** The definition of a type that a canonical names, in R4's version. */
function definitionOfType(canonical: string): JsonObject | undefined {
  if (!canonical.startsWith(r4)) return undefined;
  const [url = '', version] = canonical.split('|');
  const found = builtInStructure(url);
  const meant = version === undefined || found?.version === version;
  return found === undefined || found.derivation === 'constraint' || !meant ? undefined : found;
}

function snapshotTree({ snapshot, type }: JsonObject, spend?: (steps: number) => void): Node | undefined {
  const elements = isObject(snapshot) ? objectsOf(snapshot.element) : [];
  return elements.length === 0 ? undefined : treeOf(elements, textOf(type) ?? '', spend);
}

/** Unknown canonicals are as many as clients make up. */
const mostAbsent = 10_000;

/** No definition has a longer one; clients may send any, and what isn't here is remembered. */
export const longestCanonical = 2_000;

/** Bases of bases. */
const mostBases = 100;

/** How much is asked for at once. */
const mostMentioned = 1_000;

/** The definitions that were fetched, and their trees. Everything but the fetching is synchronous. */
export class Structures {
  readonly #find: FindStructure;
  /** Counts the steps of making trees; may throw to stop it. */
  readonly spend: (steps: number) => void;
  readonly #definitions = new Map<string, JsonObject>();
  readonly #absent = new Set<string>();
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #trees = new Map<string, Node | ProfileFault>();
  /** Definitions whose trees are being made. */
  readonly #within = new Set<string>();

  constructor(find: FindStructure, spend: (steps: number) => void) {
    this.#find = find;
    this.spend = spend;
  }

  /** The definition of that canonical; undefined: there is none. Throws NotFetched. */
  definition(canonical: string): JsonObject | undefined {
    if (this.#isNew(canonical)) throw new NotFetched(canonical, () => this.#fetch(canonical));
    return this.#definitions.get(canonical);
  }

  /** Whether it has to be fetched. R4's types don't. */
  #isNew(canonical: string): boolean {
    if (this.#definitions.has(canonical) || this.#absent.has(canonical) || canonical.length > longestCanonical)
      return false;
    const type = definitionOfType(canonical);
    if (type === undefined) return true;
    this.#definitions.set(canonical, type);
    return false;
  }

  #fetch(canonical: string): Promise<void> {
    if (this.#definitions.has(canonical) || this.#absent.has(canonical)) return Promise.resolve();
    let fetching = this.#fetching.get(canonical);
    if (fetching === undefined) {
      fetching = this.#find(canonical)
        .then((found) => {
          if (found !== undefined) this.#definitions.set(canonical, found);
          else {
            if (this.#absent.size >= mostAbsent) this.#absent.clear();
            this.#absent.add(canonical);
          }
        })
        .finally(() => this.#fetching.delete(canonical));
      this.#fetching.set(canonical, fetching);
    }
    return fetching;
  }

  /**
   * What a definition mentions and what wasn't fetched yet, all at once: one by one, each would be waited for by itself. Throws OverBudget
   * when the time is over.
   */
  async fetchMentioned(definition: JsonObject, budget: Budget): Promise<void> {
    const all = new Set<string>();
    for (const canonical of mentionedIn(definition)) {
      budget.spend(1);
      if (all.size >= mostMentioned) break;
      if (this.#isNew(canonical)) all.add(canonical);
    }
    await inTurn(
      [...all].map((canonical) => () => this.#fetch(canonical)),
      budget,
    );
  }

  /** The whole tree of a definition. Throws NotFetched; ProfileFault for a definition that isn't there or can't be used. */
  tree(canonical: string): Node {
    const known = this.#trees.get(canonical);
    if (known instanceof ProfileFault) throw known;
    if (known !== undefined) return known;
    const definition = this.definition(canonical);
    if (definition === undefined) throw new ProfileFault(`there is no StructureDefinition ${canonical} here`);
    if (this.#within.has(canonical)) throw new ProfileFault(`${canonical} is based on itself`);
    if (this.#within.size > mostBases) throw new ProfileFault(`${canonical} has more than ${mostBases} bases`);
    this.#within.add(canonical);
    try {
      const tree = this.treeOf(definition);
      this.#trees.set(canonical, tree);
      return tree;
    } catch (error) {
      // One that is based on itself is told by the one that was asked for.
      if (error instanceof ProfileFault && this.#within.size === 1) this.#trees.set(canonical, error);
      throw error;
    } finally {
      this.#within.delete(canonical);
    }
  }

  /** The tree of a definition, from its differential over its base's tree where it has one. Throws as `tree` does. */
  treeOf(definition: JsonObject): Node {
    const { differential, derivation, baseDefinition } = definition;
    const type = textOf(definition.type);
    if (type === undefined) throw new ProfileFault('StructureDefinition.type is missing');
    const said = isObject(differential) ? objectsOf(differential.element) : [];
    const snapshot = snapshotTree(definition, this.spend);
    if (derivation !== 'constraint') {
      if (typeTree(type) === undefined) throw new ProfileFault(`${type} is none of R4's types`);
      return snapshot ?? this.#typeTree(type);
    }
    const base = textOf(baseDefinition);
    if (base === undefined) throw new ProfileFault('StructureDefinition.baseDefinition is missing');
    if (snapshot !== undefined && (said.length === 0 || this.definition(base) === undefined)) return snapshot;
    const tree = this.tree(base);
    if (tree.name !== type) {
      if (typeTree(type) === undefined) throw new ProfileFault(`${type} is none of R4's types`);
      throw new ProfileFault(`its type is ${type}, but its base ${base} is for ${tree.name}`);
    }
    return said.length === 0 ? tree : merged(tree, treeOf(said, type, this.spend), this);
  }

  /** The children of an element: its own, or those of its type. Throws NotFetched. */
  unfold(node: Node): readonly Node[] {
    this.spend(10);
    if (node.children !== undefined) return node.children;
    const { contentReference } = node.element;
    if (typeof contentReference === 'string') return this.unfold(referenced(contentReference));
    const [type, ...others] = typesOf(node.element);
    if (type === undefined) return [];
    if (others.length > 0) return typeTree('Element')?.children ?? [];
    const [profile] = type.profiles;
    if (profile !== undefined) {
      try {
        return this.tree(profile).children ?? [];
      } catch (error) {
        // The profile's own checks tell what is wrong with it.
        if (!(error instanceof ProfileFault)) throw error;
      }
    }
    return typeTree(type.code)?.children ?? [];
  }

  #typeTree(type: string): Node {
    const tree = typeTree(type);
    if (tree === undefined) throw new ProfileFault(`${type} is none of R4's types`);
    return tree;
  }
}

/** Canonicals of the definitions that one is made of, or that its elements have to conform to. */
function* mentionedIn({ baseDefinition, differential, snapshot }: JsonObject): Generator<string> {
  if (typeof baseDefinition === 'string') yield baseDefinition;
  const elements = isObject(differential) ? objectsOf(differential.element) : [];
  for (const element of elements.length > 0 || !isObject(snapshot) ? elements : objectsOf(snapshot.element))
    for (const { profiles, targets } of typesOf(element)) yield* [...profiles, ...targets];
}

/** The element that another takes its children from: `#Questionnaire.item`. */
function referenced(contentReference: string): Node {
  const [type = '', ...names] = contentReference.slice(contentReference.indexOf('#') + 1).split('.');
  let node = typeTree(type);
  for (const name of names) node = node?.children === undefined ? undefined : childNamed(node.children, name);
  if (node === undefined) throw new ProfileFault(`${contentReference}: there is no such element`);
  return node;
}
