/**
 * The part of FHIRPath that R4's search parameters are written in, as a tree.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
 */

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

/** What parsing gives up with: not part of the language here, though it may be FHIRPath. */
class Unsupported extends Error {}

const token = /\s*(?:([A-Za-z_][A-Za-z0-9_]*|`[^`]+`)|'((?:[^'\\]|\\.)*)'|([0-9]+)|(%resource|!=|[.()[\]|=]))/y;

interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'symbol' | 'end';
  readonly text: string;
}

const end: Token = { kind: 'end', text: '' };

/** The tree of an expression; undefined if it uses more of FHIRPath than this, or isn't FHIRPath. */
export function parseExpression(text: string): Expression | undefined {
  try {
    return new Parser(tokensOf(text)).whole();
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const trimmed = text.trimEnd();
  token.lastIndex = 0;
  while (token.lastIndex < trimmed.length) {
    const found = token.exec(trimmed);
    if (found === null) throw new Unsupported();
    const [, name, string, number, symbol] = found;
    if (name !== undefined) tokens.push({ kind: 'name', text: name.replaceAll('`', '') });
    else if (string !== undefined) tokens.push({ kind: 'string', text: string.replace(/\\(.)/g, '$1') });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else tokens.push({ kind: 'symbol', text: symbol ?? '' });
  }
  return tokens;
}

/** Recursive descent, loosest operator first, as in FHIRPath's grammar. */
class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#peek().kind !== 'end') throw new Unsupported();
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#take('name', 'or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#equality();
    while (this.#take('name', 'and')) left = { kind: 'and', left, right: this.#equality() };
    return left;
  }

  #equality(): Expression {
    const left = this.#union();
    if (this.#take('symbol', '=')) return { kind: '=', left, right: this.#union() };
    if (this.#take('symbol', '!=')) return { kind: '!=', left, right: this.#union() };
    return left;
  }

  #union(): Expression {
    const of = [this.#typed()];
    while (this.#take('symbol', '|')) of.push(this.#typed());
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind: 'union', of };
  }

  #typed(): Expression {
    const of = this.#postfix();
    if (this.#take('name', 'is')) return { kind: 'is', of, type: this.#typeName() };
    if (this.#take('name', 'as')) return extend(of, { kind: 'type', type: this.#typeName() });
    return of;
  }

  #postfix(): Expression {
    let expression = this.#primary();
    for (;;) {
      if (this.#take('symbol', '.')) expression = extend(expression, this.#step());
      else if (this.#take('symbol', '[')) {
        const { kind, text } = this.#next();
        if (kind !== 'number') throw new Unsupported();
        this.#expect(']');
        expression = extend(expression, { kind: 'index', index: Number(text) });
      } else return expression;
    }
  }

  #primary(): Expression {
    const next = this.#peek();
    if (next.kind === 'string' || next.kind === 'number') {
      this.#at++;
      return { kind: 'literal', value: next.kind === 'string' ? next.text : Number(next.text) };
    }
    if (this.#take('name', 'true')) return { kind: 'literal', value: true };
    if (this.#take('name', 'false')) return { kind: 'literal', value: false };
    if (this.#take('symbol', '%resource')) return { kind: 'path', start: 'resource', steps: [] };
    if (this.#take('symbol', '(')) {
      const inner = this.#or();
      this.#expect(')');
      return inner;
    }
    return { kind: 'path', start: 'context', steps: [this.#step()] };
  }

  #step(): Step {
    const { kind, text } = this.#next();
    if (kind !== 'name') throw new Unsupported();
    if (!this.#take('symbol', '(')) return { kind: 'child', name: text };
    const step = this.#call(text);
    this.#expect(')');
    return step;
  }

  #call(name: string): Step {
    switch (name) {
      case 'as':
      case 'ofType':
        return { kind: 'type', type: this.#typeName() };
      case 'where':
        return { kind: 'where', condition: this.#or() };
      case 'exists':
        return { kind: 'exists' };
      case 'resolve':
        return { kind: 'resolve' };
      case 'first':
        return { kind: 'index', index: 0 };
      default:
        throw new Unsupported();
    }
  }

  #typeName(): string {
    const { kind, text } = this.#next();
    if (kind !== 'name') throw new Unsupported();
    if (text !== 'FHIR' || !this.#take('symbol', '.')) return text;
    return this.#next().text;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? end;
  }

  #next(): Token {
    const next = this.#peek();
    this.#at++;
    return next;
  }

  #take(kind: Token['kind'], text: string): boolean {
    const next = this.#peek();
    if (next.kind !== kind || next.text !== text) return false;
    this.#at++;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#take('symbol', symbol)) throw new Unsupported();
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
