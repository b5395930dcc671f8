/** Packed audit records unpacked into columns; a record is made only when asked for. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditRecord } from '../audit-record.ts';
import { ByteReader, DamagedAudit, textAt } from './audit-bytes.ts';
import {
  checkByte,
  checkStart,
  checkStep,
  entityFlag,
  idFlag,
  numberAt,
  numberStart,
  patientFlag,
  queryFlag,
  requestFlag,
  type Shape,
  spelling,
} from './audit-format.ts';
import { IdColumn } from './audit-id-column.ts';
import type { PartBytes } from './audit-part.ts';
import { formatUuid, readUuid, type UuidParts } from './audit-uuid.ts';

const actions: readonly string[] = ['C', 'R', 'U', 'D', 'E'] satisfies readonly AuditRecord['action'][];
const outcomes: readonly string[] = ['0', '4', '8', '12'] satisfies readonly AuditRecord['outcome'][];
const isAction = (text: string): text is AuditRecord['action'] => actions.includes(text);
const isOutcome = (text: string): text is AuditRecord['outcome'] => outcomes.includes(text);

/** In place of a request id's time: its head is the number of a prefix, its tail a number to the base 36. */
const numbered = -1;

/** A text that is only made when asked for. */
interface TextPlace {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Records as columns. Numbers of ids are those of `ids`; -1: none. */
export class AuditColumns {
  readonly capacity: number;
  /** Records so far. */
  count = 0;
  readonly shapes: Shape[] = [];
  readonly shape: Uint32Array;
  readonly recorded: Float64Array;
  readonly entity: Int32Array;
  readonly patient: Int32Array;
  readonly #idHead: Uint32Array;
  readonly #idTail: Float64Array;
  readonly #query: Int32Array;
  readonly #requestTime: Float64Array;
  readonly #requestHead: Uint32Array;
  readonly #requestTail: Float64Array;
  /** Ids and request ids that are no such UUID, by number of the record. */
  readonly #oddIds = new Map<number, string>();
  readonly #requestTexts = new Map<number, string>();
  readonly #requestPrefixes: string[] = [];
  readonly #queries: TextPlace[] = [];
  /** Ids of entities and patients, by the numbers in `entity` and `patient`. */
  readonly ids: IdColumn;

  constructor(capacity: number) {
    this.capacity = capacity;
    // Each record brings at most two.
    this.ids = new IdColumn(capacity * 2);
    this.shape = new Uint32Array(capacity);
    this.recorded = new Float64Array(capacity);
    this.entity = new Int32Array(capacity);
    this.patient = new Int32Array(capacity);
    this.#idHead = new Uint32Array(capacity);
    this.#idTail = new Float64Array(capacity);
    this.#query = new Int32Array(capacity);
    this.#requestTime = new Float64Array(capacity);
    this.#requestHead = new Uint32Array(capacity);
    this.#requestTail = new Float64Array(capacity);
  }

  /** Adds a part's records. Throws DamagedAudit where the bytes make no sense. */
  add(part: PartBytes): void {
    this.#unpack(part, false);
  }

  /**
   * Adds a part's records up to the first that differs from its check or makes no sense.
   * @returns that record: its place, and its id where it could be read.
   */
  addChecked(part: PartBytes): { readonly place: number; readonly id?: string } | undefined {
    try {
      const place = this.#unpack(part, true);
      return place < 0 ? undefined : { place, id: this.id(place) };
    } catch (error) {
      if (error instanceof DamagedAudit) return { place: this.count };
      throw error;
    }
  }

  /** @returns the place of the first record that differs from its check, -1 where there is none. */
  #unpack(part: PartBytes, checked: boolean): number {
    const fields = new ByteReader(part.fields);
    const raw = new ByteReader(part.raw);
    const firstShape = this.shapes.length - 1;
    const firstId = this.ids.count;
    this.ids.beginPart(part.raw);
    const firstQuery = this.#queries.length;
    let recorded = 0;
    let idHead = 0;
    let idTail = 0;
    let patient = -1;
    let requestHead = 0;
    let requestTail = 0;
    let requestPrefix = 0;
    let requestNumber = 0;
    let check = checkStart;
    const uuid: UuidParts = { time: 0, head: 0, tail: 0 };
    for (let left = part.count; left > 0; left--) {
      const n = this.count;
      if (n >= this.capacity) throw new DamagedAudit('an audit batch has more records than it says');
      const fieldsStart = fields.at;
      const rawStart = raw.at;
      let number = fields.varint();
      if (number === 0) {
        this.shapes.push(readShape(fields));
        number = this.shapes.length - 1 - firstShape;
      }
      const shape = this.shapes[firstShape + number];
      if (shape === undefined) throw new DamagedAudit('an audit record has an unknown shape');
      const { flags } = shape;
      recorded += fields.signed();
      this.shape[n] = firstShape + number;
      this.recorded[n] = recorded;

      const idSpelling = idFlag(flags);
      if (idSpelling === spelling.id.text) this.#oddIds.set(n, fields.text());
      else {
        if (idSpelling === spelling.id.next) idTail += 1;
        else if (idSpelling === spelling.id.jump) idTail += fields.signed();
        else {
          idHead = fields.varint();
          idTail = fields.varint();
        }
        this.#idHead[n] = idHead;
        this.#idTail[n] = idTail;
      }

      const requestSpelling = requestFlag(flags);
      if (requestSpelling === spelling.request.same) this.#sameRequest(n);
      else if (requestSpelling === spelling.request.number) {
        requestNumber += fields.signed();
        this.#requestTime[n] = numbered;
        this.#requestHead[n] = requestPrefix;
        this.#requestTail[n] = requestNumber;
      } else if (requestSpelling === spelling.request.uuid) {
        this.#requestTime[n] = recorded + fields.signed();
        this.#requestHead[n] = requestHead;
        requestTail += fields.signed();
        this.#requestTail[n] = requestTail;
      } else if (requestSpelling === spelling.request.text) {
        const text = fields.text();
        this.#requestTexts.set(n, text);
        const start = numberStart(text);
        if (start >= 0) {
          requestPrefix = this.#requestPrefixes.push(text.slice(0, start)) - 1;
          requestNumber = numberAt(text, start);
        }
      }

      const entitySpelling = entityFlag(flags);
      let entity = -1;
      if (entitySpelling === spelling.entity.uuid) entity = this.ids.addUuid(raw.skip(16));
      else if (entitySpelling === spelling.entity.text) entity = this.ids.addText(fields.text());
      else if (entitySpelling === spelling.entity.known) entity = firstId + fields.varint();
      this.entity[n] = entity;

      const patientSpelling = patientFlag(flags);
      if (patientSpelling === spelling.patient.none) this.patient[n] = -1;
      else {
        if (patientSpelling === spelling.patient.entity) patient = entity;
        else if (patientSpelling === spelling.patient.uuid) patient = this.ids.addUuid(raw.skip(16));
        else if (patientSpelling === spelling.patient.text) patient = this.ids.addText(fields.text());
        else if (patientSpelling === spelling.patient.known) patient = firstId + fields.varint();
        this.patient[n] = patient;
      }
      if (entity >= this.ids.count || patient >= this.ids.count)
        throw new DamagedAudit('an audit record has an unknown id');

      const querySpelling = queryFlag(flags);
      if (querySpelling === spelling.query.none) this.#query[n] = -1;
      else if (querySpelling === spelling.query.known) this.#query[n] = firstQuery + fields.varint();
      else {
        const start = fields.skipText();
        this.#query[n] = this.#queries.push({ bytes: fields.bytes, start, end: fields.at }) - 1;
      }

      if (requestSpelling === spelling.request.raw) {
        const at = raw.skip(16);
        readUuid(raw.bytes, at, uuid);
        requestHead = uuid.head;
        requestTail = uuid.tail;
        this.#requestTime[n] = uuid.time;
        this.#requestHead[n] = requestHead;
        this.#requestTail[n] = requestTail;
      }

      if (checked) {
        for (let at = fieldsStart; at < fields.at; at++) check = checkStep(check, fields.bytes[at] ?? 0);
        for (let at = rawStart; at < raw.at; at++) check = checkStep(check, raw.bytes[at] ?? 0);
        if (raw.byte() !== checkByte(check)) return n;
      } else raw.at++;
      this.count++;
    }
    if (fields.at !== fields.end || raw.at !== raw.end) throw new DamagedAudit('an audit batch has bytes of no record');
    return -1;
  }

  /** The record at a place. */
  record(n: number): AuditRecord {
    const shape = this.shapeOf(n);
    const { subtype, action, outcome, status, agent, address, type } = shape;
    if (!isAction(action) || !isOutcome(outcome))
      throw new DamagedAudit('an audit record has an unknown action or outcome');
    return {
      id: this.id(n),
      recorded: this.recorded[n] ?? 0,
      subtype,
      action,
      outcome,
      status,
      agent,
      address,
      requestId: this.#requestId(n),
      type,
      entity: this.ids.text(this.entity[n] ?? -1),
      patient: this.ids.text(this.patient[n] ?? -1),
      query: this.#queryText(n),
    };
  }

  #queryText(n: number): string {
    const place = this.#queries[this.#query[n] ?? -1];
    return place === undefined ? '' : textAt(place.bytes, place.start, place.end);
  }

  #requestId(n: number): string {
    const time = this.#requestTime[n] ?? 0;
    const head = this.#requestHead[n] ?? 0;
    const tail = this.#requestTail[n] ?? 0;
    if (time === numbered) return `${this.#requestPrefixes[head] ?? ''}${tail.toString(36)}`;
    return this.#requestTexts.get(n) ?? formatUuid(time, head, tail);
  }

  /** The record's logical id. */
  id(n: number): string {
    return this.#oddIds.get(n) ?? formatUuid(this.recorded[n] ?? 0, this.#idHead[n] ?? 0, this.#idTail[n] ?? 0);
  }

  /** The record's logical id where it doesn't tell when it was made. */
  oddId(n: number): string | undefined {
    return this.#oddIds.get(n);
  }

  shapeOf(n: number): Shape {
    const shape = this.shapes[this.shape[n] ?? 0];
    if (shape === undefined) throw new DamagedAudit('an audit record has an unknown shape');
    return shape;
  }

  #sameRequest(n: number): void {
    const text = this.#requestTexts.get(n - 1);
    if (text !== undefined) this.#requestTexts.set(n, text);
    this.#requestTime[n] = this.#requestTime[n - 1] ?? 0;
    this.#requestHead[n] = this.#requestHead[n - 1] ?? 0;
    this.#requestTail[n] = this.#requestTail[n - 1] ?? 0;
  }
}

function readShape(fields: ByteReader): Shape {
  const flags = fields.varint();
  const status = fields.varint();
  const subtype = fields.text();
  const action = fields.text();
  const outcome = fields.text();
  const agent = fields.text();
  const address = fields.text();
  const type = fields.text();
  return { flags, status, subtype, action, outcome, agent, address, type };
}
