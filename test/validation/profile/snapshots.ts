/** Snapshots as validation makes them. https://hl7.org/fhir/R4/profiling.html#snapshot */
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { NotFetched, Structures } from '../../../src/validation/profile/structures.ts';
import type { Node } from '../../../src/validation/profile/tree.ts';
import type { ValidationSource } from '../../../src/validation/validator.ts';

/** The elements of definitions with all that their bases say. Throws ProfileFault for one that can't be used. */
export function snapshotsOf({ structureDefinition }: ValidationSource) {
  const structures = new Structures(structureDefinition, () => undefined);
  return async (definition: JsonObject): Promise<readonly JsonObject[]> => {
    for (;;) {
      try {
        return elementsOf(structures.treeOf(definition));
      } catch (error) {
        if (!(error instanceof NotFetched)) throw error;
        await error.fetch();
      }
    }
  };
}

/** The elements of a tree as a snapshot lists them, each with its id, path and slice's name. */
export function elementsOf(root: Node): readonly JsonObject[] {
  const elements: JsonObject[] = [];
  const visit = (node: Node, id: string, path: string, sliceName: string | undefined): void => {
    const { id: _id, path: _path, sliceName: _slice, ...said } = node.element;
    elements.push({ id, path, ...(sliceName === undefined ? {} : { sliceName }), ...said });
    for (const child of node.children ?? []) visit(child, `${id}.${child.name}`, `${path}.${child.name}`, undefined);
    for (const slice of node.slices) {
      const name = sliceName === undefined ? slice.slice : `${sliceName}/${slice.slice}`;
      visit(slice, sliceName === undefined ? `${id}:${name}` : `${id}/${slice.slice}`, path, name);
    }
  };
  visit(root, root.name, root.name, undefined);
  return elements;
}
