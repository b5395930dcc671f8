/** Which of a batch's records an audit query finds. https://hl7.org/fhir/R4/auditevent.html#search */
import type { AuditQuery } from '../audit-log.ts';
import type { AuditColumns } from './audit-columns.ts';
import type { Shape } from './audit-format.ts';
import { entityKey, idHash, patientKey, textHash, textKey } from './audit-key.ts';
import { parseUuid } from './audit-uuid.ts';

interface SoughtId {
  readonly id: string;
  readonly hash: number;
}

interface SoughtEntity extends SoughtId {
  readonly type: string;
}

/** A query made ready for columns; the same answer as `fits` gives for each record. */
export class AuditMatcher {
  readonly #query: AuditQuery;
  readonly #entities: readonly SoughtEntity[] | undefined;
  readonly #patients: readonly SoughtId[] | undefined;
  readonly #ids: ReadonlySet<string> | undefined;
  /** Instants that sought ids tell. */
  readonly times: ReadonlySet<number>;
  /** Sought patients as agents. */
  readonly #agents: ReadonlySet<string>;

  constructor(query: AuditQuery) {
    this.#query = query;
    this.#entities = query.entities?.map((reference) => {
      const slash = reference.indexOf('/');
      const id = reference.slice(slash + 1);
      return { type: reference.slice(0, Math.max(slash, 0)), id, hash: idHash(id) };
    });
    this.#patients = query.patients?.map((id) => ({ id, hash: idHash(id) }));
    this.#ids = query.ids === undefined ? undefined : new Set(query.ids);
    this.times = new Set((query.ids ?? []).map(timeOf).filter((time) => time >= 0));
    this.#agents = new Set((query.patients ?? []).map((id) => `Patient/${id}`));
  }

  /** For each field that the index has, keys of which a batch must have one. */
  keys(): readonly (readonly number[])[] {
    const { agents, actions, subtypes, outcomes, patients } = this.#query;
    const lists: (readonly number[])[] = [];
    if (this.#entities !== undefined) {
      lists.push(
        this.#entities.flatMap(({ type, hash }) => {
          const key = entityKey(textHash(type), hash);
          return type === 'Patient' ? [key, patientKey(hash)] : [key];
        }),
      );
    }
    if (patients !== undefined) {
      const patientType = textHash('Patient');
      const keysOf = ({ id, hash }: SoughtId) => [
        patientKey(hash),
        entityKey(patientType, hash),
        textKey('agent', `Patient/${id}`),
      ];
      lists.push((this.#patients ?? []).flatMap(keysOf));
    }
    if (agents !== undefined) lists.push(agents.map((agent) => textKey('agent', agent)));
    if (subtypes !== undefined) lists.push(subtypes.map((subtype) => textKey('subtype', subtype)));
    if (outcomes !== undefined) lists.push(outcomes.map((outcome) => textKey('outcome', outcome)));
    if (actions !== undefined) lists.push(actions.map((action) => textKey('action', action)));
    return lists;
  }

  /** Places of records in [from, to) that the query finds, rising. */
  places(columns: AuditColumns, from: number, to: number): number[] {
    const { recorded: period } = this.#query;
    const fitting = columns.shapes.map((shape) => this.#fitsShape(shape));
    const { shape, recorded } = columns;
    const places: number[] = [];
    for (let n = from; n < to; n++) {
      if (fitting[shape[n] ?? 0] !== true) continue;
      const time = recorded[n] ?? 0;
      if (period !== undefined && !(time >= period.low && time < period.high)) continue;
      if (this.#ids !== undefined && !this.#fitsId(columns, n, time)) continue;
      if (this.#entities !== undefined && !this.#fitsEntity(columns, n)) continue;
      if (this.#patients !== undefined && !this.#fitsPatient(columns, n)) continue;
      places.push(n);
    }
    return places;
  }

  #fitsShape({ agent, action, subtype, outcome }: Shape): boolean {
    const { agents, actions, subtypes, outcomes } = this.#query;
    return (
      agents?.includes(agent) !== false &&
      actions?.includes(action) !== false &&
      subtypes?.includes(subtype) !== false &&
      outcomes?.includes(outcome) !== false
    );
  }

  #fitsId(columns: AuditColumns, n: number, time: number): boolean {
    const odd = columns.oddId(n);
    if (odd === undefined && !this.times.has(time)) return false;
    return this.#ids?.has(odd ?? columns.id(n)) === true;
  }

  #fitsEntity(columns: AuditColumns, n: number): boolean {
    const entity = columns.entity[n] ?? -1;
    const patient = columns.patient[n] ?? -1;
    for (const sought of this.#entities ?? []) {
      if (isId(columns, entity, sought) && columns.shapeOf(n).type === sought.type) return true;
      if (sought.type === 'Patient' && isId(columns, patient, sought)) return true;
    }
    return false;
  }

  #fitsPatient(columns: AuditColumns, n: number): boolean {
    const { agent, type } = columns.shapeOf(n);
    if (this.#agents.has(agent)) return true;
    const entity = type === 'Patient' ? (columns.entity[n] ?? -1) : -1;
    const patient = columns.patient[n] ?? -1;
    for (const sought of this.#patients ?? []) {
      if (isId(columns, patient, sought) || isId(columns, entity, sought)) return true;
    }
    return false;
  }
}

function isId(columns: AuditColumns, number: number, { id, hash }: SoughtId): boolean {
  return number >= 0 && columns.ids.hash(number) === hash && columns.ids.text(number) === id;
}

/** The instant that a UUID of version 7 begins with, -1 for any other text. */
function timeOf(id: string): number {
  const parts = { time: -1, head: 0, tail: 0 };
  return parseUuid(id, parts) ? parts.time : -1;
}
