/** What a transaction itself writes, as criteria see it. https://hl7.org/fhir/R4/http.html#trules */
import type { Criterion, ValueCriterion, ValueTest } from '../../search/criteria.ts';
import type { IndexValue } from '../../search/entry.ts';
import { type Indexed, matches } from '../../search/match.ts';
import { foldToken } from '../../search/normalise.ts';

/** Stands in `parametersOf` for the words of the resource. */
export const wordsCode = '_content';

/** A resource that an entry writes. */
export interface OwnResource extends Indexed {
  /** The entry's index. */
  readonly entry: number;
  /** Whether its id was made for it: then nothing that is stored has it or refers to it. */
  readonly isNew: boolean;
}

/**
 * Resources that are not stored yet, found by criteria. Thousands of criteria may look for one of thousands of resources,
 * so those that name a code, a reference or an id look it up instead of trying each.
 */
export class OwnResources {
  readonly #byType = new Map<string, OwnResource[]>();
  readonly #byValue = new Map<string, ReadonlyMap<string, readonly OwnResource[]>>();

  add(resource: OwnResource): void {
    const { type } = resource;
    const others = this.#byType.get(type);
    if (others === undefined) this.#byType.set(type, [resource]);
    else others.push(resource);
    this.#byValue.clear();
  }

  /** Those of a type that the criterion holds for, in the order in which they were added. */
  matching(type: string, criterion: Criterion): readonly OwnResource[] {
    return this.#candidates(type, criterion).filter((resource) => matches(criterion, resource));
  }

  /** All of a type. */
  of(type: string): readonly OwnResource[] {
    return this.#byType.get(type) ?? [];
  }

  /** Ids of a type. */
  ids(type: string): readonly string[] {
    return this.of(type).map(({ id }) => id);
  }

  #candidates(type: string, criterion: Criterion): readonly OwnResource[] {
    const all = this.#byType.get(type) ?? [];
    const selective = selectiveOf(criterion);
    if (selective === undefined) return all;
    const values = this.#valuesOf(type, selective.parameter.code);
    const found = selective.anyOf.flatMap((test) => values.get(testKey(test) ?? '') ?? []);
    return selective.anyOf.length === 1 ? found : [...new Set(found)];
  }

  #valuesOf(type: string, parameter: string): ReadonlyMap<string, readonly OwnResource[]> {
    const name = `${type} ${parameter}`;
    let values = this.#byValue.get(name);
    if (values === undefined) {
      values = index(this.#byType.get(type) ?? [], parameter);
      this.#byValue.set(name, values);
    }
    return values;
  }
}

function index(resources: readonly OwnResource[], parameter: string): ReadonlyMap<string, readonly OwnResource[]> {
  const found = new Map<string, OwnResource[]>();
  for (const resource of resources) {
    const keys = new Set(
      resource.entries.filter((each) => each.parameter === parameter).map(({ value }) => key(value)),
    );
    for (const each of keys) {
      const others = found.get(each);
      if (others === undefined) found.set(each, [resource]);
      else others.push(resource);
    }
  }
  return found;
}

/** A part of the criterion that must hold and whose tests each name one value; undefined where there is none. */
function selectiveOf(criterion: Criterion): ValueCriterion | undefined {
  const parts = criterion.kind === 'and' ? criterion.of : [criterion];
  return parts.find(
    (part): part is ValueCriterion => part.kind === 'value' && part.anyOf.every((test) => testKey(test) !== undefined),
  );
}

/** What values that pass the test have as their key. */
function testKey(test: ValueTest): string | undefined {
  if (test.kind === 'token') return test.code === undefined || test.begins === true ? undefined : foldToken(test.code);
  return test.kind === 'reference' ? `${test.type}/${test.id}` : undefined;
}

function key(value: IndexValue): string {
  if (value.kind === 'token' || value.kind === 'identifier') return foldToken(value.value);
  return value.kind === 'reference' ? `${value.type}/${value.id}` : '';
}

/** The search parameters that a criterion looks at: entries of others need not be kept for it. */
export function parametersOf(criterion: Criterion): readonly string[] {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.flatMap(parametersOf);
    case 'not':
      return parametersOf(criterion.of);
    case 'value':
    case 'differs':
    case 'missing':
    case 'chain':
    case 'hierarchy':
      return [criterion.parameter.code];
    case 'words':
      return [wordsCode];
    case 'id':
    case 'lastUpdated':
    case 'referenced':
    case 'has':
    case 'contains':
      return [];
  }
}

/** The same text for criteria that differ only in their order. */
export function canonical(criterion: Criterion): string {
  if (criterion.kind !== 'and') return JSON.stringify(criterion);
  return criterion.of
    .map((part) => JSON.stringify(part))
    .sort()
    .join('&');
}
