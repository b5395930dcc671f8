/** A search as it is compiled on a state of the store. https://hl7.org/fhir/R4/search.html */
import { isContained } from '../../search/contained.ts';
import type { SortBy } from '../../search/criteria.ts';
import type { TypeQuery } from '../port.ts';
import type { Context } from './compile/condition.ts';
import { contextOf, type Env } from './compiling.ts';
import { SharedContainers } from './containers.ts';
import type { SearchContext } from './context.ts';
import { HasToLook } from './current.ts';
import { Part } from './part.ts';
import type { State } from './state.ts';

/** A state with what was compiled on it. */
export interface Reading {
  readonly state: State;
  readonly parts: readonly Part[];
  /** The types that it looks at. */
  readonly types: ReadonlySet<string>;
  /** The types that held data, where that was asked. */
  readonly held: readonly string[] | undefined;
  /** Whether other resources are looked at, for its criteria or its order, than those that are found. */
  readonly looked: boolean;
}

/** Whether all that was read of a state was there at one time: no other resources are looked at, and one command has read it. */
export function isAtOnce({ looked, state }: Reading): boolean {
  return !looked && state.commands <= 1;
}

export interface ReadingOptions {
  /** Says that documents of a type are found or sorted by a path. */
  readonly uses?: ((type: string, path: string) => void) | undefined;
  /** Resources of other types that a criterion may list. */
  readonly most?: number | undefined;
  /** Whether to throw `HasToLook` where other resources are to be looked at. */
  readonly single?: boolean | undefined;
}

const mostListed = 10_000;
/** Types whose contained resources are looked for one type after the other. */
const fewTypes = 3;

/**
 * Compiles the parts of a search, for which other resources are looked up.
 * @throws TooCostly; HasToLook where that is asked.
 */
export async function compileSearch(
  { fields, connection, types: store }: Pick<SearchContext, 'fields' | 'connection' | 'types'>,
  queries: readonly TypeQuery[],
  state: State,
  { uses = () => {}, most = mostListed, single = false }: ReadingOptions,
): Promise<Reading> {
  const types = new Set<string>();
  let looked = false;
  const looksAt: Env['looksAt'] = (type, what) => {
    // Shards don't tell texts in a transaction, without which a search is wide.
    const apart = what === 'texts' && connection.sharded;
    if (single && !apart) throw new HasToLook();
    looked = true;
    types.add(type);
  };
  const alone = queries.length === 1;
  let live: Promise<readonly string[]> | undefined;
  const typesWithData = () => {
    live ??= store.known();
    return live;
  };
  const env: Env = { state, fields, most, uses, types: typesWithData, looksAt };
  const held = alone ? undefined : new Set(await typesWithData());
  const parts: Part[] = [];
  // What parts have in common, such as what is asked of resources in others, is looked up once.
  const contexts = new Map<string, Context>();
  // What contains resources of many types is read once for all of them, before which each part has to be compiled.
  const inside = queries.filter(({ type }) => isContained(type)).length;
  const shared = inside > fewTypes ? new SharedContainers() : undefined;
  for (const [place, query] of queries.entries()) {
    const { type } = query;
    if (held?.has(type) === false && !isContained(type)) continue;
    const context = contextOf(type, env, contexts);
    const condition = await context.compile(query.criterion);
    const { fieldOf } = context;
    parts.push(new Part(query, { state, place, condition, alone, types: typesWithData, fieldOf, shared }));
    for (const { path } of parts.at(-1)?.columns ?? []) if (path !== undefined) context.uses(path);
    if (isContained(type)) {
      shared?.add(type, condition);
      for (const each of await typesWithData()) types.add(each);
    } else types.add(type);
    for (const { by } of query.sort) for (const each of typesOf(by)) looksAt(each, 'resources');
  }
  return { state, parts, types, held: await live, looked };
}

/** The types whose values are sorted by. */
function typesOf(by: SortBy): readonly string[] {
  return typeof by === 'object' && 'through' in by ? by.ends.flatMap((end) => [end.target, ...typesOf(end.by)]) : [];
}
