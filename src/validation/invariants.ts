/** Invariants of types and profiles as checks of their elements. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.constraint */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { corrected } from '../fhir/fhirpath/corrections.ts';
import { compileInvariant } from '../fhir/fhirpath/invariant.ts';
import { parseFhirpath } from '../fhir/fhirpath/parse.ts';
import { Budget, Scope } from '../fhir/fhirpath/scope.ts';
import type { Syntax } from '../fhir/fhirpath/syntax.ts';
import type { ValueCheck } from './walk.ts';

/** An invariant as its definition has it. */
export interface Constraint {
  readonly key: string;
  readonly severity: 'error' | 'warning';
  /** For people. */
  readonly human: string;
  readonly expression: string;
}

/**
 * The check of an invariant on values of a type (`Patient.contact`, `Quantity`, `string`): one issue where it is false, or of one
 * that errors break where it is neither true nor false. Throws ExpressionFault for an expression that can't be compiled.
 */
export function invariantCheck(
  { key, severity, human, expression }: Constraint,
  type: string,
  definitions: Definitions,
): ValueCheck {
  const holds = compileInvariant(expression, type, definitions);
  const text = `doesn't hold to ${key}${human === '' ? '' : `: ${human.trim()}`}`;
  return (value, walk, beside) => {
    const result = holds(value, walk.scope, beside);
    if (result === true || (result === undefined && severity === 'warning')) return;
    if (severity === 'error') walk.error('invariant', key, text);
    else walk.warning('invariant', key, text);
  };
}

/**
 * Names of the elements without which an invariant holds on every object of a type; undefined where there are none such: it needs to be
 * checked always.
 */
export function readsOf(
  { expression }: Constraint,
  type: string,
  definitions: Definitions,
): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  if (!collect(parseFhirpath(corrected(expression)), names, false)) return undefined;
  // What it gives where nothing that it names is there is the same for all: what it gives on nothing.
  const scope = new Scope({ resourceType: type }, new Budget(Number.POSITIVE_INFINITY));
  return compileInvariant(expression, type, definitions)({}, scope) === true ? names : undefined;
}

const beyond: ReadonlySet<string> = new Set(['resource', 'rootResource', 'context']);
/** Functions that read members which they don't name. */
const reading: ReadonlySet<string> = new Set([
  'children',
  'descendants',
  'repeat',
  'resolve',
  'conformsTo',
  'memberOf',
]);
/** Functions in whose arguments `$this` is an item of what was named before. */
const each: ReadonlySet<string> = new Set(['where', 'select', 'all', 'exists', 'trace']);

/** Adds the names that an expression has; false where it may read more than members of these names. */
function collect(tree: Syntax, names: Set<string>, inner: boolean): boolean {
  switch (tree.kind) {
    case 'this':
      return inner;
    case 'constant':
      return !beyond.has(tree.name);
    case 'member':
      names.add(tree.name);
      return tree.of === undefined || collect(tree.of, names, inner);
    case 'call': {
      if (reading.has(tree.name)) return false;
      const own = inner || (tree.of !== undefined && each.has(tree.name));
      const rest = tree.arguments.every((argument) => collect(argument, names, own));
      return rest && (tree.of === undefined || collect(tree.of, names, inner));
    }
    case 'item':
      return collect(tree.of, names, inner) && collect(tree.index, names, inner);
    case 'sign':
    case 'is':
    case 'as':
      return collect(tree.of, names, inner);
    case 'binary':
      return collect(tree.left, names, inner) && collect(tree.right, names, inner);
    default:
      return true;
  }
}
