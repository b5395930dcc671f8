/**
 * Packs audit records: what repeats becomes a number, what counts up a difference, UUIDs 16 bytes.
 * https://hl7.org/fhir/R4/auditevent.html
 *
 * A part stands for itself: a count, fields (which compress well) and raw bytes (which don't). For each record the
 * fields hold its shape (everything that repeats, and how the rest is spelled; 0: a new shape follows), milliseconds
 * since the record before, and what the shape's flags say of id, request id, entity, patient and query. The raw bytes
 * hold new UUIDs and, last of each record, a running check over all bytes so far, which tells which record was changed.
 */
import type { AuditRecord } from '../audit-record.ts';
import { ByteWriter } from './audit-bytes.ts';
import { entityKey, idHash, patientKey, textHash, textKey, uuidHash } from './audit-key.ts';
import { writePart } from './audit-part.ts';
import { parseUuid, type UuidParts } from './audit-uuid.ts';

/** What many records have in common. */
export interface Shape {
  readonly flags: number;
  readonly subtype: string;
  readonly action: string;
  readonly outcome: string;
  readonly status: number;
  readonly agent: string;
  readonly address: string;
  readonly type: string;
}

/** How the rest of a record is spelled, by bits of its shape's flags. */
export const spelling = {
  /** A UUID that begins with `recorded`: `next` counts on from the record before; `jump`, `head`: other digits follow. */
  id: { next: 0, jump: 1, head: 2, text: 3 },
  request: { same: 0, counting: 1, uuid: 2, text: 3 },
  entity: { none: 0, uuid: 1, text: 2, known: 3 },
  patient: { none: 0, entity: 1, same: 2, uuid: 3, text: 4, known: 5 },
  query: { none: 0, text: 1, known: 2 },
} as const;

/** Records of one part at most, and bytes of its fields after which it is full. */
export const partLimit = 4096;
const fieldsLimit = 256 * 1024;

/** One step of the running check. */
export function checkStep(state: number, byte: number): number {
  return Math.imul(state ^ byte, 0x01000193);
}
export const checkStart = 0x811c9dc5;
/** The byte that is stored of the check's state. */
export function checkByte(state: number): number {
  return (state ^ (state >>> 15) ^ (state >>> 24)) & 255;
}

/** Shapes that are compared before the map is asked. */
const recentShapes = 6;

/** Packs records into one part. */
export class Packer {
  #fields = new ByteWriter(32 * 1024);
  #raw = new ByteWriter(64 * 1024);
  #keys: number[] = [];
  #count = 0;
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #check = checkStart;
  #recorded = 0;
  #idHead = -1;
  #idTail = 0;
  #request = '';
  #requestHead = -1;
  #requestTail = 0;
  #patient = '';
  readonly #shapes = new Map<string, number>();
  #recent: { readonly number: number; readonly shape: Shape; readonly typeHash: number }[] = [];
  readonly #ids = new Map<string, number>();
  /** By number of id: its hash, the type it was last an entity of, whether it was a patient. */
  #idHashes: number[] = [];
  #idTypes: string[] = [];
  #idPatients: boolean[] = [];
  readonly #queries = new Map<string, number>();
  readonly #uuid: UuidParts = { time: 0, head: 0, tail: 0 };

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
    fields.reserve(64);
    raw.reserve(64);
    const fieldsStart = fields.length;
    const rawStart = raw.length;
    const uuid = this.#uuid;
    const { recorded, id, requestId, entity, patient, query } = record;

    let idSpelling: number = spelling.id.text;
    let idHead = 0;
    let idTail = 0;
    if (parseUuid(id, uuid) && uuid.time === recorded) {
      idHead = uuid.head;
      idTail = uuid.tail;
      if (idHead !== this.#idHead) idSpelling = spelling.id.head;
      else idSpelling = idTail === this.#idTail + 1 ? spelling.id.next : spelling.id.jump;
    }

    let requestSpelling: number = spelling.request.text;
    let requestTime = 0;
    let requestHead = 0;
    let requestTail = 0;
    if (this.#count > 0 && requestId === this.#request) requestSpelling = spelling.request.same;
    else if (parseUuid(requestId, uuid)) {
      requestTime = uuid.time;
      requestHead = uuid.head;
      requestTail = uuid.tail;
      requestSpelling = requestHead === this.#requestHead ? spelling.request.counting : spelling.request.uuid;
    }

    const entityNumber = entity === '' ? undefined : this.#ids.get(entity);
    let entitySpelling: number = spelling.entity.none;
    let entityUuid = false;
    if (entityNumber !== undefined) entitySpelling = spelling.entity.known;
    else if (entity !== '') {
      entityUuid = parseUuid(entity, uuid);
      entitySpelling = entityUuid ? spelling.entity.uuid : spelling.entity.text;
    }
    let newEntity = entityNumber ?? -1;
    if (entityNumber === undefined && entity !== '') {
      newEntity = this.#newId(entity, entityUuid ? uuidHash(uuid.time, uuid.head, uuid.tail) : idHash(entity));
    }
    // `uuid` is used again for the patient: the entity's bytes come first among the raw ones.
    if (entityUuid) writeUuid(raw, uuid);

    const patientNumber = patient === '' ? undefined : this.#ids.get(patient);
    let patientSpelling: number = spelling.patient.none;
    let patientUuid = false;
    let newPatient = patientNumber ?? -1;
    if (patient !== '') {
      if (patient === entity) {
        patientSpelling = spelling.patient.entity;
        newPatient = newEntity;
      } else if (patient === this.#patient) patientSpelling = spelling.patient.same;
      else if (patientNumber !== undefined) patientSpelling = spelling.patient.known;
      else {
        patientUuid = parseUuid(patient, uuid);
        patientSpelling = patientUuid ? spelling.patient.uuid : spelling.patient.text;
        newPatient = this.#newId(patient, patientUuid ? uuidHash(uuid.time, uuid.head, uuid.tail) : idHash(patient));
        if (patientUuid) writeUuid(raw, uuid);
      }
    }

    const queryNumber = query === '' ? undefined : this.#queries.get(query);
    let querySpelling: number = spelling.query.none;
    if (queryNumber !== undefined) querySpelling = spelling.query.known;
    else if (query !== '') {
      querySpelling = spelling.query.text;
      this.#queries.set(query, this.#queries.size);
    }

    const flags =
      idSpelling | (requestSpelling << 2) | (entitySpelling << 4) | (patientSpelling << 6) | (querySpelling << 9);
    const typeHash = this.#writeShape(record, flags);
    fields.signed(recorded - this.#recorded);
    this.#recorded = recorded;

    if (idSpelling === spelling.id.text) {
      fields.text(id);
      this.#keys.push(textKey('id', id));
    } else {
      if (idSpelling === spelling.id.jump) fields.signed(idTail - this.#idTail);
      if (idSpelling === spelling.id.head) {
        fields.varint(idHead);
        fields.varint(idTail);
      }
      this.#idHead = idHead;
      this.#idTail = idTail;
    }

    if (requestSpelling !== spelling.request.same) this.#request = requestId;
    if (requestSpelling === spelling.request.text) fields.text(requestId);
    else if (requestSpelling === spelling.request.counting) {
      fields.signed(requestTime - recorded);
      fields.signed(requestTail - this.#requestTail);
      this.#requestTail = requestTail;
    } else if (requestSpelling === spelling.request.uuid) {
      uuid.time = requestTime;
      uuid.head = requestHead;
      uuid.tail = requestTail;
      writeUuid(raw, uuid);
      this.#requestHead = requestHead;
      this.#requestTail = requestTail;
    }

    if (entitySpelling === spelling.entity.text) fields.text(entity);
    else if (entitySpelling === spelling.entity.known) fields.varint(entityNumber ?? 0);
    if (patientSpelling === spelling.patient.text) fields.text(patient);
    else if (patientSpelling === spelling.patient.known) fields.varint(patientNumber ?? 0);
    if (querySpelling === spelling.query.text) fields.text(query);
    else if (querySpelling === spelling.query.known) fields.varint(queryNumber ?? 0);

    if (newEntity >= 0 && this.#idTypes[newEntity] !== record.type) {
      this.#idTypes[newEntity] = record.type;
      this.#keys.push(entityKey(typeHash, this.#idHashes[newEntity] ?? 0));
    }
    if (patient !== '') {
      this.#patient = patient;
      // A patient's own record is found by its entity.
      const own = patient === entity && record.type === 'Patient';
      if (!own && this.#idPatients[newPatient] === false) {
        this.#idPatients[newPatient] = true;
        this.#keys.push(patientKey(this.#idHashes[newPatient] ?? 0));
      }
    }

    raw.byte(this.#checked(fieldsStart, rawStart));
    this.#count++;
    if (recorded < this.#low) this.#low = recorded;
    if (recorded > this.#high) this.#high = recorded;
  }

  /** The part in one piece (`readPart`), then empty again. */
  finish(): Uint8Array {
    const fields = this.#fields.bytes.subarray(0, this.#fields.length);
    const raw = this.#raw.bytes.subarray(0, this.#raw.length);
    const part = {
      count: this.#count,
      low: this.#low,
      high: this.#high,
      fields,
      raw,
      keys: Uint32Array.from(this.#keys),
    };
    const bytes = writePart(part);
    this.#clear();
    return bytes;
  }

  #newId(id: string, hash: number): number {
    const number = this.#ids.size;
    this.#ids.set(id, number);
    this.#idHashes.push(hash);
    this.#idTypes.push('\u0000');
    this.#idPatients.push(false);
    return number;
  }

  /** Writes the number of the record's shape, and the shape where it is new. Gives the hash of its type. */
  #writeShape(record: AuditRecord, flags: number): number {
    const recent = this.#recent;
    for (let n = 0; n < recent.length; n++) {
      const known = recent[n];
      if (known === undefined || known.shape.flags !== flags || !fits(known.shape, record)) continue;
      if (n > 0) {
        // Towards the front, a step at a time.
        const before = recent[n - 1];
        if (before !== undefined) recent[n] = before;
        recent[n - 1] = known;
      }
      this.#fields.varint(known.number);
      return known.typeHash;
    }
    const { subtype, action, outcome, status, agent, address, type } = record;
    const name = `${flags} ${subtype}\n${action}\n${outcome}\n${status}\n${agent.length}\n${agent}\n${address}\n${type}`;
    const typeHash = textHash(type);
    const found = this.#shapes.get(name);
    const number = found ?? this.#shapes.size + 1;
    if (found === undefined) {
      this.#shapes.set(name, number);
      this.#newShape(record, flags);
    } else this.#fields.varint(number);
    const shape = { flags, subtype, action, outcome, status, agent, address, type };
    if (recent.length === recentShapes) recent.pop();
    recent.push({ number, shape, typeHash });
    return typeHash;
  }

  #newShape(record: AuditRecord, flags: number): void {
    const fields = this.#fields;
    fields.byte(0);
    fields.varint(flags);
    fields.varint(record.status);
    fields.text(record.subtype);
    fields.text(record.action);
    fields.text(record.outcome);
    fields.text(record.agent);
    fields.text(record.address);
    fields.text(record.type);
    this.#keys.push(textKey('subtype', record.subtype), textKey('action', record.action));
    this.#keys.push(textKey('outcome', record.outcome), textKey('agent', record.agent));
  }

  /** The check after the bytes of one record. */
  #checked(fieldsStart: number, rawStart: number): number {
    let state = this.#check;
    const fields = this.#fields.bytes;
    const raw = this.#raw.bytes;
    for (let n = fieldsStart; n < this.#fields.length; n++) state = checkStep(state, fields[n] ?? 0);
    for (let n = rawStart; n < this.#raw.length; n++) state = checkStep(state, raw[n] ?? 0);
    this.#check = state;
    return checkByte(state);
  }

  #clear(): void {
    this.#fields.clear();
    this.#raw.clear();
    this.#keys = [];
    this.#count = 0;
    this.#low = Number.POSITIVE_INFINITY;
    this.#high = Number.NEGATIVE_INFINITY;
    this.#check = checkStart;
    this.#recorded = 0;
    this.#idHead = -1;
    this.#request = '';
    this.#requestHead = -1;
    this.#patient = '';
    this.#shapes.clear();
    this.#recent = [];
    this.#ids.clear();
    this.#idHashes = [];
    this.#idTypes = [];
    this.#idPatients = [];
    this.#queries.clear();
  }
}

function fits(shape: Shape, record: AuditRecord): boolean {
  return (
    shape.type === record.type &&
    shape.subtype === record.subtype &&
    shape.status === record.status &&
    shape.outcome === record.outcome &&
    shape.action === record.action &&
    shape.agent === record.agent &&
    shape.address === record.address
  );
}

function writeUuid(raw: ByteWriter, { time, head, tail }: UuidParts): void {
  raw.reserve(64);
  const high = Math.floor(time / 65536);
  raw.byte(high >>> 24);
  raw.byte((high >>> 16) & 255);
  raw.byte((high >>> 8) & 255);
  raw.byte(high & 255);
  raw.byte((time >>> 8) & 255);
  raw.byte(time & 255);
  raw.byte(head >>> 24);
  raw.byte((head >>> 16) & 255);
  raw.byte((head >>> 8) & 255);
  raw.byte(head & 255);
  const tailHigh = Math.floor(tail / 65536);
  raw.byte(tailHigh >>> 24);
  raw.byte((tailHigh >>> 16) & 255);
  raw.byte((tailHigh >>> 8) & 255);
  raw.byte(tailHigh & 255);
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
