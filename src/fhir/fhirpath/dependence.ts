/** What parts of an expression depend on, so that each is evaluated no more often than it may change. https://hl7.org/fhirpath/N1/#this-in-expressions */
import type { Syntax } from './syntax.ts';

/** Nothing; the container; the resource; what the expression as a whole is evaluated on; `$this`. Each includes those before it. */
export type Dependence = 0 | 1 | 2 | 3 | 4;

export const NOTHING = 0;
export const ROOT = 1;
export const RESOURCE = 2;
export const CONTEXT = 3;
export const SELF = 4;

/** Functions whose arguments are evaluated on each item, or (`iif`) on all items, of what they are called on. */
const ownSelf: ReadonlySet<string> = new Set([
  'where',
  'select',
  'all',
  'exists',
  'repeat',
  'iif',
  'trace',
  'aggregate',
]);

/** Functions that give another value at another time. */
const ofTime: ReadonlySet<string> = new Set(['now', 'today', 'timeOfDay']);

/** Functions whose argument is the name of a type. */
const ofTypes: ReadonlySet<string> = new Set(['is', 'as', 'ofType']);

const known = new WeakMap<Syntax, Dependence>();

function greater(a: Dependence, b: Dependence): Dependence {
  return a > b ? a : b;
}

/** What an expression depends on. */
export function dependence(tree: Syntax): Dependence {
  const found = known.get(tree) ?? computed(tree);
  known.set(tree, found);
  return found;
}

function computed(tree: Syntax): Dependence {
  switch (tree.kind) {
    case 'literal':
    case 'quantity':
    case 'empty':
      return NOTHING;
    case 'this':
    case 'index':
    case 'total':
      return SELF;
    case 'constant':
      if (tree.name === 'context') return CONTEXT;
      return tree.name === 'resource' ? RESOURCE : tree.name === 'rootResource' ? ROOT : NOTHING;
    case 'member':
      return tree.of === undefined ? SELF : dependence(tree.of);
    case 'is':
    case 'as':
    case 'sign':
      return dependence(tree.of);
    case 'item':
      return greater(dependence(tree.of), dependence(tree.index));
    case 'binary':
      return greater(dependence(tree.left), dependence(tree.right));
    case 'call':
      return callDependence(tree);
  }
}

function callDependence(tree: Syntax & { readonly kind: 'call' }): Dependence {
  const own: Dependence = tree.of !== undefined ? dependence(tree.of) : ofTime.has(tree.name) ? RESOURCE : SELF;
  if (ofTypes.has(tree.name)) return own;
  const bound = ownSelf.has(tree.name);
  let most = own;
  for (const argument of tree.arguments) {
    const needs = dependence(argument);
    // Of `$this` within it the items of `own` are meant.
    if (!bound || needs !== SELF) most = greater(most, needs);
  }
  // What a resource's reference leads to is asked within its scope.
  return tree.name === 'resolve' ? greater(most, RESOURCE) : most;
}
