/** A contained resource cut out of its container. https://hl7.org/fhir/R4/references.html#contained */
import { isExactObject, parseExact, writeExact } from './exact-json.ts';

/** The bytes of the contained resource of that id, each decimal with its text; undefined where there is none. */
export function containedBytes(container: Uint8Array, id: string): Uint8Array | undefined {
  const resource = parseExact(container);
  const contained = isExactObject(resource) ? resource.contained : undefined;
  const found = Array.isArray(contained) ? contained.find((each) => isExactObject(each) && each.id === id) : undefined;
  return found === undefined ? undefined : writeExact(found);
}
