/**
 * The part of FHIRPath that R4's search parameters are written in, as a tree.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
 */
import { parseFhirpath, typeNameOf } from '../../fhir/fhirpath/parse.ts';
import { type BinaryOperator, ExpressionFault, type Syntax, type TypeName } from '../../fhir/fhirpath/syntax.ts';

export type Expression =
  | Path
  | { readonly kind: 'union'; readonly of: readonly Expression[] }
  | { readonly kind: 'and' | 'or' | '=' | '!='; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'is'; readonly of: Expression; readonly type: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean };

/** Steps from what the expression is evaluated on, or from the whole resource (`%resource`). */
export interface Path {
  readonly kind: 'path';
  readonly start: 'context' | 'resource';
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly kind: 'child'; readonly name: string }
  /** `as` and `ofType` alike: R4's expressions write `as` where several values may come. */
  | { readonly kind: 'type'; readonly type: string }
  | { readonly kind: 'where'; readonly condition: Expression }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'exists' }
  | { readonly kind: 'resolve' };

/** What reading gives up with: not part of the language here, though it may be FHIRPath. */
class Unsupported extends Error {}

/** The tree of an expression; undefined if it uses more of FHIRPath than this, or isn't FHIRPath. */
export function parseExpression(text: string): Expression | undefined {
  try {
    return read(parseFhirpath(text));
  } catch (error) {
    if (error instanceof Unsupported || error instanceof ExpressionFault) return undefined;
    throw error;
  }
}

const start: Path = { kind: 'path', start: 'context', steps: [] };

function read(tree: Syntax): Expression {
  switch (tree.kind) {
    case 'literal':
      // Dates and times are texts in JSON, but compare as dates.
      if (tree.type === 'Date' || tree.type === 'DateTime' || tree.type === 'Time') throw new Unsupported();
      return { kind: 'literal', value: tree.value };
    case 'constant':
      if (tree.name !== 'resource') throw new Unsupported();
      return { kind: 'path', start: 'resource', steps: [] };
    case 'member':
      return extend(from(tree.of), { kind: 'child', name: tree.name });
    case 'call':
      return extend(from(tree.of), readCall(tree.name, tree.arguments));
    case 'item':
      if (tree.index.kind !== 'literal' || typeof tree.index.value !== 'number') throw new Unsupported();
      return extend(read(tree.of), { kind: 'index', index: tree.index.value });
    case 'as':
      return extend(read(tree.of), { kind: 'type', type: nameOf(tree.type) });
    case 'is':
      return { kind: 'is', of: read(tree.of), type: nameOf(tree.type) };
    case 'binary':
      return readBinary(tree.operator, read(tree.left), read(tree.right));
    default:
      throw new Unsupported();
  }
}

/** Elements have FHIR's types, none of FHIRPath's own. */
function nameOf({ namespace = 'FHIR', name }: TypeName): string {
  if (namespace !== 'FHIR') throw new Unsupported();
  return name;
}

function from(tree: Syntax | undefined): Expression {
  return tree === undefined ? start : read(tree);
}

function readBinary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  switch (operator) {
    case '|':
      return { kind: 'union', of: [...partsOf(left), right] };
    case 'and':
    case 'or':
    case '=':
    case '!=':
      return { kind: operator, left, right };
    default:
      throw new Unsupported();
  }
}

function partsOf(expression: Expression): readonly Expression[] {
  return expression.kind === 'union' ? expression.of : [expression];
}

function readCall(name: string, [first, ...others]: readonly Syntax[]): Step {
  if (others.length > 0) throw new Unsupported();
  switch (name) {
    case 'as':
    case 'ofType': {
      const type = first === undefined ? undefined : typeNameOf(first);
      if (type === undefined) throw new Unsupported();
      return { kind: 'type', type: nameOf(type) };
    }
    case 'where':
      if (first === undefined) throw new Unsupported();
      return { kind: 'where', condition: read(first) };
    default:
      if (first !== undefined) throw new Unsupported();
      return readPart(name);
  }
}

function readPart(name: string): Step {
  switch (name) {
    case 'exists':
    case 'resolve':
      return { kind: name };
    case 'first':
      return { kind: 'index', index: 0 };
    default:
      throw new Unsupported();
  }
}

/** The expression with one step more; a step from a union is one from each of its parts. */
function extend(expression: Expression, step: Step): Expression {
  if (expression.kind === 'path') return { ...expression, steps: [...expression.steps, step] };
  // An index into a union counts over all its parts; `exists` would be true for any of them.
  if (expression.kind === 'union' && step.kind !== 'index' && step.kind !== 'exists') {
    return { kind: 'union', of: expression.of.map((part) => extend(part, step)) };
  }
  throw new Unsupported();
}
