/** Constraints that a profile adds. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.constraint */
import { compileInvariant, type Invariant } from '../../fhir/fhirpath/invariant.ts';
import { ExpressionFault } from '../../fhir/fhirpath/syntax.ts';
import type { JsonObject } from '../../fhir/resource.ts';
import type { Compiling } from './compile.ts';
import { objectsOf, textOf, typesOf } from './element.ts';
import type { Check } from './run.ts';
import { type Node, ProfileFault } from './tree.ts';

/** What can't be told without a value set or a profile that isn't here. */
const known = /\b(?:memberOf|conformsTo|resolve)\s*\(/;

/** The checks of an element's constraints that the base doesn't have. `type`: R4's type of the element. */
export function constraintChecks(
  node: Node,
  base: Node | undefined,
  type: string,
  compiling: Compiling,
): readonly Check[] {
  const before = new Set(objectsOf(base?.element.constraint).map(({ key }) => key));
  return objectsOf(node.element.constraint).flatMap((constraint) => {
    const { key, expression } = constraint;
    if (typeof key !== 'string' || typeof expression !== 'string' || before.has(key) || key === 'ele-1') return [];
    compiling.spend(100);
    return [constraintCheck(constraint, key, expression, invariantFor(node, type, expression, compiling))];
  });
}

function constraintCheck(
  { severity, human }: JsonObject,
  key: string,
  expression: string,
  invariant: (property: string) => Invariant,
): Check {
  const level = severity === 'warning' ? 'warning' : 'error';
  const text = `doesn't hold to ${key}: ${(textOf(human) ?? expression).trim()}`;
  const mayLack = known.test(expression);
  return (value, beside, run) => {
    const holds = invariant(run.property)(value, run.scope, beside);
    if (holds === true) return;
    if (holds === undefined && mayLack) run.tell('information', 'not-supported', key, `couldn't be checked for ${key}`);
    else run.tell(level, 'invariant', key, text);
  };
}

/** The invariant for the type that a value has, which of a choice its property tells. Throws ProfileFault. */
function invariantFor(
  { name, element }: Node,
  type: string,
  expression: string,
  { members }: Compiling,
): (property: string) => Invariant {
  const types = typesOf(element);
  const compile = (of: string): Invariant => {
    try {
      return compileInvariant(expression, of, members.definitions);
    } catch (error) {
      if (error instanceof ExpressionFault) throw new ProfileFault(`${name}: ${expression}: ${error.message}`);
      throw error;
    }
  };
  if (!name.endsWith('[x]') || types.length < 2) {
    const only = compile(type);
    return () => only;
  }
  const byProperty = new Map(
    types.map(({ code }) => [name.slice(0, -3) + code.charAt(0).toUpperCase() + code.slice(1), compile(code)]),
  );
  const other = compile('Element');
  return (property) => byProperty.get(property) ?? other;
}
