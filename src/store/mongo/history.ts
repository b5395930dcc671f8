/**
 * Pages of histories, newest first. https://hl7.org/fhir/R4/http.html#history
 *
 * Change numbers of versions never change, so a walk that stays at or below the one of its first page shows the state of
 * then; only what was erased since is gone. That number is below every commit in flight, in any process: so whoever asks
 * again for what came since the last version he saw misses nothing.
 */
import type { Db, Filter } from 'mongodb';
import type { HistoryPage, HistoryQuery, Position, Version } from '../port.ts';
import { type Bodies, projection } from './bodies.ts';
import { byType } from './by-type.ts';
import { versionsOf } from './changes.ts';
import { type CurrentDocument, type HistoryDocument, historyName, type VersionKey } from './document.ts';
import type { Snapshots } from './snapshots.ts';
import type { Types } from './types.ts';

/** Totals beyond this are left out. */
const countBound = 10_000;

/** What of a type belongs to a history, up to the walk's change number. */
interface Selection {
  readonly type: string;
  readonly current: Filter<Found>;
  readonly before: Filter<Found>;
}

/** A version on a page. */
interface Row extends VersionKey {
  readonly type: string;
  readonly change: number;
}

/** Documents as they are read here: of either collection. */
interface Found {
  readonly _id: string | VersionKey;
  readonly version: number;
  readonly change: number;
  readonly updated: Date;
  readonly until?: number;
  readonly replaced?: Date;
}

export class Histories {
  readonly #db: Db;
  readonly #types: Types;
  readonly #snapshots: Snapshots;
  readonly #bodies: Bodies;
  readonly #clock: () => number;

  constructor(db: Db, types: Types, snapshots: Snapshots, bodies: Bodies, clock: () => number) {
    this.#db = db;
    this.#types = types;
    this.#snapshots = snapshots;
    this.#bodies = bodies;
    this.#clock = clock;
  }

  /** A page; see `Store.history`. */
  async page(query: HistoryQuery): Promise<HistoryPage> {
    const { position, count } = query;
    const types = await this.#typesOf(query);
    const at = position?.at ?? (await this.#newest(query, types));
    const selections = types.map((type) => selectionOf(type, query, at));
    const total = position === undefined ? await this.#total(query, selections) : position.total;
    const totalled = total === undefined ? {} : { total };
    const walk = { at, since: position?.since ?? this.#clock(), ...totalled };
    if (count === 0 || types.length === 0) return { versions: [], ...totalled };

    const backwards = position?.direction === 'previous';
    const key = position?.key?.[0];
    const edge = key === undefined || key === null ? undefined : Number(key);
    const rows = await this.#rows(selections, edge, backwards, count + 1);
    const more = rows.length > count;
    const shown = backwards ? rows.slice(0, count).reverse() : rows.slice(0, count);
    const place = (direction: Position['direction'], row: Row | undefined): Position | undefined =>
      row === undefined ? undefined : { ...walk, direction, key: [row.change] };
    const previous = (backwards ? more : edge !== undefined) ? place('previous', shown[0]) : undefined;
    const next = backwards || more ? place('next', shown.at(-1)) : undefined;
    return {
      versions: await this.#versions(shown),
      ...totalled,
      ...(previous === undefined && next === undefined ? {} : { first: { ...walk, direction: 'next' } }),
      ...(previous === undefined ? {} : { previous }),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** Types of which there can be versions. */
  async #typesOf({ type, ids }: HistoryQuery): Promise<readonly string[]> {
    const known = await this.#types.known();
    const listed = ids === undefined ? undefined : new Set(ids.map((key) => key.type));
    return known.filter((each) => (type === undefined || each === type) && listed?.has(each) !== false);
  }

  /** The change number of a new walk. */
  async #newest({ type, id }: HistoryQuery, types: readonly string[]): Promise<number> {
    if (type === undefined || id === undefined) return this.#snapshots.complete(types);
    const current = await this.#db
      .collection<CurrentDocument>(type)
      .findOne({ _id: id }, { projection: { change: 1 } });
    return current?.change ?? 0;
  }

  async #total({ id, at }: HistoryQuery, selections: readonly Selection[]): Promise<number | undefined> {
    const exact = id !== undefined;
    // Whether a version was current in a period takes a look at each: too dear for many.
    if (!exact && at !== undefined) return undefined;
    const limit = exact ? {} : { limit: countBound + 1 };
    const counts = await Promise.all(
      selections.flatMap(({ type, current, before }) => [
        this.#db.collection<Found>(type).countDocuments(current, limit),
        this.#db.collection<Found>(historyName(type)).countDocuments(before, limit),
      ]),
    );
    const total = counts.reduce((sum, count) => sum + count, 0);
    return exact || total <= countBound ? total : undefined;
  }

  /** Up to `limit` versions beyond `edge` (exclusive) in the walk's direction. */
  async #rows(
    selections: readonly Selection[],
    edge: number | undefined,
    backwards: boolean,
    limit: number,
  ): Promise<readonly Row[]> {
    const read = (type: string, name: string, filter: Filter<Found>): Promise<readonly Row[]> => {
      const beyond = edge === undefined ? {} : { change: backwards ? { $gt: edge } : { $lt: edge } };
      return this.#db
        .collection<Found>(name)
        .find({ $and: [filter, beyond] }, { projection: { version: 1, change: 1 } })
        .sort({ change: backwards ? 1 : -1 })
        .limit(limit)
        .map(({ _id, version, change }) => ({ type, id: typeof _id === 'string' ? _id : _id.id, version, change }))
        .toArray();
    };
    // What is current first: what is replaced in between is found in the history then.
    const current = await Promise.all(selections.map((each) => read(each.type, each.type, each.current)));
    const before = await Promise.all(selections.map((each) => read(each.type, historyName(each.type), each.before)));
    const rows = new Map([...before, ...current].flat().map((row) => [row.change, row]));
    return [...rows.values()].sort((a, b) => (backwards ? a.change - b.change : b.change - a.change)).slice(0, limit);
  }

  /** The versions of rows, in their order, without what was erased since. */
  async #versions(rows: readonly Row[]): Promise<readonly Version[]> {
    const found = new Map<number, Version>();
    for (const [type, of] of byType(rows, (row) => row.type)) {
      const wanted = new Set(of.map(({ change }) => change));
      const options = { projection: { ...projection, change: 1 } };
      const ids = [...new Set(of.map(({ id }) => id))];
      const current = this.#db.collection<CurrentDocument>(type).find({ _id: { $in: ids } }, options);
      for await (const document of current) {
        if (!wanted.delete(document.change)) continue;
        found.set(document.change, await this.#bodies.versionOf(type, document));
      }
      if (wanted.size === 0) continue;
      const keys = of.flatMap(({ id, version, change }) => (wanted.has(change) ? [{ id, version }] : []));
      const before = this.#db.collection<HistoryDocument>(historyName(type)).find({ _id: { $in: keys } }, options);
      for await (const document of before) {
        if (wanted.has(document.change)) found.set(document.change, await this.#bodies.versionOf(type, document));
      }
    }
    return rows.flatMap(({ change }) => found.get(change) ?? []);
  }
}

function selectionOf(type: string, { id, ids, since, at: period }: HistoryQuery, at: number): Selection {
  const chosen = ids?.filter((key) => key.type === type && (id === undefined || key.id === id)).map((key) => key.id);
  const only = chosen ?? (id === undefined ? undefined : [id]);
  const both: Filter<Found>[] = [{ change: { $lte: at } }];
  if (since !== undefined) both.push({ updated: { $gte: new Date(since) } });
  if (period !== undefined) both.push({ updated: { $lt: new Date(period.high) } });
  const current = [...both];
  const before = [...both];
  if (only !== undefined) {
    current.push({ _id: { $in: only } });
    before.push(only.length === 0 ? { _id: { $in: [] } } : { $or: only.map(versionsOf) });
  }
  // Of a version that the walk has a successor of, it counts until when it was current.
  if (period !== undefined) before.push({ $or: [{ until: { $gt: at } }, { replaced: { $gt: new Date(period.low) } }] });
  return { type, current: { $and: current }, before: { $and: before } };
}
