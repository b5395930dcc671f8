/** Large Parameters, without a tree of the resources that they carry. https://hl7.org/fhir/R4/parameters.html */
import { JsonCursor } from './json-cursor.ts';
import { withoutByteOrderMark } from './json-text.ts';
import { failure } from './outcome.ts';

export interface ParametersOutline {
  /** The Parameters, where each object that is a parameter's `resource` is empty. */
  readonly rest: Uint8Array;
  /** The bytes of these resources, not yet read, by the index of their parameter. */
  readonly resources: ReadonlyMap<number, Uint8Array>;
}

const OPEN_OBJECT = 0x7b;

const encoder = new TextEncoder();

/** Takes the resources out of the bytes of Parameters. Throws OutcomeError 400 for what isn't JSON, as far as it is looked at. */
export function outlineParameters(bytes: Uint8Array): ParametersOutline {
  const cursor = new JsonCursor(withoutByteOrderMark(bytes));
  const resources = new Map<number, Uint8Array>();
  const parts = new List('{');
  cursor.open('{');
  while (cursor.nextMember()) {
    if (!cursor.isNamed('parameter')) parts.add(cursor.member());
    else parts.add(encoder.encode('"parameter":'), parametersIn(cursor, resources));
  }
  cursor.end();
  return { rest: parts.end('}'), resources };
}

function parametersIn(cursor: JsonCursor, resources: Map<number, Uint8Array>): Uint8Array {
  const items = new List('[');
  cursor.open('[');
  for (let index = 0; cursor.nextItem(); index += 1) {
    const members = new List('{');
    cursor.open('{');
    while (cursor.nextMember()) {
      if (!cursor.isNamed('resource')) {
        members.add(cursor.member());
        continue;
      }
      const value = cursor.value();
      if (resources.has(index)) throw failure(400, 'structure', 'Duplicate property.');
      if (value[0] !== OPEN_OBJECT) members.add(encoder.encode('"resource":'), value);
      else {
        resources.set(index, value);
        members.add(encoder.encode('"resource":{}'));
      }
    }
    items.add(members.end('}'));
  }
  return items.end(']');
}

/** Puts parts together again. */
class List {
  readonly #parts: Uint8Array[];
  #isEmpty = true;

  constructor(open: string) {
    this.#parts = [encoder.encode(open)];
  }

  /** A member or an item, in pieces. */
  add(...pieces: readonly Uint8Array[]): void {
    if (!this.#isEmpty) this.#parts.push(encoder.encode(','));
    this.#isEmpty = false;
    this.#parts.push(...pieces);
  }

  end(close: string): Uint8Array {
    return Buffer.concat([...this.#parts, encoder.encode(close)]);
  }
}
