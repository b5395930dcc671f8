/** Reads FHIRPath: recursive descent by the precedence of its operators. https://hl7.org/fhirpath/N1/#operator-precedence */
import { type BinaryOperator, ExpressionFault, type LiteralType, type Syntax, type TypeName } from './syntax.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Binary operators from the loosest to the tightest. `is` and `as` lie between `|` and the inequalities. */
const levels: readonly ReadonlyMap<string, BinaryOperator>[] = [
  operators('implies'),
  operators('or', 'xor'),
  operators('and'),
  operators('in', 'contains'),
  operators('=', '~', '!=', '!~'),
  operators('<', '<=', '>', '>='),
  operators('|'),
  new Map(),
  operators('+', '-', '&'),
  operators('*', '/', 'div', 'mod'),
];

const TYPES = 7;

function operators(...names: readonly BinaryOperator[]): ReadonlyMap<string, BinaryOperator> {
  return new Map(names.map((name) => [name, name]));
}

/** Deeper ones would overflow the stack somewhere. */
const MAX_DEPTH = 200;
const MAX_LENGTH = 20_000;
/** Long chains nest as deeply. */
const MAX_PARTS = 1_500;

/** Units that a number may have without quotes. https://hl7.org/fhirpath/N1/#time-valued-quantities */
const calendarUnit = /^(?:year|month|week|day|hour|minute|second|millisecond)s?$/;

/** The tree of an expression. Throws ExpressionFault for what isn't FHIRPath. */
export function parseFhirpath(text: string): Syntax {
  if (text.length > MAX_LENGTH) throw new ExpressionFault(`longer than ${MAX_LENGTH} characters`);
  return new Parser(tokensOf(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { kind: 'end', text: '', at: 0 };
  }

  whole(): Syntax {
    if (this.#tokens.length > MAX_PARTS) throw new ExpressionFault(`more than ${MAX_PARTS} words`);
    const tree = this.#expression();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw unexpected(rest);
    return tree;
  }

  #expression(): Syntax {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new ExpressionFault('nested too deeply');
    const tree = this.#level(0);
    this.#depth -= 1;
    return tree;
  }

  #level(level: number): Syntax {
    const known = levels[level];
    if (known === undefined) return this.#signed();
    let left = this.#level(level + 1);
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind !== 'name' && kind !== 'symbol') return left;
      if (level === TYPES && kind === 'name' && (text === 'is' || text === 'as')) {
        this.#at += 1;
        left = { kind: text, of: left, type: this.#typeName() };
        continue;
      }
      const operator = known.get(text);
      if (operator === undefined) return left;
      this.#at += 1;
      left = { kind: 'binary', operator, left, right: this.#level(level + 1) };
    }
  }

  #signed(): Syntax {
    const negative = this.#take('-');
    if (!negative && !this.#take('+')) return this.#postfix();
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new ExpressionFault('nested too deeply');
    const of = this.#signed();
    this.#depth -= 1;
    return { kind: 'sign', negative, of };
  }

  #postfix(): Syntax {
    let tree = this.#term();
    for (;;) {
      if (this.#take('.')) tree = this.#invocation(tree);
      else if (this.#take('[')) {
        tree = { kind: 'item', of: tree, index: this.#expression() };
        this.#expect(']');
      } else return tree;
    }
  }

  #term(): Syntax {
    const token = this.#peek();
    switch (token.kind) {
      case 'string':
        return this.#literal('String', token.text);
      case 'number':
        return this.#number(token.text);
      case 'temporal':
        return this.#literal(temporalType(token.text), token.text.replace(/^T|T$/, ''));
      case 'constant':
        this.#at += 1;
        return { kind: 'constant', name: token.text };
      case 'symbol':
        return this.#symbolTerm(token);
      case 'name':
        if (token.text === 'true' || token.text === 'false') return this.#literal('Boolean', token.text === 'true');
        return this.#invocation(undefined);
      case 'quoted':
        return this.#invocation(undefined);
      case 'end':
        throw unexpected(token);
    }
  }

  #symbolTerm(token: Token): Syntax {
    this.#at += 1;
    switch (token.text) {
      case '(': {
        const inner = this.#expression();
        this.#expect(')');
        return inner;
      }
      case '{':
        this.#expect('}');
        return { kind: 'empty' };
      case '$this':
        return { kind: 'this' };
      case '$index':
        return { kind: 'index' };
      case '$total':
        return { kind: 'total' };
      default:
        throw unexpected(token);
    }
  }

  #literal(type: LiteralType, value: string | boolean | number): Syntax {
    this.#at += 1;
    return { kind: 'literal', type, value };
  }

  /** A number, or a quantity: `4 days`, `4 'kg'`. */
  #number(text: string): Syntax {
    this.#at += 1;
    const value = Number(text);
    const unit = this.#peek();
    const united = unit.kind === 'string' || (unit.kind === 'name' && calendarUnit.test(unit.text));
    if (!united) return { kind: 'literal', type: text.includes('.') ? 'Decimal' : 'Integer', value };
    this.#at += 1;
    return { kind: 'quantity', value, unit: unit.text };
  }

  #invocation(of: Syntax | undefined): Syntax {
    const token = this.#next();
    const from = of === undefined ? {} : { of };
    if (token.kind !== 'name' && token.kind !== 'quoted') throw unexpected(token);
    if (token.kind === 'quoted' || !this.#take('(')) return { kind: 'member', ...from, name: token.text };
    const found: Syntax[] = [];
    if (!this.#take(')')) {
      do found.push(this.#expression());
      while (this.#take(','));
      this.#expect(')');
    }
    return { kind: 'call', ...from, name: token.text, arguments: found };
  }

  #typeName(): TypeName {
    const first = this.#identifier();
    return this.#take('.') ? { namespace: first, name: this.#identifier() } : { name: first };
  }

  #identifier(): string {
    const token = this.#next();
    if (token.kind !== 'name' && token.kind !== 'quoted') throw unexpected(token);
    return token.text;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  #next(): Token {
    const next = this.#peek();
    this.#at += 1;
    return next;
  }

  #take(symbol: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== 'symbol' || text !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#take(symbol)) throw unexpected(this.#peek());
  }
}

function temporalType(text: string): LiteralType {
  if (text.startsWith('T')) return 'Time';
  return text.includes('T') ? 'DateTime' : 'Date';
}

function unexpected({ kind, text, at }: Token): ExpressionFault {
  return new ExpressionFault(
    kind === 'end' ? 'ends too early' : `unexpected ${JSON.stringify(text.slice(0, 40))} at ${at + 1}`,
  );
}

/** A type given as an argument: `is(Patient)`, `ofType(FHIR.Patient)`; undefined for another expression. */
export function typeNameOf(tree: Syntax): TypeName | undefined {
  if (tree.kind !== 'member') return undefined;
  if (tree.of === undefined) return { name: tree.name };
  const { of } = tree;
  return of.kind === 'member' && of.of === undefined ? { namespace: of.name, name: tree.name } : undefined;
}
