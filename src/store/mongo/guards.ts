/**
 * Documents at which commits meet that would otherwise not notice each other: a transaction that finds nothing and one that
 * writes what it would have found. https://hl7.org/fhir/R4/http.html#ccreate
 *
 * Each write touches the guards of the identifiers that its resource has, before or after, and one of its type's guards.
 * A condition on identifiers touches those identifiers' guards; any other touches all of the type's, so that it meets every
 * write of the type, while these seldom meet each other.
 */
import { createHash } from 'node:crypto';
import type { ClientSession, Db } from 'mongodb';
import type { Criterion, ValueTest } from '../../search/criteria.ts';
import type { IndexEntry } from '../../search/entry.ts';
import type { Condition, ResourceKey } from '../write.ts';
import { names, type StoredValue } from './document.ts';
import type { WantedIndex } from './index-plan.ts';
import type { KeyLocks } from './locks.ts';

interface GuardDocument {
  readonly _id: string;
  /** The first change number of the commit that touched it last. */
  readonly change: number;
  /** The last time. */
  readonly at: Date;
}

/** The guards of a type: 16 for each of eight processes; a ninth shares those of the first. */
const slotsOfProcess = 16;
const processGroups = 8;
/** The guards of a resource that others refer to. */
const referenceSlots = 8;
/** The parameter whose values have guards. */
const guarded = 'identifier';
/** Milliseconds after which nobody meets at a guard any more. */
const kept = 600_000;

/** Indexes of the collection of guards. */
export const guardIndexes: readonly WantedIndex[] = [{ name: 'at', key: { at: 1 } }];

/** The guard of an identifier's value, whatever its system. */
export function identifierGuard(type: string, value: string): string {
  // Values are of people, and of any length.
  return `${type}|=|${createHash('sha256').update(value).digest('base64url').slice(0, 16)}`;
}

/** The guards of the identifiers among entries. */
export function guardsOfEntries(type: string, entries: readonly IndexEntry[]): readonly string[] {
  return entries.flatMap(({ parameter, value }) =>
    parameter === guarded && value.kind === 'identifier' ? [identifierGuard(type, value.value)] : [],
  );
}

/** The same of a document, whose field of the parameter these are the values of. */
export function guardsOfStored(type: string, values: readonly StoredValue[]): readonly string[] {
  return values.flatMap(({ i, c }) => (i === true && typeof c === 'string' ? [identifierGuard(type, c)] : []));
}

/** The guard of a type that a write touches: one that nobody else in this process holds, if there is one. */
export function slotOf(type: string, process: number, locks: KeyLocks, taken: ReadonlySet<string>): string {
  const group = process % processGroups;
  const ids = Array.from({ length: slotsOfProcess }, (_, n) => slotId(type, group * slotsOfProcess + n));
  const start = Math.floor(Math.random() * slotsOfProcess);
  const inTurn = [...ids.slice(start), ...ids.slice(0, start)];
  return inTurn.find((id) => taken.has(id)) ?? inTurn.find((id) => !locks.isHeld(id)) ?? inTurn[0] ?? slotId(type, 0);
}

/** Every guard of a type. */
export function allSlots(type: string): readonly string[] {
  return Array.from({ length: slotsOfProcess * processGroups }, (_, n) => slotId(type, n));
}

function slotId(type: string, n: number): string {
  return `${type}|#|${n}`;
}

/** What a commit touches that refers to the resource. */
export function referrerGuard({ type, id }: ResourceKey): string {
  return `${type}/${id}|@|${Math.floor(Math.random() * referenceSlots)}`;
}

/** What a commit touches after which nobody may refer to the resource. */
export function referredGuards({ type, id }: ResourceKey): readonly string[] {
  return Array.from({ length: referenceSlots }, (_, n) => `${type}/${id}|@|${n}`);
}

/** What serialises a condition with every write that could change its matches. */
export function guardsOfCondition({ type, criterion }: Pick<Condition, 'type' | 'criterion'>): readonly string[] {
  const own = narrowed(type, criterion) ?? allSlots(type);
  return [...own, ...others(criterion)];
}

/** The guards of identifiers of which each match has one; undefined: it may have any or none. */
function narrowed(type: string, criterion: Criterion): readonly string[] | undefined {
  switch (criterion.kind) {
    case 'value': {
      if (criterion.parameter.code !== guarded || criterion.parameter.kind !== 'token') return undefined;
      const ids = criterion.anyOf.map((test) => identifierOf(type, test));
      return all(ids);
    }
    case 'and':
      for (const part of criterion.of) {
        const ids = narrowed(type, part);
        if (ids !== undefined) return ids;
      }
      return undefined;
    case 'or': {
      const parts = all(criterion.of.map((part) => narrowed(type, part)));
      return parts?.flat();
    }
    default:
      return undefined;
  }
}

function identifierOf(type: string, test: ValueTest): string | undefined {
  if (test.kind !== 'token' || test.code === undefined || test.fold || test.begins === true) return undefined;
  return identifierGuard(type, test.code);
}

function all<T>(items: readonly (T | undefined)[]): readonly T[] | undefined {
  const present = items.filter((item) => item !== undefined);
  return present.length === items.length ? present : undefined;
}

/** The guards of other types that a criterion looks at. */
function others(criterion: Criterion): readonly string[] {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.flatMap(others);
    case 'not':
      return others(criterion.of);
    case 'chain':
      return [...allSlotsUnless(criterion.target, criterion.of), ...others(criterion.of)];
    case 'has':
      return [...allSlotsUnless(criterion.parameter.type, criterion.of), ...others(criterion.of)];
    case 'hierarchy':
      return allSlots(criterion.by.type);
    case 'referenced':
      return allSlots(criterion.parameter.type);
    case 'contains':
      return others(criterion.of);
    default:
      return [];
  }
}

function allSlotsUnless(type: string, criterion: Criterion): readonly string[] {
  return narrowed(type, criterion) ?? allSlots(type);
}

/**
 * Touches guards in a transaction: it conflicts with every other that does.
 * @param change its first change number: greater than those of all that touched them before, so that numbers rise in the
 * order in which commits that meet take effect.
 * @throws MongoBulkWriteError of a duplicate key where one of the guards has a greater number.
 */
export async function touch(db: Db, ids: Iterable<string>, change: number, session: ClientSession): Promise<void> {
  const at = new Date();
  const updates = [...ids].map((_id) => ({
    // One that has a greater number isn't found, so that it would be made, which it can't be.
    updateOne: { filter: { _id, change: { $lt: change } }, update: { $set: { change, at } }, upsert: true },
  }));
  if (updates.length === 0) return;
  await db.collection<GuardDocument>(names.guards).bulkWrite(updates, { session, ordered: false });
}

/** The greatest change number of those that touched guards, 0 where nobody did. */
export async function newestTouch(db: Db, ids: Iterable<string>): Promise<number> {
  const [newest] = await db
    .collection<GuardDocument>(names.guards)
    .find({ _id: { $in: [...ids] } }, { projection: { change: 1 } })
    .sort({ change: -1 })
    .limit(1)
    .toArray();
  return newest?.change ?? 0;
}

/** Removes some guards at which nobody meets any more. */
export async function forgetGuards(db: Db): Promise<void> {
  await db.collection<GuardDocument>(names.guards).deleteMany({ at: { $lt: new Date(Date.now() - kept) } });
}
