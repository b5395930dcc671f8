/** What criteria of a search are compiled with. https://hl7.org/fhir/R4/search.html */
import { isContained, resourceTypeOf } from '../../search/contained.ts';
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
  /** Says that resources of a type are looked at. */
  looksAt(type: string): void;
}

/** A context for the criteria on a type. */
export function contextOf(type: string, env: Env): Context {
  const { state, fields, most } = env;
  const read = (condition: Condition, paths: readonly string[]): AsyncIterable<Found> => {
    env.looksAt(type);
    return state.documents(type, condition, paths);
  };
  async function* readContained({ filter }: Condition): AsyncGenerator<object> {
    const own = resourceTypeOf(type);
    const containers = { ...certain, filter: containing(own, { filter }), live: true };
    for (const container of await env.types()) {
      env.looksAt(container);
      for await (const { contained = [] } of state.documents(container, containers, ['contained'])) {
        yield* contained.filter((each) => each.type === own);
      }
    }
  }
  const context: Context = {
    type,
    most,
    fieldOf: (parameter) => fields.ofParameter(parameter),
    uses: (path) => {
      if (!isContained(type)) env.uses(type, path);
    },
    on: (other) => contextOf(other, env),
    compile: (criterion) => compile(criterion.kind, criterion, context),
    ids: async (condition) => {
      const ids: string[] = [];
      for await (const document of read(condition, [])) {
        ids.push(idOf(document));
        if (ids.length > most) return undefined;
      }
      return ids;
    },
    references: async (condition, field, beginning) => {
      if (isNever(condition.filter)) return [];
      env.looksAt(type);
      return state.references(type, condition, field, beginning, most + 1);
    },
    read: isContained(type) ? readContained : read,
  };
  return context;
}
