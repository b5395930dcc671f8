/** Paths of names and indexes alone, followed without an engine: most of what FHIRPath Patches say. https://hl7.org/fhir/R4/fhirpatch.html */
import type { Definitions } from '../definitions/definitions.ts';
import type { ExactObject } from '../exact-json.ts';
import { childPlaces, objectAt, type Selected, typeOf } from './fhirpath-place.ts';

const SIMPLE = /^[A-Za-z][A-Za-z0-9]*(?:\[[0-9]{1,9}\])?(?:\.[A-Za-z][A-Za-z0-9]*(?:\[[0-9]{1,9}\])?)*$/;

/** The selected elements in order; undefined where the path needs the engine. */
export function followSimplePath(
  resource: ExactObject,
  path: string,
  definitions: Definitions,
): readonly Selected[] | undefined {
  if (!SIMPLE.test(path)) return undefined;
  let selected: readonly Selected[] = ['resource'];
  for (const [depth, step] of path.split('.').entries()) {
    const [name = '', index] = step.split(/[[\]]/);
    if (depth > 0 || name !== resource.resourceType) {
      const next: Selected[] = [];
      for (const parent of selected) {
        const holder = parent === 'resource' ? resource : objectAt(parent);
        if (holder === undefined) continue;
        const type = typeOf(holder, parent === 'resource' ? undefined : parent.element, definitions);
        // A name that R4 doesn't know here: the engine may see more in it (`Resource`, `DomainResource`).
        if (type === undefined || !knows(type.elements, name)) return undefined;
        // Not spread: a list may have more items than a call takes arguments.
        for (const each of childPlaces(holder, type, name, parent === 'resource' ? undefined : parent)) next.push(each);
      }
      selected = next;
    }
    if (index !== undefined) selected = selected.slice(Number(index), Number(index) + 1);
  }
  return selected;
}

function knows(elements: ReadonlyMap<string, { readonly choice?: string }>, name: string): boolean {
  const element = elements.get(name);
  if (element !== undefined) return element.choice === undefined;
  for (const { choice } of elements.values()) if (choice === name) return true;
  return false;
}
