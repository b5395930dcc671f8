/**
 * Keeps what can be searched in step with SearchParameter resources: the registry, the extraction, and the store's index,
 * which is filled while everything goes on. https://hl7.org/fhir/R4/searchparameter.html
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions/definitions.ts';
import { parseJson } from '../fhir/json.ts';
import { isResource, type Resource } from '../fhir/resource.ts';
import { companionsOf, isCompanion } from '../search/companion.ts';
import { searchedTypes } from '../search/definition.ts';
import { extractAll } from '../search/extract/contained.ts';
import { type ExtractedParameters, type Extractor, entrySteps } from '../search/extract/extract.ts';
import { analyse, type Values } from '../search/extract/values.ts';
import { createRegistry, type ParameterRegistry, type SearchParameter } from '../search/registry.ts';
import type { ParameterDefinition, ParameterState } from '../store/parameter-index.ts';
import type { Store } from '../store/port.ts';
import { parametersLease, type SharedStore } from '../store/shared.ts';
import type { Entries, Write } from '../store/write.ts';
import { DefinitionVersions, type Source, sourceOf, type VersionsOfDefinitions } from './definition-versions.ts';
import { unready } from './indexing-progress.ts';
import { Loop, yielded } from './loop.ts';
import { ReplacedDefinitions } from './replaced-definitions.ts';
import { StoredDefinitions, type StoredDefinitionsOptions } from './stored-definitions.ts';

export type Extract = Extractor;

export interface SearchParameterOptions extends StoredDefinitionsOptions {
  /** What the index has for R4's definitions, and for the server itself. */
  readonly fixed: readonly ParameterDefinition[];
  readonly versions: VersionsOfDefinitions;
  /** The oldest version of extraction whose entries still answer. */
  readonly oldestReadable: number;
  readonly extractorOf: (registry: ExtractedParameters) => Extract;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds. */
  readonly cursorLifetime: number;
}

/** What a store that is being opened has. */
interface Stored {
  readonly resources: readonly { readonly id: string; readonly body: Uint8Array }[];
  readonly current: readonly ParameterDefinition[];
}

/** Milliseconds after which to look again whether the process that fills the index is done, or has ended. */
const lookAgain = 1000;

/** What expressions give is kept of so many. */
const mostValues = 20_000;

export class SearchParameterKeeper {
  readonly #options: SearchParameterOptions;
  readonly #definitions: StoredDefinitions;
  readonly #versions: DefinitionVersions;
  readonly #replaced: ReplacedDefinitions;
  readonly #filler: Loop;
  #store: Store | undefined;
  #ready: ParameterRegistry;
  #generation = 0;
  #extract: Extract;
  #filling: readonly ParameterState[] = [];
  readonly #values = new Map<string, Pick<Values, 'types'>>();
  /** Resolves when the last commit of definitions is done: one comes after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Milliseconds that filling a resource took lately. */
  #pace = 0;

  constructor(options: SearchParameterOptions) {
    this.#options = options;
    this.#definitions = new StoredDefinitions(options);
    this.#replaced = new ReplacedDefinitions(options.clock, options.cursorLifetime);
    this.#filler = new Loop(
      () => this.#fill(),
      (error) => options.report('Search parameters can not be indexed for now; this is tried again.', error),
    );
    this.#versions = new DefinitionVersions(options.definitions.searchParameters, options.versions);
    this.#ready = createRegistry(options.definitions);
    this.#extract = options.extractorOf(this.#ready);
  }

  /** What can be searched now; `get` throws 503 for what is still being indexed. */
  readonly registry: ParameterRegistry = {
    get: (type, code) => {
      const found = this.#ready.get(type, code);
      if (found === undefined && this.#filling.length > 0) this.#refuseUnready(type, code);
      return found;
    },
    of: (type) => this.#ready.of(type),
  };

  /** The entries that commits bring now. */
  readonly extract: Extract = Object.assign((resource: Resource) => this.#extract(resource), {
    steps: (resource: Resource) => entrySteps(resource, this.#extract),
  });

  /** The same of a stored resource. Throws for what is none. */
  readonly reextract = (body: Uint8Array): Entries => {
    const { indexed } = parseJson(body);
    if (!isResource(indexed)) throw new Error('a stored body is no resource');
    return extractAll(indexed, this.#extract);
  };

  /** Runs a commit that writes SearchParameters, as `SearchParameters` in `interactions/context.ts` says. */
  readonly commit = <T>(
    writes: readonly Write[],
    commit: () => Promise<T>,
    expressionOf?: (write: number) => string,
  ): Promise<T> => {
    const define = async (): Promise<T> => {
      const next = await this.#definitions.after(writes, expressionOf);
      const committed = await commit();
      if (next !== undefined) {
        this.#definitions.adopt(next);
        await this.#declare();
      }
      return committed;
    };
    const { shared } = this.#open();
    if (shared === undefined) return this.#inTurn(define);
    // What other processes have defined counts too; what was planned before they did is planned again.
    return this.#inTurn(() =>
      shared.alone(parametersLease, async () => {
        await this.#renew(shared);
        return define();
      }),
    );
  };

  /** Throws 422 where what the writes define can't be used. */
  readonly check = async (writes: readonly Write[]): Promise<void> => {
    await this.#definitions.after(writes, undefined);
  };

  /**
   * Takes the definitions of files in place of those it was started with; what is new is being indexed when it resolves. Those that the
   * same resource of the store defines go on.
   */
  readonly redefine = (profiles: readonly SearchParameterDefinition[]): Promise<void> => {
    const define = async (): Promise<void> => {
      this.#definitions.redefine(profiles);
      await this.#declare();
    };
    const { shared } = this.#open();
    if (shared === undefined) return this.#inTurn(define);
    return this.#inTurn(() =>
      shared.alone(parametersLease, async () => {
        await this.#renew(shared);
        await define();
      }),
    );
  };

  get generation(): number {
    return this.#generation;
  }

  /** Whether a walk of that query that began then used a definition that has been replaced since. */
  readonly endsWalk = (query: readonly (readonly [string, string])[], since: number): boolean =>
    this.#replaced.endsWalk(query, since);

  /** Throws 503 while references that are stored are being indexed anew: nobody knows yet what refers to what. */
  readonly requireReferences = (): void => {
    // Those of the server's own parameters are indexed besides. Where others still answer, the entry has another name.
    const first = this.#filling.find(
      ({ source, entry, code }) => source === undefined && entry === code && !isCompanion(code),
    );
    if (first !== undefined) throw unready(first.type, first.code, this.#open().parameters.states(), this.#pace);
  };

  /** What a store that is being opened must index. */
  opening({ resources, current }: Stored): readonly ParameterDefinition[] {
    this.#definitions.load(resources);
    const wanted = this.#wanted(current);
    const keys = new Set(wanted.map(({ type, code, definition }) => `${type} ${code} ${definition}`));
    for (const each of current) {
      const { type, code, definition, source } = each;
      const gone = source !== undefined && !keys.has(`${type} ${code} ${definition}`);
      // Searches of this release may already see the entries of an earlier one otherwise.
      if (gone || this.#versions.isOfEarlier(each, this.#options.extractionVersion)) this.#replaced.add(code);
    }
    return wanted;
  }

  /** Follows a store from now on, and goes on with what is to be filled. */
  async attach(store: Store): Promise<void> {
    this.#store = store;
    await this.#replaced.attach(store);
    this.#follow();
    this.#filler.start();
    const { shared } = store;
    shared?.onParameters(() => {
      this.#inTurn(() => this.#renew(shared)).then(
        () => this.#filler.start(),
        (error: unknown) =>
          this.#options.report('What other processes did to search parameters can not be read for now.', error),
      );
    });
  }

  /** Resolves when everything is indexed. */
  async settled(): Promise<void> {
    await this.#turn;
    await this.#filler.settled();
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#filler.close();
  }

  #wanted(current: readonly ParameterDefinition[]): readonly ParameterDefinition[] {
    const { definitions, fixed, extractionVersion, oldestReadable } = this.#options;
    const own = this.#definitions.own().flatMap((definition) => {
      const version = extractionVersion(definition);
      const source = JSON.stringify({ version, definition } satisfies Source);
      const { url, code, type: kind, expression = '', digest = '' } = definition;
      return searchedTypes(definition.base, definitions).flatMap((type) => {
        // Others have no companions, whatever they lead to.
        const values = kind === 'token' ? this.#valuesOf(expression, type) : { types: [] };
        const companions = companionsOf({ url, code, kind, expression, definition: digest, values });
        const codes = [code, ...companions.map((companion) => companion.code)];
        return codes.map((each) => ({ type, code: each, definition: digest, source }));
      });
    });
    const wanted = new Map([...fixed, ...own].map((each) => [`${each.type} ${each.code}`, each.definition]));
    // What is to be replaced goes on answering, as long as its entries can still be made.
    const currentKeys = new Set(current.map(({ type, code, definition }) => keyOf(type, code, definition)));
    const replaced = current.filter(({ type, code: name, definition, source: text }) => {
      // Of R4's only what extraction makes of it changes.
      if (text === undefined) return this.#versions.isEarlier(definition, wanted.get(`${type} ${name}`));
      const source: Source = JSON.parse(text);
      // Its companions go on with it, and go with it.
      const { code } = source.definition;
      const next = wanted.get(`${type} ${code}`);
      const answers = next !== undefined && next !== definition && currentKeys.has(keyOf(type, code, definition));
      return answers && source.version >= oldestReadable;
    });
    return [...fixed, ...own, ...replaced];
  }

  /** What a token parameter's expression gives for a type: asked for again whenever a definition comes. */
  #valuesOf(expression: string, type: string): Pick<Values, 'types'> {
    const key = `${type} ${expression}`;
    const values = this.#values.get(key) ?? analyse(expression, 'token', type, type, this.#options.definitions);
    if (this.#values.size >= mostValues) this.#values.clear();
    this.#values.set(key, values);
    return values;
  }

  /** Takes over what other processes have defined, and what of it is indexed. */
  async #renew(shared: SharedStore): Promise<void> {
    const resources = await shared.renewParameters();
    if (resources === undefined) return;
    this.#definitions.load(resources);
    this.#follow();
  }

  async #declare(): Promise<void> {
    const { parameters } = this.#open();
    const wanted = () => this.#wanted(parameters.states().filter(({ state }) => state === 'current'));
    let followed = false;
    await parameters.declare(wanted, () => {
      followed = true;
      this.#follow();
    });
    // What the index doesn't depend on may have changed.
    if (!followed) this.#follow();
    this.#filler.start();
  }

  /** Makes registry and extraction those of the store's states. */
  #follow(): void {
    const { definitions, extractorOf } = this.#options;
    const states = this.#open().parameters.states();
    const own = new Map(this.#definitions.own().map((definition) => [definition.digest, definition]));
    // Those on their way out come first, so that a url means the new one.
    const older = new Map<string, SearchParameterDefinition>();
    for (const state of states) {
      const source = own.has(state.definition) ? undefined : sourceOf(state);
      if (source !== undefined) older.set(state.definition, source.definition);
    }
    const all = [...this.#versions.definitions, ...older.values(), ...own.values()];
    const current = new Set<string>();
    const names = new Map<string, string>();
    for (const state of states) {
      const { type, code, definition, source, entry } = state;
      const ofR4 = source === undefined && !this.#versions.has(definition);
      const key = keyOf(type, code, ofR4 ? undefined : definition);
      if (state.state === 'current') current.add(key);
      else names.set(key, entry);
    }
    this.#replaced.note(states);
    this.#generation += 1;
    this.#ready = createRegistry(definitions, all, (type, { code, digest }) => current.has(keyOf(type, code, digest)));
    this.#filling = states.filter(({ state }) => state === 'filling');
    const ready = this.#ready;
    if (names.size === 0) {
      this.#extract = extractorOf(ready);
      return;
    }
    const next = createRegistry(definitions, all, (type, { code, digest }) => names.has(keyOf(type, code, digest)));
    const entryOf = ({ type, parameter }: SearchParameter, code: string): string =>
      names.get(keyOf(type, code, parameter.definition)) ?? code;
    this.#extract = extractorOf({ of: (type) => [...ready.of(type), ...next.of(type)], entryOf });
  }

  /** Acts when all that came before is done. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const running = this.#turn.then(act);
    this.#turn = running.catch(() => undefined);
    return running;
  }

  /** A step of what is to be filled or removed, or a look at how another process gets on with it. */
  async #fill(): Promise<boolean | number> {
    const { shared } = this.#open();
    if (shared === undefined) return this.#advance();
    const acted = await shared.ifAlone(parametersLease, async () => {
      await this.#inTurn(() => this.#renew(shared));
      return this.#advance();
    });
    if (acted !== undefined) return acted.result;
    await this.#inTurn(() => this.#renew(shared));
    return this.#filling.length > 0 && lookAgain;
  }

  async #advance(): Promise<boolean> {
    const started = performance.now();
    const extract = (body: Uint8Array): Entries => {
      try {
        return this.reextract(body);
      } catch (error) {
        this.#options.report('A stored resource can not be indexed: osteon check tells which.', error);
        throw error;
      }
    };
    let followed = false;
    const done = await this.#open().parameters.advance(extract, () => {
      followed = true;
      this.#follow();
    });
    // Companions of what was replaced, which the new definition doesn't have, go now.
    if (followed) await this.#inTurn(() => this.#declare());
    if (done === undefined) return false;
    if (done > 0) this.#pace = ((performance.now() - started) * (1 + yielded)) / done;
    return true;
  }

  /** Throws 503 where the parameter is being indexed. */
  #refuseUnready(type: string, code: string): void {
    if (!this.#filling.some((each) => each.type === type && each.code === code)) return;
    throw unready(type, code, this.#open().parameters.states(), this.#pace);
  }

  #open(): Store {
    if (this.#store === undefined) throw new Error('the store is not open yet');
    return this.#store;
  }
}

/** The registry of what an index has: R4's definitions, and those that the current parameters bring along. */
export function currentRegistry(definitions: Definitions, current: readonly ParameterDefinition[]): ParameterRegistry {
  const known = new Set(
    current.map(({ type, code, definition, source }) =>
      keyOf(type, code, source === undefined ? undefined : definition),
    ),
  );
  const own = new Map(
    current.flatMap((each): readonly (readonly [string, SearchParameterDefinition])[] => {
      const definition = sourceOf(each)?.definition;
      return definition === undefined ? [] : [[`${each.definition} ${definition.url}`, definition]];
    }),
  );
  const all = [...definitions.searchParameters, ...own.values()];
  return createRegistry(definitions, all, (type, { code, digest }) => known.has(keyOf(type, code, digest)));
}

/** Tells a parameter from all others; R4's have no digest. */
function keyOf(type: string, code: string, digest: string | undefined): string {
  return `${type} ${code} ${digest ?? ''}`;
}
