/**
 * Finds the batches whose records name something, without opening them. https://hl7.org/fhir/R4/auditevent.html#search
 *
 * Each batch adds a sorted run of hashes. Runs of sixteen batches are merged to one, and sixteen of those again, so that
 * a look-up touches one row in each of a few runs, and writing costs little more than sorting.
 */
import { ByteReader, ByteWriter } from './audit-bytes.ts';
import type { Database, Statement } from './open.ts';

/** Runs that are merged to one. Two merges make 256 batches, which one byte numbers. */
const fanOut = 16;
const topLevel = 2;
/** Pairs of a row. */
const rowSize = 1024;
const segmentScale = 2 ** 32;
/** A pair of a hash and the number of a batch in its run is hash * 256 + number. */
const pairScale = 256;

/** Sorted and without duplicates. */
export function sortedKeys(keys: Uint32Array): Uint32Array {
  const sorted = Uint32Array.from(keys).sort();
  let size = 0;
  for (let n = 0; n < sorted.length; n++) {
    const key = sorted[n] ?? 0;
    if (n === 0 || key !== sorted[size - 1]) sorted[size++] = key;
  }
  return sorted.subarray(0, size);
}

/** The index of batches: written in the transaction that writes the batch, read anywhere. */
export class AuditIndex {
  readonly #db: Database;
  readonly #addSegment: Statement;
  readonly #addRow: Statement;
  readonly #segmentsOf: Statement<[number, Uint8Array]>;
  readonly #segments: Statement<[number, Uint8Array]>;
  readonly #row: Statement<[number, Uint8Array]>;
  readonly #rows: Statement<[number, Uint8Array]>;
  readonly #dropSegment: Statement;
  readonly #dropRows: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#addSegment = db.prepare('INSERT INTO audit_segment (num, level, batches) VALUES (?, ?, ?)');
    this.#addRow = db.prepare('INSERT INTO audit_index (key, body) VALUES (?, ?)');
    this.#segmentsOf = db.prepare('SELECT num, batches FROM audit_segment WHERE level = ? ORDER BY num');
    this.#segments = db.prepare('SELECT num, batches FROM audit_segment ORDER BY num');
    this.#row = db.prepare('SELECT key, body FROM audit_index WHERE key <= ? ORDER BY key DESC LIMIT 1');
    this.#rows = db.prepare('SELECT key, body FROM audit_index WHERE key >= ? AND key < ? ORDER BY key');
    this.#dropSegment = db.prepare('DELETE FROM audit_segment WHERE num = ?');
    this.#dropRows = db.prepare('DELETE FROM audit_index WHERE key >= ? AND key < ?');
  }

  /** Adds a batch, newest last. `keys` are sorted and without duplicates. Inside the caller's transaction. */
  add(first: number, keys: Uint32Array): void {
    const pairs = Float64Array.from(keys, (key) => key * pairScale);
    this.#write(0, [first], pairs);
    for (let level = 0; level < topLevel; level++) {
      const segments = this.#segmentsOf.all(level);
      if (segments.length < fanOut) break;
      const batches: number[] = [];
      const runs = segments.map(([num, of]) => {
        const run = this.#pairs(num, batches.length);
        batches.push(...readBatches(of));
        return run;
      });
      for (const [num] of segments) {
        this.#dropSegment.run(num);
        this.#dropRows.run(num * segmentScale, (num + 1) * segmentScale);
      }
      this.#write(level + 1, batches, mergeAll(runs));
    }
  }

  /** The sequences that batches with any of the keys begin with; a few too many where hashes collide. */
  find(keys: readonly number[]): Set<number> {
    const found = new Set<number>();
    for (const [num, of] of this.#segments.all()) {
      let batches: readonly number[] | undefined;
      for (const key of keys) {
        const row = this.#row.get(num * segmentScale + key);
        if (row === undefined || row[0] < num * segmentScale) continue;
        for (const number of numbersIn(row[1], row[0] - num * segmentScale, key)) {
          batches ??= readBatches(of);
          const first = batches[number];
          if (first !== undefined) found.add(first);
        }
      }
    }
    return found;
  }

  /** The sorted keys of each batch of the run that has the batch, by the sequence it begins with; none: undefined. */
  keysBeside(first: number): ReadonlyMap<number, Uint32Array> | undefined {
    for (const [num, of] of this.#segments.all()) {
      const batches = readBatches(of);
      if (!batches.includes(first)) continue;
      const keys: number[][] = batches.map(() => []);
      for (const pair of this.#pairs(num)) keys[pair % pairScale]?.push(Math.floor(pair / pairScale));
      return new Map(batches.map((batch, n) => [batch, Uint32Array.from(keys[n] ?? [])]));
    }
    return undefined;
  }

  /** Drops runs that have only batches before that sequence. Inside the caller's transaction. */
  removeBefore(sequence: number): void {
    for (const [num, of] of this.#segments.all()) {
      if (readBatches(of).some((first) => first >= sequence)) continue;
      this.#dropSegment.run(num);
      this.#dropRows.run(num * segmentScale, (num + 1) * segmentScale);
    }
  }

  #write(level: number, batches: readonly number[], pairs: Float64Array): void {
    const num = (this.#db.prepare<[number | null]>('SELECT max(num) FROM audit_segment').get()?.[0] ?? 0) + 1;
    const numbers = new ByteWriter(batches.length * 8);
    let before = 0;
    for (const first of batches) {
      numbers.varint(first - before);
      before = first;
    }
    this.#addSegment.run(num, level, numbers.copy());
    const row = new ByteWriter(rowSize * 6 + 512);
    for (let start = 0; start < pairs.length; ) {
      const low = start === 0 ? 0 : Math.floor((pairs[start] ?? 0) / pairScale);
      let key = low;
      row.clear();
      let n = start;
      for (; n < pairs.length; n++) {
        const pair = pairs[n] ?? 0;
        const next = Math.floor(pair / pairScale);
        // A key's pairs stay together in one row.
        if (n - start >= rowSize && next !== key) break;
        row.reserve(8);
        row.varint(next - key);
        row.byte(pair % pairScale);
        key = next;
      }
      this.#addRow.run(num * segmentScale + low, row.copy());
      start = n;
    }
  }

  /** The pairs of a run, their batches numbered from `offset`. */
  #pairs(num: number, offset = 0): Float64Array {
    const rows = this.#rows.all(num * segmentScale, (num + 1) * segmentScale);
    const pairs = new Float64Array(rows.reduce((sum, [, body]) => sum + (body.length >>> 1), 0));
    let size = 0;
    for (const [start, body] of rows) {
      let key = start - num * segmentScale;
      for (let at = 0; at < body.length; ) {
        // As ByteReader.varint, without its calls: a merge reads a million of them.
        let byte = body[at++] ?? 0;
        let gap = byte & 127;
        for (let scale = 128; byte > 127; scale *= 128) {
          byte = body[at++] ?? 0;
          gap += (byte & 127) * scale;
        }
        key += gap;
        pairs[size++] = key * pairScale + (body[at++] ?? 0) + offset;
      }
    }
    return pairs.subarray(0, size);
  }
}

/** Numbers of batches that a row pairs with the key. `low`: the row's least key. */
function numbersIn(body: Uint8Array, low: number, key: number): readonly number[] {
  const reader = new ByteReader(body);
  const numbers: number[] = [];
  let at = low;
  while (reader.at < reader.end) {
    at += reader.varint();
    if (at > key) break;
    const number = reader.byte();
    if (at === key) numbers.push(number);
  }
  return numbers;
}

function readBatches(bytes: Uint8Array): readonly number[] {
  const reader = new ByteReader(bytes);
  const batches: number[] = [];
  let first = 0;
  while (reader.at < reader.end) {
    first += reader.varint();
    batches.push(first);
  }
  return batches;
}

function mergeAll(runs: readonly Float64Array[]): Float64Array {
  let round = runs;
  while (round.length > 1) {
    const next: Float64Array[] = [];
    for (let n = 0; n < round.length; n += 2) {
      const [left, right] = [round[n], round[n + 1]];
      if (left !== undefined) next.push(right === undefined ? left : merge(left, right));
    }
    round = next;
  }
  return round[0] ?? new Float64Array(0);
}

function merge(left: Float64Array, right: Float64Array): Float64Array {
  const merged = new Float64Array(left.length + right.length);
  let l = 0;
  let r = 0;
  for (let n = 0; n < merged.length; n++) {
    const a = l < left.length ? (left[l] ?? 0) : Number.POSITIVE_INFINITY;
    const b = r < right.length ? (right[r] ?? 0) : Number.POSITIVE_INFINITY;
    if (a <= b) {
      merged[n] = a;
      l++;
    } else {
      merged[n] = b;
      r++;
    }
  }
  return merged;
}
