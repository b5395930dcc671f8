/** Shapes of audit records and their numbers in a part. https://hl7.org/fhir/R4/auditevent.html */
import type { AuditRecord } from '../audit-record.ts';
import { ByteWriter } from './audit-bytes.ts';
import { hasShape, type Shape } from './audit-format.ts';
import { textHash, textKey } from './audit-key.ts';

/** A shape with what is needed to write it. */
export interface KnownShape {
  readonly shape: Shape;
  /** `textHash` of its type. */
  readonly typeHash: number;
  /** Its bytes in a part, with the 0 that announces it. */
  readonly bytes: Uint8Array;
  /** Keys of its subtype, action, outcome and agent. */
  readonly keys: readonly number[];
  /** The part it was last written in, and its number there. */
  part: number;
  number: number;
}

/** Shapes that are compared before the map is asked. */
const recentSize = 6;
/** Shapes that are remembered: more than a part has, unless agents or addresses vary without end. */
const knownSize = 10_000;

/** The shapes that were seen; it outlives parts, in which they have other numbers. */
export class ShapeTable {
  readonly #known = new Map<string, KnownShape>();
  readonly #recent: KnownShape[] = [];

  /** The shape of a record that is spelled as the flags say. */
  of(record: AuditRecord, flags: number): KnownShape {
    const recent = this.#recent;
    for (let n = 0; n < recent.length; n++) {
      const known = recent[n];
      if (known === undefined || known.shape.flags !== flags || !hasShape(known.shape, record)) continue;
      const before = recent[n - 1];
      if (before !== undefined) {
        // Towards the front, a step at a time.
        recent[n] = before;
        recent[n - 1] = known;
      }
      return known;
    }
    const known = this.#find(record, flags);
    if (recent.length === recentSize) recent.pop();
    recent.push(known);
    return known;
  }

  #find(record: AuditRecord, flags: number): KnownShape {
    const { subtype, action, outcome, status, agent, address, type } = record;
    // The agent, which may be any text, stands between lengths and texts that hold no line ends.
    const name = `${flags} ${status} ${action} ${outcome} ${agent.length} ${subtype.length} ${address.length}\n${agent}${subtype}\n${address}\n${type}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= knownSize) this.#known.clear();
    const added = knownShape({ flags, subtype, action, outcome, status, agent, address, type });
    this.#known.set(name, added);
    return added;
  }
}

function knownShape(shape: Shape): KnownShape {
  const { flags, subtype, action, outcome, status, agent, address, type } = shape;
  const writer = new ByteWriter(64);
  writer.reserve(32);
  writer.byte(0);
  writer.varint(flags);
  writer.varint(status);
  for (const text of [subtype, action, outcome, agent, address, type]) writer.text(text);
  const keys = [
    textKey('subtype', subtype),
    textKey('action', action),
    textKey('outcome', outcome),
    textKey('agent', agent),
  ];
  return { shape, typeHash: textHash(type), bytes: writer.copy(), keys, part: -1, number: 0 };
}
