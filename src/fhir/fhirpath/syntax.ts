/** FHIRPath as a tree. https://hl7.org/fhirpath/N1/grammar.html */

export type BinaryOperator =
  | 'implies'
  | 'or'
  | 'xor'
  | 'and'
  | 'in'
  | 'contains'
  | '='
  | '~'
  | '!='
  | '!~'
  | '<'
  | '<='
  | '>'
  | '>='
  | '|'
  | '+'
  | '-'
  | '&'
  | '*'
  | '/'
  | 'div'
  | 'mod';

/** A literal's type: one of FHIRPath's own, which are called System.* */
export type LiteralType = 'Boolean' | 'String' | 'Integer' | 'Decimal' | 'Date' | 'DateTime' | 'Time';

/** `Patient`, `FHIR.Patient`, `System.String`. */
export interface TypeName {
  readonly namespace?: string;
  readonly name: string;
}

export type Syntax =
  | { readonly kind: 'this' | 'index' | 'total' | 'empty' }
  | { readonly kind: 'literal'; readonly type: LiteralType; readonly value: string | number | boolean }
  | { readonly kind: 'quantity'; readonly value: number; readonly unit: string }
  | { readonly kind: 'constant'; readonly name: string }
  /** `name` alone has no `of`: it begins with what the expression is evaluated on, or is the name of its type. */
  | { readonly kind: 'member'; readonly of?: Syntax; readonly name: string }
  | { readonly kind: 'call'; readonly of?: Syntax; readonly name: string; readonly arguments: readonly Syntax[] }
  | { readonly kind: 'item'; readonly of: Syntax; readonly index: Syntax }
  | { readonly kind: 'sign'; readonly negative: boolean; readonly of: Syntax }
  | { readonly kind: 'is' | 'as'; readonly of: Syntax; readonly type: TypeName }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Syntax;
      readonly right: Syntax;
    };

/** A text that isn't FHIRPath, or more of it than can be run; the message says where and why. */
export class ExpressionFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExpressionFault';
  }
}

/** A function that isn't compiled: the `fhirpath` package may know it. */
export class UnknownFunction extends ExpressionFault {
  constructor(name: string) {
    super(`no such function: ${name}()`);
    this.name = 'UnknownFunction';
  }
}

/** What only the validator answers; elsewhere nothing comes of it. https://hl7.org/fhir/R4/fhirpath.html#functions */
const validating: ReadonlySet<string> = new Set(['memberOf', 'conformsTo', 'htmlChecks']);

/** Throws ExpressionFault for an expression that asks what only the validator answers. */
export function refuseValidating(tree: Syntax): void {
  if (!uses(tree, validating, new Set())) return;
  throw new ExpressionFault(`only rules of profiles may have ${[...validating].map((name) => `${name}()`).join(', ')}`);
}

/** Whether a part of an expression, or all of it, calls one of these functions or has one of these operators. */
export function uses(tree: Syntax, functions: ReadonlySet<string>, operators: ReadonlySet<BinaryOperator>): boolean {
  const within = (part: Syntax | undefined): boolean => part !== undefined && uses(part, functions, operators);
  switch (tree.kind) {
    case 'member':
    case 'sign':
    case 'is':
    case 'as':
      return within(tree.of);
    case 'call':
      return functions.has(tree.name) || within(tree.of) || tree.arguments.some(within);
    case 'item':
      return within(tree.of) || within(tree.index);
    case 'binary':
      return operators.has(tree.operator) || within(tree.left) || within(tree.right);
    default:
      return false;
  }
}
