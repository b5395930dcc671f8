/** The elements that a FHIRPath selects in a resource, as places in its JSON. https://hl7.org/fhir/R4/fhirpatch.html */
import type * as FhirPath from 'fhirpath';
import type { Definitions } from '../definitions/definitions.ts';
import { type ExactObject, plain } from '../exact-json.ts';
import { callsUnstoppable, loadEngine, quietly } from '../fhirpath/engine.ts';
import { failure, OutcomeError } from '../outcome.ts';
import type { Budget } from './budget.ts';
import { placeAt, type Selected, type Step } from './fhirpath-place.ts';
import { followSimplePath } from './fhirpath-simple.ts';
import type { Site } from './fhirpath-value.ts';

const MAX_PATH = 4096;

/**
 * The selected elements in order. Throws OutcomeError 400 where the path is no FHIRPath or uses regular expressions; 422
 * where its evaluation fails, takes too long (`too-costly`), or gives values that are no elements of the resource.
 */
export function select(
  resource: ExactObject,
  path: string,
  definitions: Definitions,
  site: Site,
  budget: Budget,
): readonly Selected[] {
  return followSimplePath(resource, path, definitions) ?? evaluatePath(resource, path, definitions, site, budget);
}

/** As `select`, always with the engine. */
export function evaluatePath(
  resource: ExactObject,
  path: string,
  definitions: Definitions,
  site: Site,
  budget: Budget,
): readonly Selected[] {
  const { fhirpath, model } = loadEngine();
  checkPath(fhirpath, path, site);
  const root = plain(resource);
  let nodes: readonly unknown[];
  try {
    nodes = fhirpath.evaluate(root, path, { resource: root, rootResource: root }, model, {
      ...quietly,
      preciseMath: true,
      // Called after each step of the evaluation: the one place to stop it.
      debugger: () => budget(site.title, site.expression),
    });
  } catch (error) {
    if (error instanceof OutcomeError) throw error;
    throw unusable(site, 'its path can not be evaluated on this resource');
  }
  return nodes.map((node) => {
    const steps = stepsTo(node, root);
    const place = steps?.length === 0 ? 'resource' : steps && placeAt(resource, steps, definitions);
    if (place === undefined) throw unusable(site, 'its path gives what is no element of the resource');
    return place;
  });
}

function checkPath(fhirpath: typeof FhirPath, path: string, site: Site): void {
  let tree: unknown;
  try {
    tree = path.length <= MAX_PATH ? fhirpath.parse(path) : undefined;
  } catch {
    // Said below.
  }
  if (tree === undefined)
    throw failure(400, 'value', `${site.title}: the path is no FHIRPath, or too long.`, site.expression);
  if (callsUnstoppable(tree)) {
    throw failure(
      400,
      'not-supported',
      `${site.title}: regular expressions and replace() are not supported in paths.`,
      site.expression,
    );
  }
}

/** The steps from the root to a node of the engine; undefined for a value that is no element of the resource. */
function stepsTo(node: unknown, root: unknown): readonly Step[] | undefined {
  const steps: Step[] = [];
  let at = node;
  while (isNode(at) && at.parentResNode !== null && typeof at.propName === 'string') {
    steps.unshift({ name: at.propName, index: at.index ?? undefined });
    at = at.parentResNode;
  }
  return isNode(at) && at.data === root ? steps : undefined;
}

interface Node {
  readonly data: unknown;
  readonly parentResNode: unknown;
  readonly propName?: string | null;
  readonly index?: number | null;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'parentResNode' in value && 'data' in value;
}

function unusable(site: Site, why: string): Error {
  return failure(422, 'processing', `${site.title} fails: ${why}; nothing was changed.`, site.expression);
}
