/** How numbers are written: `1.0` and `1e2` are decimals, never integers. https://hl7.org/fhir/R4/datatypes.html#integer */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { primitives } from '../fhir/definitions/primitives.ts';
import { type ExactJson, ExactNumber, isExactObject } from '../fhir/exact-json.ts';
import type { Issue } from '../fhir/outcome.ts';
import { Place } from './place.ts';

/**
 * Checks the text of each number in a resource whose structure is sound, in steps. Returns issues as `checkStructure` does: the parsed
 * value of `1.0` does not show how it was written, so that check lets it pass.
 */
export function* numberSteps(resource: ExactJson, definitions: Definitions): Generator<void, readonly Issue[]> {
  const type =
    isExactObject(resource) && typeof resource.resourceType === 'string' ? resource.resourceType : 'Resource';
  const place = new Place(type);
  yield* place.pieces.steps(() => visit(resource, 'Resource', definitions, place));
  return place.issues;
}

function visit(value: ExactJson, type: string, definitions: Definitions, place: Place): void {
  if (place.full) return;
  if (value instanceof ExactNumber) {
    const primitive = primitives.get(type);
    if (primitive?.pattern?.test(value.text) === false) {
      place.fault('value', place.path(), `must be ${primitive.expected}, written as digits alone`);
    }
    return;
  }
  if (!isExactObject(value)) return;
  const own = type === 'Resource' && typeof value.resourceType === 'string' ? value.resourceType : type;
  const elements = definitions.type(own)?.elements;
  for (const [property, member] of Object.entries(value)) {
    const extra = property.startsWith('_');
    const element = elements?.get(extra ? property.slice(1) : property);
    if (element === undefined) continue;
    const inner = extra ? 'Element' : element.type;
    place.enter(element.name);
    if (!Array.isArray(member)) visit(member, inner, definitions, place);
    else visitItems(member, 0, inner, definitions, place);
    place.leave();
  }
}

/** As many as the piece has room for, and the others later. */
function visitItems(
  items: readonly ExactJson[],
  from: number,
  type: string,
  definitions: Definitions,
  place: Place,
): void {
  for (let index = from; index < items.length; index += 1) {
    if (place.pieces.isFull()) {
      place.putOff(() => visitItems(items, index, type, definitions, place));
      return;
    }
    const item = items[index];
    place.item(index);
    if (item !== undefined) visit(item, type, definitions, place);
  }
}
