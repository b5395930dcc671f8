/** What criteria of a search are compiled with. https://hl7.org/fhir/R4/search.html */
import { isContained, resourceTypeOf } from '../../search/contained.ts';
import type { Criterion, Parameter } from '../../search/criteria.ts';
import { type Condition, type Context, certain } from './compile/condition.ts';
import { containing } from './compile/contains.ts';
import { compile } from './compile/criterion.ts';
import type { Fields } from './fields.ts';
import { isNever } from './filter.ts';
import { type Found, idOf, type State } from './state.ts';

export interface Env {
  readonly state: State;
  readonly fields: Fields;
  /** Resources of other types that a criterion may list. */
  readonly most: number;
  /** Says that documents of a type are found by a path. */
  uses(type: string, path: string): void;
  /** The types that hold data. */
  types(): Promise<readonly string[]>;
  /** Says that resources of a type are looked at, or no more than their `texts`. */
  looksAt(type: string, what: 'resources' | 'texts'): void;
}

/**
 * A context for the criteria on a type. What lies beside a chain is compiled for resources and for contained ones, each of
 * which may lead to both again: each type has one context, which compiles a criterion once and lists what passes it once.
 */
export function contextOf(type: string, env: Env, contexts = new Map<string, Context>()): Context {
  const known = contexts.get(type);
  if (known !== undefined) return known;
  const { state, fields, most } = env;
  const listed = new Map<Condition, Promise<readonly string[] | undefined>>();
  const list = async (condition: Condition): Promise<readonly string[] | undefined> => {
    const ids: string[] = [];
    for await (const document of read(condition, [])) {
      ids.push(idOf(document));
      if (ids.length > most) return undefined;
    }
    return ids;
  };
  const read = (condition: Condition, paths: readonly string[]): AsyncIterable<Found> => {
    env.looksAt(type, 'resources');
    return state.documents(type, condition, paths);
  };
  async function* readContained({ filter }: Condition): AsyncGenerator<object> {
    const own = resourceTypeOf(type);
    const containers = { ...certain, filter: containing(own, { filter }), live: true };
    for (const container of await env.types()) {
      env.looksAt(container, 'resources');
      for await (const { contained = [] } of state.documents(container, containers, ['contained'])) {
        yield* contained.filter((each) => each.type === own);
      }
    }
  }
  const make = (candidates: Condition | undefined): Context => {
    const compiled = new Map<Criterion, Promise<Condition>>();
    const context: Context = {
      ...shared,
      candidates,
      beside: make,
      compile: (criterion) => {
        const condition = compiled.get(criterion) ?? compile(criterion.kind, criterion, context);
        compiled.set(criterion, condition);
        return condition;
      },
    };
    return context;
  };
  const shared = {
    type,
    most,
    fieldOf: (parameter: Parameter) => fields.ofParameter(parameter),
    uses: (path: string) => {
      if (!isContained(type)) env.uses(type, path);
    },
    on: (other: string) => contextOf(other, env, contexts),
    ids: (condition: Condition) => {
      const ids = listed.get(condition) ?? list(condition);
      listed.set(condition, ids);
      return ids;
    },
    references: async (condition: Condition, field: string, beginning: string) => {
      if (isNever(condition.filter)) return [];
      env.looksAt(type, 'resources');
      return state.references(type, condition, field, beginning, most + 1);
    },
    texts: async (paths: readonly string[]) => {
      if (isContained(type)) return undefined;
      env.looksAt(type, 'texts');
      return state.texts(type, paths);
    },
    read: isContained(type) ? readContained : read,
  };
  const context = make(undefined);
  contexts.set(type, context);
  return context;
}
