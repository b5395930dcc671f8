/**
 * Resources that contain what a search looks for, of many types at once or of one.
 * https://hl7.org/fhir/R4/search.html#contained
 */
import { BSON } from 'mongodb';
import { resourceTypeOf } from '../../search/contained.ts';
import { containedIn, type Indexed } from '../../search/match.ts';
import { TooCostly } from '../errors.ts';
import { type Condition, certain } from './compile/condition.ts';
import { containing } from './compile/contains.ts';
import { anyOf, type Filter, isNever } from './filter.ts';
import { notDeleted } from './hits.ts';
import { type Found, passesLocally, type State } from './state.ts';

/** Matches that are gathered at most. */
const most = 50_000;
/** Bytes of a filter, which the server is sent for each type of containers. */
const mostBytes = 256_000;
/** Containers that are looked at where their filter would be longer. */
const usualMostRead = 200_000;
/** Resources that are looked up at a time. */
const some = 1000;

/** A document with the resources in it. */
interface Container {
  readonly document: Found;
  readonly contents: readonly Indexed[];
}

/** What is read of each type. */
interface Reading {
  readonly filter: Filter;
  /** Called for each container that is read. */
  readonly read: () => void;
  /** Whether one is to be held. */
  readonly holds: (contents: readonly Indexed[]) => boolean;
  /** Called for each that is held. */
  readonly take: () => void;
}

export interface SharedContainersOptions {
  /** Containers of all types that are held at most. */
  readonly most?: number;
  /** Those that are looked at at most, where a filter that tells them apart would be too long. */
  readonly mostRead?: number;
}

/**
 * What contains resources that any part of one search looks for: each type's containers are read once for all parts, which
 * have all been told before the first is read.
 */
export class SharedContainers {
  readonly #options: SharedContainersOptions;
  /** By the type of what is contained. */
  readonly #wanted = new Map<string, Condition[]>();
  readonly #known = new Map<string, Promise<readonly Container[]>>();
  #reading: Reading | undefined;
  #held = 0;
  #read = 0;

  constructor(options: SharedContainersOptions = {}) {
    this.#options = options;
  }

  /** Tells what is looked for: contained resources of a type that pass. */
  add(type: string, condition: Condition): void {
    if (isNever(condition.filter)) return;
    const own = resourceTypeOf(type);
    this.#wanted.set(own, [...(this.#wanted.get(own) ?? []), condition]);
  }

  /**
   * The containers of a type.
   * @throws TooCostly where those of all types are too many to be held, or to be looked at.
   */
  of(container: string, state: State): Promise<readonly Container[]> {
    this.#reading ??= this.#plan();
    const known = this.#known.get(container) ?? readContainers(state, container, this.#reading);
    this.#known.set(container, known);
    return known;
  }

  #plan(): Reading {
    const all = anyOf([...this.#wanted].flatMap(([own, each]) => each.map((condition) => containing(own, condition))));
    const take = () => {
      this.#held += 1;
      checkCount(this.#held, this.#options.most);
    };
    if (BSON.calculateObjectSize(all) <= mostBytes) return { filter: all, read: () => {}, holds: () => true, take };
    // Many types with many ids each: what contains any of these types is told apart here.
    return {
      filter: { 'contained.type': { $in: [...this.#wanted.keys()] } },
      read: () => {
        this.#read += 1;
        const { mostRead = usualMostRead } = this.#options;
        if (this.#read <= mostRead) return;
        throw new TooCostly(
          `More than ${mostRead} resources would have to be looked at, since what is asked of those in them is longer than ` +
            `${mostBytes / 1000} kB: search for fewer types, or add a criterion that does without other resources.`,
        );
      },
      holds: (contents) => contents.some((inside) => this.#passes(inside)),
      take,
    };
  }

  #passes(inside: Indexed): boolean {
    const conditions = this.#wanted.get(resourceTypeOf(inside.type)) ?? [];
    return conditions.some(({ local }) => passesLocally(local, inside));
  }
}

/** The containers of a type among which those that have a contained resource of another one that passes are. */
export function containersOf(
  state: State,
  type: string,
  condition: Condition,
  container: string,
): Promise<readonly Container[]> {
  let count = 0;
  const take = () => {
    count += 1;
    checkCount(count);
  };
  const filter = containing(resourceTypeOf(type), condition);
  return readContainers(state, container, { filter, read: () => {}, holds: () => true, take });
}

async function readContainers(
  state: State,
  container: string,
  { filter, read, holds, take }: Reading,
): Promise<readonly Container[]> {
  const held = new Map<Found, readonly Indexed[]>();
  const paths = ['version', 'updated', 'change', 'index', 'contained'];
  for await (const document of state.documents(container, { ...certain, filter, live: true }, paths)) {
    read();
    const contents = containedIn(await state.tested(container, document, false));
    if (!holds(contents)) continue;
    held.set(document, contents);
    take();
  }
  const shown = await shownOf([...held.keys()], container, state);
  return shown.map((document) => ({ document, contents: held.get(document) ?? [] }));
}

/** A resource that was deleted since isn't shown. */
export async function shownOf(documents: readonly Found[], type: string, state: State): Promise<readonly Found[]> {
  const current = documents.filter(({ _id }) => typeof _id === 'string');
  const superseded = documents.filter(({ _id }) => typeof _id !== 'string');
  const there: Found[] = [...current];
  for (let n = 0; n < superseded.length; n += some) {
    there.push(...(await notDeleted(superseded.slice(n, n + some), type, state)));
  }
  return there;
}

/** @throws TooCostly where more would have to be held than are sorted. */
export function checkCount(count: number, bound = most): void {
  if (count <= bound) return;
  throw new TooCostly(
    `More than ${bound} matches would have to be sorted: add a criterion, or sort by a parameter of the type itself.`,
  );
}
