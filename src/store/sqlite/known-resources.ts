/**
 * The numbers of resources by their logical ids, for readers: lists of the same patients come in search after search.
 * https://hl7.org/fhir/R4/search.html#reference
 */
import type { Database, Statement } from './open.ts';

/** How many ids are looked up one by one, and without being remembered. */
const fewIds = 3;
/** How many ids and live ones are remembered at most, about 100 bytes each. */
const most = 50_000;

/** What is known of a type's resources. */
interface OfType {
  /** By logical id. An id keeps its number until an erasure. */
  readonly numbers: Map<string, number>;
  /** The numbers of those that were live at the type's last change. */
  readonly live: Set<number>;
  lastChange: number;
}

export class KnownResources {
  /** Whether what is found is committed, so that it may be remembered. */
  remembers = true;
  readonly #types = new Map<number, OfType>();
  /** How many are remembered at most, of all types. */
  #size = 0;
  #lastErasure = -1;
  readonly #number: Statement;
  readonly #liveNumber: Statement;
  readonly #numbers: Statement;
  readonly #live: Statement;
  readonly #change: Statement;
  readonly #erasure: Statement;

  constructor(db: Database) {
    const named = 'SELECT rid FROM entity WHERE type = ? AND id = ?';
    this.#number = db.prepare(named);
    this.#liveNumber = db.prepare(`${named} AND state = 1`);
    // As one text: a thousand rows take the binding longer than SQLite takes to find them.
    this.#numbers = db.prepare(`SELECT json_group_array(e.id), json_group_array(e.rid)
      FROM json_each(?) j CROSS JOIN entity e ON e.type = ? AND e.id = j.value`);
    this.#live = db.prepare(`SELECT json_group_array(e.rid)
      FROM json_each(?) j CROSS JOIN entity e ON e.rid = j.value WHERE e.state = 1`);
    const erasure = "coalesce((SELECT value FROM setting WHERE name = 'greatest change'), 0)";
    this.#erasure = db.prepare(`SELECT ${erasure}`);
    this.#change = db.prepare(`SELECT max(
      coalesce((SELECT max(vid) FROM version INDEXED BY version_by_type WHERE type = ?), 0), ${erasure})`);
  }

  /** The number of the last change of a type's resources, or of an erasure. */
  lastChange(type: number): number {
    return Number(this.#change.get(type)?.[0]);
  }

  /** The number of a resource, live or not. */
  number(type: number, id: string): number | undefined {
    const number = this.#number.get(type, id)?.[0];
    return number === undefined ? undefined : Number(number);
  }

  /** The numbers of resources, live or not; ids that nothing has are left out. */
  numbers(type: number, ids: readonly string[]): readonly number[] {
    if (ids.length <= fewIds) return ids.flatMap((id) => this.number(type, id) ?? []);
    const { numbers } = this.#ofType(type);
    const found: number[] = [];
    const unknown: string[] = [];
    for (const id of ids) {
      const number = numbers.get(id);
      if (number === undefined) unknown.push(id);
      else found.push(number);
    }
    if (unknown.length === 0) return found;
    const row = this.#numbers.get(JSON.stringify(unknown), type);
    // The ids that SQLite gives: a part of the request's text would keep all of it in memory.
    const freshIds: readonly string[] = JSON.parse(String(row?.[0]));
    const fresh: readonly number[] = JSON.parse(String(row?.[1]));
    if (this.#hasRoomFor(fresh.length)) {
      fresh.forEach((number, place) => {
        const id = freshIds[place];
        if (id !== undefined) numbers.set(id, number);
      });
    }
    return [...found, ...fresh];
  }

  /** The numbers of live resources; ids that none has are left out. */
  live(type: number, ids: readonly string[]): readonly number[] {
    if (ids.length <= fewIds) {
      return ids.flatMap((id) => this.#liveNumber.all(type, id).map(([number]) => Number(number)));
    }
    const numbers = this.numbers(type, ids);
    const known = this.#ofType(type);
    const lastChange = this.lastChange(type);
    if (known.lastChange !== lastChange) {
      this.#size -= known.live.size;
      known.live.clear();
    }
    known.lastChange = lastChange;
    const found = numbers.filter((number) => known.live.has(number));
    if (found.length === numbers.length) return found;
    const unknown = numbers.filter((number) => !known.live.has(number));
    const fresh: readonly number[] = JSON.parse(String(this.#live.get(JSON.stringify(unknown))?.[0]));
    if (this.#hasRoomFor(fresh.length)) for (const number of fresh) known.live.add(number);
    return [...found, ...fresh];
  }

  /** Whether so many more are remembered; all others are forgotten where they would be too many. */
  #hasRoomFor(more: number): boolean {
    if (!this.remembers || more > most) return false;
    if (this.#size + more > most) this.#forget();
    this.#size += more;
    return true;
  }

  #forget(): void {
    for (const { numbers, live } of this.#types.values()) {
      numbers.clear();
      live.clear();
    }
    this.#size = 0;
  }

  /** What is still true of a type's resources in the state that is read; nothing where that may be taken back. */
  #ofType(type: number): OfType {
    const fresh = { numbers: new Map<string, number>(), live: new Set<number>(), lastChange: -1 };
    if (!this.remembers) return fresh;
    const lastErasure = Number(this.#erasure.get()?.[0]);
    if (lastErasure !== this.#lastErasure) this.#forget();
    this.#lastErasure = lastErasure;
    const known = this.#types.get(type) ?? fresh;
    this.#types.set(type, known);
    return known;
  }
}
