/** Expressions with functions that aren't compiled, run by the `fhirpath` package. https://hl7.org/fhirpath/ */
import type { JsonValue } from '../resource.ts';
import type { Evaluate } from './code.ts';
import { loadEngine, quietly, unstoppable } from './engine.ts';
import { type Item, type Items, itemOf } from './item.ts';
import { Budget, EvaluationFault, OverBudget, Scope } from './scope.ts';
import { type Shape, type Shapes, system } from './shapes.ts';
import { type BinaryOperator, type ExpressionFault, type Syntax, uses } from './syntax.ts';

/** What the package does with all items, pairs of them, or two long texts at once: within such a step it can't be stopped. */
const unbounded: ReadonlySet<string> = new Set([
  ...unstoppable,
  ...['subsetOf', 'supersetOf', 'intersect', 'exclude', 'union', 'combine', 'distinct', 'isDistinct'],
  ...['repeat', 'repeatAll', 'aggregate', 'toChars', 'split', 'join', 'sort'],
  ...['contains', 'indexOf', 'lastIndexOf'],
]);
const unboundedOperators: ReadonlySet<BinaryOperator> = new Set(['|', '~', '!~', 'in', 'contains']);
const noOperators: ReadonlySet<BinaryOperator> = new Set();

/** What the package would ask a server, and waits for. */
const asking: ReadonlySet<string> = new Set(['resolve', 'memberOf', 'conformsTo', 'weight', 'ordinal']);

/** Whether an expression may be left to the package: it can be stopped everywhere, and needs nothing but its resource. */
function fitsLibrary(tree: Syntax): boolean {
  return !uses(tree, unbounded, unboundedOperators) && !uses(tree, asking, noOperators);
}

/** Milliseconds after which an expression is given up that does nothing but compute on nothing. */
const PROBE = 500;

/**
 * An expression run by the package, evaluated on values of a type. Throws ExpressionFault where the package doesn't know it either, or
 * where it could not be stopped (it has regular expressions, or compares many items with each other) or would ask a server. `why` is why it isn't compiled.
 */
export function compileWithLibrary(
  expression: string,
  tree: Syntax,
  contextType: string,
  why: ExpressionFault,
  shapes: Shapes,
): Evaluate {
  if (!fitsLibrary(tree)) throw why;
  const { fhirpath, model } = loadEngine();
  let scope: Scope | undefined;
  const compile = () =>
    fhirpath.compile({ base: contextType, expression }, model, {
      ...quietly,
      preciseMath: true,
      // Called after each step of the evaluation: the one place to stop it.
      debugger: () => scope?.budget.look(),
    });
  let evaluate: ReturnType<typeof compile>;
  try {
    // Names that it has other uses for it doesn't read everywhere: `text.div`.
    evaluate = compile();
    scope = new Scope({}, new Budget(performance.now() + PROBE));
    // What the package doesn't know it finds out when it gets there.
    evaluate({}, { resource: {}, rootResource: {} });
  } catch {
    throw why;
  }
  return (self, current) => {
    scope = current;
    const { resource, rootResource } = current;
    const [item] = self;
    try {
      const found: readonly unknown[] = evaluate(item?.value ?? {}, { resource, rootResource });
      return itemsOf(found, fhirpath.types(found), shapes);
    } catch (error) {
      if (error instanceof OverBudget) throw error;
      throw new EvaluationFault('the expression fails on this value');
    }
  };
}

function itemsOf(found: readonly unknown[], types: readonly string[], shapes: Shapes): Items {
  return found.flatMap((each, n): readonly Item[] => {
    const value = dataOf(each);
    return value === undefined ? [] : [itemOf(value, shapeOf(types[n] ?? '', shapes), undefined, shapes)];
  });
}

function shapeOf(type: string, shapes: Shapes): Shape {
  const own = Object.values(system).find(({ name }) => type === `System.${name}`);
  return own ?? shapes.of(type.replace('FHIR.', ''));
}

/** The JSON of a node, or of what was computed. */
function dataOf(node: unknown): JsonValue | undefined {
  const data: unknown = typeof node === 'object' && node !== null && 'data' in node ? node.data : node;
  if (data === undefined || data === null) return undefined;
  if (typeof data === 'bigint') return Number(data);
  // Dates and decimals that were computed are objects of the package, which know their JSON.
  return JSON.parse(JSON.stringify(data));
}
