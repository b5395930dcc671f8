/** Packs audit records into parts (`audit-format.ts`). https://hl7.org/fhir/R4/auditevent.html */
import type { AuditRecord } from '../audit-record.ts';
import { ByteWriter } from './audit-bytes.ts';
import { checkByte, checkStart, checkStep, flagsOf, numberAt, numberStart, spelling } from './audit-format.ts';
import { IdTable } from './audit-ids.ts';
import { entityKey, patientKey, textHash, textKey, uuidHash } from './audit-key.ts';
import { writePart } from './audit-part.ts';
import { ShapeTable } from './audit-shapes.ts';
import { parseUuid, type UuidParts } from './audit-uuid.ts';

/** Records of one part at most, and bytes of its fields after which it is full. */
export const partLimit = 2048;
const fieldsLimit = 256 * 1024;
/** More than the numbers of one record take. */
const roomOfRecord = 96;

const { id: idIs, request: requestIs, entity: entityIs, patient: patientIs, query: queryIs } = spelling;

/** Packs records into one part at a time. One is kept and used again: it remembers shapes. */
export class Packer {
  readonly #fields = new ByteWriter(8 * 1024);
  readonly #raw = new ByteWriter(8 * 1024);
  readonly #shapes = new ShapeTable();
  readonly #ids = new IdTable();
  readonly #queries = new Map<string, number>();
  readonly #uuid: UuidParts = { time: 0, head: 0, tail: 0 };
  #keys = new Uint32Array(64);
  #keyCount = 0;
  #part = 0;
  #shapeCount = 0;
  #count = 0;
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #check = checkStart;
  // What the next record counts on from.
  #recorded = 0;
  #idHead = -1;
  #idTail = 0;
  #request = '';
  #requestHead = -1;
  #requestTail = 0;
  #requestPrefix = '';
  #requestNumber = 0;
  #patient = '';
  #patientNumber = -1;

  get count(): number {
    return this.#count;
  }

  /** Whether the part should be finished before the next record. */
  get full(): boolean {
    return this.#count >= partLimit || this.#fields.length >= fieldsLimit;
  }

  add(record: AuditRecord): void {
    const fields = this.#fields;
    const raw = this.#raw;
    fields.reserve(roomOfRecord);
    raw.reserve(roomOfRecord);
    const fieldsStart = fields.length;
    const rawStart = raw.length;
    const { recorded, id, entity, patient, query } = record;

    // How everything is spelled comes first: it is part of the shape, which is written first.
    const uuid = this.#uuid;
    let idSpelling: number = idIs.text;
    let idHead = 0;
    let idTail = 0;
    if (parseUuid(id, uuid) && uuid.time === recorded) {
      idHead = uuid.head;
      idTail = uuid.tail;
      if (idHead !== this.#idHead) idSpelling = idIs.head;
      else idSpelling = idTail === this.#idTail + 1 ? idIs.next : idIs.jump;
    }
    let entitySpelling: number = entityIs.none;
    let entityNumber = -1;
    if (entity !== '') {
      const known = this.#numberOf(entity);
      entitySpelling = known ? entityIs.known : this.#uuidFound ? entityIs.uuid : entityIs.text;
      entityNumber = this.#found;
    }
    let patientSpelling: number = patientIs.none;
    if (patient !== '') {
      if (patient === entity) {
        patientSpelling = patientIs.entity;
        this.#patientNumber = entityNumber;
      } else if (patient === this.#patient) patientSpelling = patientIs.same;
      else {
        const known = this.#numberOf(patient);
        patientSpelling = known ? patientIs.known : this.#uuidFound ? patientIs.uuid : patientIs.text;
        this.#patientNumber = this.#found;
      }
      this.#patient = patient;
    }
    const requestSpelling = this.#spellRequest(record.requestId);
    let querySpelling: number = queryIs.none;
    let queryNumber = 0;
    if (query !== '') {
      const known = this.#queries.get(query);
      querySpelling = known === undefined ? queryIs.text : queryIs.known;
      queryNumber = known ?? 0;
      if (known === undefined) this.#queries.set(query, this.#queries.size);
    }

    const typeHash = this.#writeShape(
      record,
      flagsOf(idSpelling, requestSpelling, entitySpelling, patientSpelling, querySpelling),
    );
    fields.signed(recorded - this.#recorded);
    this.#recorded = recorded;
    if (idSpelling === idIs.text) {
      fields.text(id);
      this.#addKey(textKey('id', id));
    } else {
      if (idSpelling === idIs.jump) fields.signed(idTail - this.#idTail);
      else if (idSpelling === idIs.head) {
        fields.varint(idHead);
        fields.varint(idTail);
      }
      this.#idHead = idHead;
      this.#idTail = idTail;
    }
    this.#writeRequest(requestSpelling, record.requestId, recorded);
    if (entitySpelling === entityIs.text) fields.text(entity);
    else if (entitySpelling === entityIs.known) fields.varint(entityNumber);
    if (patientSpelling === patientIs.text) fields.text(patient);
    else if (patientSpelling === patientIs.known) fields.varint(this.#patientNumber);
    if (querySpelling === queryIs.text) fields.text(query);
    else if (querySpelling === queryIs.known) fields.varint(queryNumber);

    this.#noteKeys(record, entityNumber, typeHash);
    raw.byte(this.#checked(fieldsStart, rawStart));
    this.#count++;
    if (recorded < this.#low) this.#low = recorded;
    if (recorded > this.#high) this.#high = recorded;
  }

  /** The part in one piece (`readPart`), then empty again. */
  finish(): Uint8Array {
    const bytes = writePart({
      count: this.#count,
      low: this.#low,
      high: this.#high,
      fields: this.#fields.bytes.subarray(0, this.#fields.length),
      raw: this.#raw.bytes.subarray(0, this.#raw.length),
      keys: this.#keys.subarray(0, this.#keyCount),
    });
    this.#clear();
    return bytes;
  }

  #found = -1;
  #uuidFound = false;

  /** Leaves the number of an id in `#found`, and writes the bytes of a new one that is a UUID. @returns whether it was known. */
  #numberOf(id: string): boolean {
    const uuid = this.#uuid;
    const isUuid = parseUuid(id, uuid);
    const hash = isUuid ? uuidHash(uuid.time, uuid.head, uuid.tail) : textHash(id);
    this.#found = this.#ids.find(id, hash);
    if (this.#found >= 0) return true;
    this.#found = this.#ids.add(id, hash);
    this.#uuidFound = isUuid;
    if (isUuid) writeUuid(this.#raw, uuid);
    return false;
  }

  #spellRequest(requestId: string): number {
    if (this.#count > 0 && requestId === this.#request) return requestIs.same;
    if (requestId.startsWith(this.#requestPrefix) && this.#requestPrefix !== '') {
      if (numberStart(requestId) === this.#requestPrefix.length) return requestIs.number;
    }
    if (!parseUuid(requestId, this.#uuid)) return requestIs.text;
    return this.#uuid.head === this.#requestHead ? requestIs.uuid : requestIs.raw;
  }

  /** `#uuid` still holds what `#spellRequest` read. */
  #writeRequest(requestSpelling: number, requestId: string, recorded: number): void {
    if (requestSpelling === requestIs.same) return;
    const fields = this.#fields;
    const { time, head, tail } = this.#uuid;
    this.#request = requestId;
    if (requestSpelling === requestIs.number) {
      const number = numberAt(requestId, this.#requestPrefix.length);
      fields.signed(number - this.#requestNumber);
      this.#requestNumber = number;
    } else if (requestSpelling === requestIs.text) {
      fields.text(requestId);
      const start = numberStart(requestId);
      if (start < 0) return;
      this.#requestPrefix = requestId.slice(0, start);
      this.#requestNumber = numberAt(requestId, start);
    } else {
      if (requestSpelling === requestIs.raw) writeUuid(this.#raw, this.#uuid);
      else {
        fields.signed(time - recorded);
        fields.signed(tail - this.#requestTail);
      }
      this.#requestHead = head;
      this.#requestTail = tail;
    }
  }

  /** Writes the number of the record's shape, and the shape where the part doesn't have it. @returns the hash of its type. */
  #writeShape(record: AuditRecord, flags: number): number {
    const known = this.#shapes.of(record, flags);
    if (known.part === this.#part) this.#fields.varint(known.number);
    else {
      this.#shapeCount++;
      known.part = this.#part;
      known.number = this.#shapeCount;
      this.#fields.raw(known.bytes);
      this.#fields.reserve(roomOfRecord);
      for (const key of known.keys) this.#addKey(key);
    }
    return known.typeHash;
  }

  #noteKeys({ type, entity, patient }: AuditRecord, entityNumber: number, typeHash: number): void {
    const ids = this.#ids;
    if (entityNumber >= 0 && ids.noteEntity(entityNumber, typeHash)) {
      this.#addKey(entityKey(typeHash, ids.hash(entityNumber)));
    }
    // A patient's own record is found by its entity.
    if (patient === '' || (patient === entity && type === 'Patient')) return;
    if (ids.notePatient(this.#patientNumber)) this.#addKey(patientKey(ids.hash(this.#patientNumber)));
  }

  #addKey(key: number): void {
    if (this.#keyCount === this.#keys.length) {
      const grown = new Uint32Array(this.#keyCount * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    this.#keys[this.#keyCount++] = key;
  }

  /** The check after the bytes of one record. */
  #checked(fieldsStart: number, rawStart: number): number {
    let state = this.#check;
    const fields = this.#fields.bytes;
    const fieldsEnd = this.#fields.length;
    const raw = this.#raw.bytes;
    const rawEnd = this.#raw.length;
    for (let n = fieldsStart; n < fieldsEnd; n++) state = checkStep(state, fields[n] ?? 0);
    for (let n = rawStart; n < rawEnd; n++) state = checkStep(state, raw[n] ?? 0);
    this.#check = state;
    return checkByte(state);
  }

  #clear(): void {
    this.#fields.clear();
    this.#raw.clear();
    this.#ids.clear();
    if (this.#queries.size > 0) this.#queries.clear();
    this.#keyCount = 0;
    this.#part++;
    this.#shapeCount = 0;
    this.#count = 0;
    this.#low = Number.POSITIVE_INFINITY;
    this.#high = Number.NEGATIVE_INFINITY;
    this.#check = checkStart;
    this.#recorded = 0;
    this.#idHead = -1;
    this.#request = '';
    this.#requestHead = -1;
    this.#requestPrefix = '';
    this.#patient = '';
  }
}

function writeUuid(raw: ByteWriter, { time, head, tail }: UuidParts): void {
  raw.reserve(roomOfRecord);
  raw.word(Math.floor(time / 65536));
  raw.byte((time >>> 8) & 255);
  raw.byte(time & 255);
  raw.word(head);
  raw.word(Math.floor(tail / 65536));
  raw.byte((tail >>> 8) & 255);
  raw.byte(tail & 255);
}

/** Packs records into parts of at most `partLimit`. */
export function packRecords(records: readonly AuditRecord[], packer: Packer = new Packer()): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const record of records) {
    if (packer.full) parts.push(packer.finish());
    packer.add(record);
  }
  if (packer.count > 0) parts.push(packer.finish());
  return parts;
}
