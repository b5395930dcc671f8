/** The elements that a FHIRPath selects in a resource, as places in its JSON. https://hl7.org/fhir/R4/fhirpatch.html */
import type { Definitions } from '../definitions/definitions.ts';
import { type ExactObject, plain } from '../exact-json.ts';
import { loadEngine, quietly } from '../fhirpath/engine.ts';
import { compileWithoutLibrary } from '../fhirpath/invariant.ts';
import { compileWithLibrary } from '../fhirpath/library.ts';
import { parseFhirpath } from '../fhirpath/parse.ts';
import { Budget as EvaluationBudget, EvaluationFault, OverBudget, Scope } from '../fhirpath/scope.ts';
import { shapesOf } from '../fhirpath/shapes.ts';
import { ExpressionFault, UnknownFunction } from '../fhirpath/syntax.ts';
import { failure, OutcomeError } from '../outcome.ts';
import type { Budget } from './budget.ts';
import { markable, marked } from './fhirpath-marks.ts';
import { placeAt, type Selected, type Step } from './fhirpath-place.ts';
import { followSimplePath } from './fhirpath-simple.ts';
import type { Site } from './fhirpath-value.ts';

const MAX_PATH = 4096;

/** Elements between two looks at the time. */
const INTERVAL = 256;

/**
 * The selected elements in order. Throws OutcomeError 400 where the path is no FHIRPath or has functions that can't be run; 422
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

/** As `select`, always by FHIRPath. */
export function evaluatePath(
  resource: ExactObject,
  path: string,
  definitions: Definitions,
  site: Site,
  budget: Budget,
): readonly Selected[] {
  const evaluate = compiledPath(resource, path, definitions, site);
  try {
    const look = () => budget(site.title, site.expression);
    return evaluate(look).map((steps, n) => {
      if (n % INTERVAL === 0) look();
      const place = steps?.length === 0 ? 'resource' : steps && placeAt(resource, steps, definitions);
      if (place === undefined) throw unusable(site, 'its path gives what is no element of the resource');
      return place;
    });
  } catch (error) {
    if (error instanceof OverBudget) throw failure(422, 'too-costly', tooCostly(site), site.expression);
    if (error instanceof EvaluationFault) throw unusable(site, 'its path can not be evaluated on this resource');
    throw error;
  }
}

/** Gives the steps to each value; `look` throws once the time is over. */
type Steps = (look: () => void) => readonly (readonly Step[] | undefined)[];

function compiledPath(resource: ExactObject, path: string, definitions: Definitions, site: Site): Steps {
  if (path.length > MAX_PATH) throw unread(site, 'longer than 4096 characters');
  try {
    const type = typeof resource.resourceType === 'string' ? resource.resourceType : 'Resource';
    const evaluate = compileWithoutLibrary(path, type, markable(definitions));
    return (look) => {
      const { resource: root, stepsTo } = marked(resource, look);
      // The clock of the patch, which throws by itself.
      const clock = (): number => {
        look();
        return 0;
      };
      return stepsTo(evaluate(root, new Scope(root, new EvaluationBudget(0, clock))));
    };
  } catch (error) {
    if (error instanceof UnknownFunction) return libraryPath(resource, path, definitions, site, error);
    throw error instanceof ExpressionFault ? unread(site, error.message) : error;
  }
}

/** With functions that aren't compiled: by the package, where it can be stopped. */
function libraryPath(
  resource: ExactObject,
  path: string,
  definitions: Definitions,
  site: Site,
  why: UnknownFunction,
): Steps {
  try {
    // Whether it knows the functions, and can be stopped in all of them.
    compileWithLibrary(path, parseFhirpath(path), 'Resource', why, shapesOf(definitions));
  } catch (error) {
    if (error !== why) throw error;
    throw failure(400, 'not-supported', `${site.title}: the path can't be run: ${why.message}.`, site.expression);
  }
  const { fhirpath, model } = loadEngine();
  return (look) => {
    const root = plain(resource);
    let nodes: readonly unknown[];
    try {
      nodes = fhirpath.evaluate(root, path, { resource: root, rootResource: root }, model, {
        ...quietly,
        preciseMath: true,
        // Called after each step of the evaluation: the one place to stop it.
        debugger: look,
      });
    } catch (error) {
      throw error instanceof OutcomeError ? error : new EvaluationFault('it fails');
    }
    return nodes.map((node) => nodeSteps(node, root));
  };
}

/** The steps from the root to a node of the package; undefined for a value that is no element of the resource. */
function nodeSteps(node: unknown, root: unknown): readonly Step[] | undefined {
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

function unread(site: Site, why: string): Error {
  return failure(400, 'value', `${site.title}: the path can't be run: ${why}.`, site.expression);
}

function tooCostly({ title }: Site): string {
  return `${title}: the patch takes too long; nothing was changed.`;
}

function unusable(site: Site, why: string): Error {
  return failure(422, 'processing', `${site.title} fails: ${why}; nothing was changed.`, site.expression);
}
