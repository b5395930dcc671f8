/** Counts how often values occur among current matches. https://hl7.org/fhir/R4/search.html */
import type { Document } from 'mongodb';
import type { Parameter } from '../../search/criteria.ts';
import { TooCostly } from '../errors.ts';
import {
  mostTallied,
  type TalliedField,
  type TalliedGroup,
  type TalliedValue,
  type Tally,
  type TallyQuery,
} from '../tally.ts';
import { type Condition, ofLive } from './compile/condition.ts';
import type { StoredValue } from './document.ts';
import type { Part } from './part.ts';
import { idOf, type State } from './state.ts';
import { indexValue } from './values.ts';

/** Matches that each had to be tested here are named to the server, at most this many. */
const mostNamed = 50_000;

/** What the server counts: `group` is the code of `by`, null for matches that have none. */
interface Row {
  readonly _id: {
    readonly group?: { readonly s: string | null; readonly c: string | null };
    readonly value?: StoredValue;
  };
  readonly count: number;
}

type Counted = TalliedField['values'][number];

/**
 * A tally of what is current. Each field is asked for by itself: outside a transaction what is written meanwhile may count in
 * one and not yet in another. Throws TooCostly.
 */
export async function tallyOf(
  state: State,
  part: Part,
  { type, fields, by }: TallyQuery,
  fieldOf: (parameter: Parameter) => string | undefined,
): Promise<Tally> {
  const condition = part.condition.exact ? part.condition : await named(state, type, part.condition);
  const groupField = by === undefined ? undefined : fieldOf(by);
  const group =
    groupField === undefined
      ? {}
      : { group: { s: { $ifNull: ['$group.s', null] }, c: { $ifNull: ['$group.c', null] } } };
  /** Counts of the values at a path, by their members; without a path of the matches. */
  const rows = async (path: string | undefined, members: Document): Promise<readonly Row[]> => {
    const values = path === undefined ? {} : { value: `$${path}` };
    const groups = groupField === undefined ? {} : { group: `$index.${groupField}` };
    const found = await state.aggregate<Row>(type, condition, [
      { $project: { _id: 0, ...values, ...groups } },
      ...(groupField === undefined ? [] : [{ $unwind: { path: '$group', preserveNullAndEmptyArrays: true } }]),
      ...(path === undefined ? [] : [{ $unwind: '$value' }]),
      { $group: { _id: { ...group, ...members }, count: { $sum: 1 } } },
      { $limit: mostTallied + 1 },
    ]);
    if (found.length <= mostTallied) return found;
    const advice = 'ask for other fields, or of fewer resources.';
    throw new TooCostly(`There are more than ${mostTallied} distinct values: ${advice}`);
  };
  const total = await state.count(type, ofLive(condition), Number.POSITIVE_INFINITY);
  const totals = byGroup(await rows(undefined, {}));
  if (by === undefined && totals.size === 0) totals.set(noGroup, []);
  const present = byGroup(await rows('present', { value: { field: '$value' } }));
  const values: ReadonlyMap<string, readonly Row[]>[] = [];
  for (const field of fields) {
    const path = fieldOf(field);
    values.push(path === undefined ? new Map() : byGroup(await rows(`index.${path}`, { value: membersOf(field) })));
  }
  const groups = [...totals].map(([key, [first]]): TalliedGroup => {
    const tallied = fields.map((field, place): TalliedField => {
      const path = fieldOf(field);
      const having = present.get(key)?.find(({ _id }) => _id.value?.field === path);
      return { present: having?.count ?? 0, values: (values[place]?.get(key) ?? []).flatMap(countedValue) };
    });
    const { s, c } = first?._id.group ?? { s: null, c: null };
    const code = c === null ? {} : { by: { system: s ?? '', value: c } };
    return { ...code, total: first?.count ?? 0, fields: tallied };
  });
  return { total, groups };
}

const noGroup = JSON.stringify([null, null]);

/** Rows by the key of their group. */
function byGroup(rows: readonly Row[]): Map<string, Row[]> {
  const result = new Map<string, Row[]>();
  for (const row of rows) {
    const { s, c } = row._id.group ?? { s: null, c: null };
    const key = JSON.stringify([s, c]);
    const known = result.get(key);
    if (known === undefined) result.set(key, [row]);
    else known.push(row);
  }
  return result;
}

/** What tells values of a field apart, as `storedValue` names it. */
function membersOf({ kind, textual }: Parameter): Document {
  const names = kind === 'number' ? ['l', 'h'] : kind === 'quantity' ? ['l', 'h', 's', 'c', 'u'] : ['s', 'c'];
  const members = Object.fromEntries(names.map((name) => [name, `$value.${name}`]));
  return kind === 'token' && textual ? { ...members, i: { $literal: true } } : members;
}

function countedValue({ _id, count }: Row): readonly Counted[] {
  const value = _id.value === undefined ? undefined : indexValue(_id.value);
  return value !== undefined && isTallied(value) ? [{ value, count }] : [];
}

function isTallied(value: ReturnType<typeof indexValue>): value is TalliedValue {
  return ['token', 'identifier', 'number', 'quantity'].includes(value.kind);
}

/** A condition that the server can test alone, of matches of one that it can't. Throws TooCostly. */
async function named(state: State, type: string, condition: Condition): Promise<Condition> {
  const ids: string[] = [];
  for await (const document of state.documents(type, condition, ['version'])) {
    ids.push(idOf(document));
    if (ids.length > mostNamed) {
      throw new TooCostly(`More than ${mostNamed} resources would have to be looked at one by one: add a criterion.`);
    }
  }
  return { ...condition, filter: { _id: { $in: ids } }, exact: true, live: false };
}
