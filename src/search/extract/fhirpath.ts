/** Expressions of a user's own that have more of FHIRPath than R4's. https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression */
import type { Definitions } from '../../fhir/definitions/definitions.ts';
import { compileExpression } from '../../fhir/fhirpath/invariant.ts';
import type { Item } from '../../fhir/fhirpath/item.ts';
import { parseFhirpath } from '../../fhir/fhirpath/parse.ts';
import { Budget, EvaluationFault, OverBudget, Scope } from '../../fhir/fhirpath/scope.ts';
import { ExpressionFault, refuseValidating } from '../../fhir/fhirpath/syntax.ts';
import { isResource, type JsonValue, type Resource } from '../../fhir/resource.ts';

/** A value that an expression gave, with its FHIR data type (`HumanName`, `code`). */
export interface TypedValue {
  readonly type: string;
  readonly value: JsonValue;
}

/** Evaluates an expression on a value within a resource. Gives nothing where evaluation fails or its time is over. */
export type Evaluate = (value: JsonValue, scope: Scope) => readonly TypedValue[];

/** FHIR's names for the types of what an expression computes. */
const computedTypes: Readonly<Record<string, string>> = {
  String: 'string',
  Boolean: 'boolean',
  Integer: 'integer',
  Decimal: 'decimal',
  Date: 'date',
  DateTime: 'dateTime',
};

/** Milliseconds for all expressions on one resource; ordinary ones take less than one. Writes wait for it. */
const BUDGET = 1000;

/**
 * What expressions are evaluated in on a resource; from now on they have their time. `away`: milliseconds in which others were in work,
 * which aren't theirs.
 */
export function startScope(resource: Resource, away: () => number = () => 0): Scope {
  const deadline = performance.now() - away() + BUDGET;
  return new Scope(resource, new Budget(() => deadline + away()));
}

/**
 * Compiles an expression; `base` is the type it is evaluated on (`Patient`, `Observation.component`). `as` is `ofType`, because R4's
 * expressions write `as` where several values may come. Of what `resolve()` leads to only the type is known, unless it is contained.
 * Throws ExpressionFault for what isn't FHIRPath or can't be run.
 */
export function compileFhirpath(expression: string, base: string, definitions: Definitions): Evaluate {
  const evaluate = compileExpression(expression, base, definitions);
  return (value, scope) => {
    try {
      return evaluate(value, scope).flatMap(typed);
    } catch (error) {
      if (error instanceof EvaluationFault || error instanceof OverBudget) return [];
      throw error;
    }
  };
}

/** Why an expression can't be evaluated on values of a type, or never answers there; undefined where it can. */
export function fhirpathFault(expression: string, base: string, definitions: Definitions): string | undefined {
  try {
    refuseValidating(parseFhirpath(expression));
    const evaluate = compileExpression(expression, base, definitions);
    // What fits no value at all fails on an empty one.
    const resource: Resource = { resourceType: base.split('.')[0] ?? base };
    evaluate(base.includes('.') ? {} : resource, startScope(resource));
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionFault || error instanceof EvaluationFault || error instanceof OverBudget)
      return error.message.slice(0, 200);
    throw error;
  }
}

function typed({ value, shape }: Item): readonly TypedValue[] {
  if (value === undefined) return [];
  if (isResource(value)) return [{ type: value.resourceType, value }];
  return [{ type: shape.system ? (computedTypes[shape.name] ?? `System.${shape.name}`) : shape.name, value }];
}
