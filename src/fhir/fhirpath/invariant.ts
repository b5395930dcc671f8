/** Invariants and other FHIRPath expressions, compiled once for values of a type. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import type { Definitions } from '../definitions/definitions.ts';
import type { JsonValue } from '../resource.ts';
import { type Code, truthOf } from './code.ts';
import { compileTree } from './compile.ts';
import { corrected } from './corrections.ts';
import { type Items, itemOf } from './item.ts';
import { compileWithLibrary } from './library.ts';
import { parseFhirpath } from './parse.ts';
import { EvaluationFault, type Scope } from './scope.ts';
import { type Shapes, shapesOf, type TypeSource } from './shapes.ts';
import { refuseValidating, UnknownFunction } from './syntax.ts';

/**
 * Whether an invariant holds of a value; `beside` is what stands beside a primitive (`_birthDate`), whose value is undefined where it has
 * but that. False also where the expression gives nothing: an invariant has to be true. undefined: it can't be said, because a hook can't
 * say or the expression can't be evaluated on this value. Throws OverBudget past the scope's deadline.
 */
export type Invariant = (value: JsonValue | undefined, scope: Scope, beside?: JsonValue) => boolean | undefined;

/** What an expression gives on a value. Throws EvaluationFault where it doesn't fit the value, OverBudget past the scope's deadline. */
export type Expression = (value: JsonValue | undefined, scope: Scope, beside?: JsonValue) => Items;

interface Compiled {
  readonly code: Code;
  readonly start: (value: JsonValue | undefined, scope: Scope, beside?: JsonValue) => Items;
}

/**
 * An invariant, as it is meant (`corrections.ts`), on values of a type (`Patient`, `Patient.contact`, `Reference`, `code`), by the `fhirpath` package where the expression has
 * functions that aren't known here. Throws ExpressionFault for what isn't FHIRPath or can't be run.
 */
export function compileInvariant(expression: string, contextType: string, definitions: Definitions): Invariant {
  const { code, start } = compiled(corrected(expression), contextType, definitions);
  return (value, scope, beside) => {
    const { context, unsaid } = scope;
    const self = start(value, scope, beside);
    scope.unsaid = false;
    try {
      if (code.test(self, scope) === true) return true;
      return scope.unsaid ? undefined : false;
    } catch (error) {
      if (error instanceof EvaluationFault) return undefined;
      throw error;
    } finally {
      // A hook may evaluate another one in the midst of this.
      scope.context = context;
      scope.unsaid = unsaid;
    }
  };
}

/** The same for an expression of which more than a truth value is wanted: constraints of profiles, paths of discriminators. */
export function compileExpression(expression: string, contextType: string, definitions: Definitions): Expression {
  return expressionOf(compiled(expression, contextType, definitions));
}

/**
 * The same without the package: what is found is what was given. Throws UnknownFunction where that would be needed, ExpressionFault
 * also where only the validator could answer.
 */
export function compileWithoutLibrary(expression: string, contextType: string, definitions: TypeSource): Expression {
  const shapes = shapesOf(definitions);
  const tree = parseFhirpath(expression);
  refuseValidating(tree);
  return expressionOf({
    code: compileTree(tree, shapes),
    start: starting(contextType, shapes),
  });
}

function expressionOf({ code, start }: Compiled): Expression {
  return (value, scope, beside) => {
    const { context } = scope;
    try {
      return code.items(start(value, scope, beside), scope);
    } finally {
      scope.context = context;
    }
  };
}

function compiled(expression: string, contextType: string, definitions: Definitions): Compiled {
  return {
    code: codeOf(expression, contextType, definitions),
    start: starting(contextType, shapesOf(definitions)),
  };
}

function starting(contextType: string, shapes: Shapes): Compiled['start'] {
  const shape = shapes.of(contextType);
  return (value, scope, beside) => {
    const self = [itemOf(value, shape, beside, shapes)];
    scope.context = self;
    return self;
  };
}

function codeOf(expression: string, contextType: string, definitions: Definitions): Code {
  const tree = parseFhirpath(expression);
  try {
    return compileTree(tree, shapesOf(definitions));
  } catch (error) {
    if (!(error instanceof UnknownFunction)) throw error;
    const items = compileWithLibrary(expression, tree, contextType, error, shapesOf(definitions));
    return { items, test: (self, scope) => truthOf(items(self, scope)) };
  }
}
