/**
 * Matches whose order isn't in their documents: contained ones, and those sorted by what they refer to or by scores. All of
 * them are gathered, without their bytes, and sorted here. https://hl7.org/fhir/R4/search.html#sort
 */
import { containedType, resourceTypeOf } from '../../search/contained.ts';
import type { Parameter, SortBy, SortKey, SortThrough } from '../../search/criteria.ts';
import { textsAt } from './compile/canonical.ts';
import { type Condition, certain } from './compile/condition.ts';
import { checkCount, containersOf, type SharedContainers, shownOf } from './containers.ts';
import type { ContainedDocument } from './document.ts';
import { isNever } from './filter.ts';
import type { Hit } from './hits.ts';
import { compareValues, type KeyValue, keyValue } from './keyset.ts';
import { bytePaths } from './projection.ts';
import { sortColumn } from './sort-key.ts';
import { type Found, idOf, passesLocally, type State } from './state.ts';
import { referenceKey } from './values.ts';

/** Resources whose values are looked up at a time. */
const some = 1000;

export interface Gathering {
  readonly state: State;
  /** The searched type, or what its contained resources go by. */
  readonly type: string;
  readonly place: number;
  readonly condition: Condition;
  readonly sort: readonly SortKey[];
  fieldOf(parameter: Parameter): string | undefined;
  /** What other parts of the search have read. */
  readonly shared?: SharedContainers | undefined;
}

/** What has values to sort by: a document, or a contained resource with what it shares with its container's. */
interface Owner {
  readonly values: object;
  readonly hit: Omit<Hit, 'key'>;
}

/** All matches of a type, in no order. */
export async function gather(gathering: Gathering): Promise<readonly Hit[]> {
  const { state, type, condition, sort, fieldOf } = gathering;
  const found: Found[] = [];
  for await (const document of state.documents(type, condition, [
    'version',
    ...sort.flatMap((key, place) => {
      return pathsOf(key.by, key, place === sort.length - 1, fieldOf);
    }),
  ])) {
    found.push(document);
    checkCount(found.length);
  }
  const shown = await shownOf(found, type, state);
  return keyed(
    gathering,
    shown.map((document) => {
      return { values: document, hit: { type, id: idOf(document), version: document.version ?? 0 } };
    }),
  );
}

/** All contained resources of a type that match, in any of the given types, in no order. */
export async function gatherContained(gathering: Gathering, types: readonly string[]): Promise<readonly Hit[]> {
  const { state, type, condition, shared } = gathering;
  if (isNever(condition.filter)) return [];
  const own = resourceTypeOf(type);
  const owners: Owner[] = [];
  for (const container of types) {
    const containers = shared?.of(container, state) ?? containersOf(state, type, condition, container);
    for (const { document, contents } of await containers) {
      const { updated, change } = document;
      for (const inside of contents) {
        if (inside.type !== containedType(own) || !passesLocally(condition.local, inside)) continue;
        const values = document.contained?.find((each: ContainedDocument) => each.id === inside.id) ?? {};
        owners.push({
          values: { ...values, updated, change },
          hit: { type: container, id: idOf(document), version: document.version ?? 0, contained: inside.id },
        });
        checkCount(owners.length);
      }
    }
  }
  return keyed(gathering, owners);
}

/** Gives each match its place in the walk. */
async function keyed({ state, place, sort, fieldOf }: Gathering, owners: readonly Owner[]): Promise<readonly Hit[]> {
  const columns: (readonly KeyValue[])[] = [];
  for (const [n, key] of sort.entries()) {
    columns.push(
      await sortValues(
        key.by,
        key,
        n === sort.length - 1,
        owners.map(({ values }) => values),
        { state, fieldOf },
      ),
    );
  }
  return owners.map(({ hit }, n) => {
    const id = hit.contained === undefined ? hit.id : `${hit.type}/${hit.id}#${hit.contained}`;
    return { ...hit, key: [...columns.map((column) => column[n] ?? null), place, id] };
  });
}

type Reading = Pick<Gathering, 'state' | 'fieldOf'>;

/** The value of each owner: the lowest, or the highest where the order is descending; null where it has none. */
async function sortValues(
  by: SortBy,
  key: SortKey,
  last: boolean,
  owners: readonly object[],
  reading: Reading,
): Promise<readonly KeyValue[]> {
  if (typeof by === 'object' && 'through' in by) return valuesThrough(by, key, owners, reading);
  if (typeof by === 'object' && 'score' in by) {
    const scores: KeyValue[] = [];
    for (const owner of owners) scores.push(await reading.state.scoreOf(owner, by.score));
    return scores;
  }
  const path = sortColumn({ ...key, by }, last, reading.fieldOf)?.path;
  return owners.map((owner) => {
    if (path === '_id') return idOf({ _id: Reflect.get(owner, '_id') });
    return keyValue(owner, path);
  });
}

/** The best value of the resources that a parameter leads to. */
async function valuesThrough(
  { through, ends }: SortThrough,
  key: SortKey,
  owners: readonly object[],
  reading: Reading,
): Promise<readonly KeyValue[]> {
  const field = reading.fieldOf(through);
  if (field === undefined) return owners.map(() => null);
  const references = owners.map((owner) => textsAt(owner, field, 'r'));
  const wanted = new Set(references.flat());
  const known = new Map<string, KeyValue[]>();
  for (const { target, by } of ends) {
    const beginning = referenceKey(target, '');
    const ids = [...wanted].filter((each) => each.startsWith(beginning)).map((each) => each.slice(beginning.length));
    for (let n = 0; n < ids.length; n += some) {
      const condition = { ...certain, filter: { _id: { $in: ids.slice(n, n + some) } } };
      const found: Found[] = [];
      for await (const document of reading.state.documents(
        target,
        condition,
        pathsOf(by, key, false, reading.fieldOf),
      )) {
        found.push(document);
      }
      const values = await sortValues(by, key, false, found, reading);
      found.forEach((document, place) => {
        const reference = beginning + idOf(document);
        known.set(reference, [...(known.get(reference) ?? []), values[place] ?? null]);
      });
    }
  }
  return references.map((each) =>
    best(
      each.flatMap((reference) => known.get(reference) ?? []),
      key.descending,
    ),
  );
}

function best(values: readonly KeyValue[], descending: boolean): KeyValue {
  let found: KeyValue = null;
  for (const value of values) {
    if (value === null) continue;
    if (found === null || compareValues(value, found) > 0 === descending) found = value;
  }
  return found;
}

/** Where documents have what they are sorted by. */
function pathsOf(by: SortBy, key: SortKey, last: boolean, fieldOf: Gathering['fieldOf']): readonly string[] {
  if (typeof by === 'object' && 'through' in by) {
    const field = fieldOf(by.through);
    return field === undefined ? ['version'] : [`index.${field}.r`];
  }
  if (typeof by === 'object' && 'score' in by) return bytePaths;
  return [sortColumn({ ...key, by }, last, fieldOf)?.path ?? 'version'];
}
