/** Texts. https://hl7.org/fhirpath/N1/#string-manipulation */
import {
  type Call,
  type CompileCall,
  type Evaluate,
  itemsCode,
  onlyItem,
  onlyNumber,
  onlyText,
  testCode,
} from '../code.ts';
import { type Items, nothing, single } from '../item.ts';
import { type Pattern, patternOf } from '../pattern.ts';
import { type Budget, EvaluationFault, type Scope } from '../scope.ts';
import { system } from '../shapes.ts';
import { ExpressionFault } from '../syntax.ts';
import { finderOf, placesOf } from '../text-search.ts';
import { argument, optional } from './arguments.ts';

function texts(values: readonly string[]): Items {
  return values.map((value) => ({ value, shape: system.String, beside: undefined }));
}

/** The text that a function is called on: also numbers and dates, which `toString()` is often forgotten for. */
function textOf({ input }: Call): (self: Items, scope: Scope) => string | undefined {
  return (self, scope) => {
    const value = onlyItem(input.items(self, scope))?.value;
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw new EvaluationFault('a text is expected');
    return value;
  };
}

/** A test of a text by another. */
function compared(holds: (text: string, other: string, budget: Budget) => boolean): CompileCall {
  return (call) => {
    const [text, other] = [textOf(call), argument(call)];
    return testCode((self, scope) => {
      const value = text(self, scope);
      const by = value === undefined ? undefined : onlyText(other.items(self, scope));
      if (value === undefined || by === undefined) return undefined;
      scope.budget.read(value.length);
      return holds(value, by, scope.budget);
    });
  };
}

/** What a text becomes by itself. */
function changed(of: (text: string, scope: Scope) => Items): CompileCall {
  return (call) => {
    const text = textOf(call);
    return itemsCode((self, scope) => {
      const value = text(self, scope);
      if (value === undefined) return nothing;
      scope.budget.write(value.length);
      return of(value, scope);
    });
  };
}

const substring: CompileCall = (call) => {
  const [text, start, length] = [textOf(call), argument(call), optional(call, 1)];
  return itemsCode((self, scope) => {
    const value = text(self, scope);
    const from = value === undefined ? undefined : onlyNumber(start.items(self, scope));
    if (value === undefined || from === undefined || from < 0 || from >= value.length) return nothing;
    const count = length === undefined ? undefined : onlyNumber(length.items(self, scope));
    return single(value.slice(from, count === undefined ? undefined : from + Math.max(0, count)), system.String);
  });
};

/** The pieces of a text between a separator, which isn't empty. */
function piecesOf(text: string, separator: string, budget: Budget): readonly string[] {
  let begin = 0;
  const pieces = placesOf(text, separator, budget).map((at) => {
    const piece = text.slice(begin, at);
    begin = at + separator.length;
    return piece;
  });
  return [...pieces, text.slice(begin)];
}

const replace: CompileCall = (call) => {
  const [text, what, by] = [textOf(call), argument(call), argument(call, 1)];
  return itemsCode((self, scope) => {
    const value = text(self, scope);
    const from = onlyText(what.items(self, scope));
    const to = onlyText(by.items(self, scope));
    if (value === undefined || from === undefined || to === undefined) return nothing;
    scope.budget.read(value.length);
    if (from === '') {
      scope.budget.write(value.length + (value.length + 1) * to.length);
      return single(
        value.replaceAll('', () => to),
        system.String,
      );
    }
    const pieces = piecesOf(value, from, scope.budget);
    scope.budget.write(value.length + (pieces.length - 1) * Math.max(0, to.length - from.length));
    return single(pieces.join(to), system.String);
  });
};

const indexOf: CompileCall = (call) => {
  const [text, part] = [textOf(call), argument(call)];
  return itemsCode((self, scope) => {
    const value = text(self, scope);
    const other = onlyText(part.items(self, scope));
    if (value === undefined || other === undefined) return nothing;
    scope.budget.read(value.length);
    return single(finderOf(other, scope.budget)(value, 0), system.Integer);
  });
};

/** Compiled with the expression where it is a literal. */
function pattern(call: Call): (self: Items, scope: Scope) => Pattern | undefined {
  const [tree] = call.arguments;
  if (tree?.kind === 'literal' && typeof tree.value === 'string') {
    const compiled = patternOf(tree.value);
    return () => compiled;
  }
  const text = argument(call).items;
  return (self, scope) => {
    const value = onlyText(text(self, scope));
    if (value === undefined) return undefined;
    scope.budget.spend(value.length);
    return readPattern(value);
  };
}

/** The pattern that a value has. Throws EvaluationFault for what isn't one. */
function readPattern(source: string): Pattern {
  try {
    return patternOf(source);
  } catch (error) {
    if (error instanceof ExpressionFault) throw new EvaluationFault(error.message);
    throw error;
  }
}

function matching(whole: boolean): CompileCall {
  return (call) => {
    const [text, compiled] = [textOf(call), pattern(call)];
    return testCode((self, scope) => {
      const value = text(self, scope);
      const found = value === undefined ? undefined : compiled(self, scope);
      return value === undefined ? undefined : found?.test(value, whole, scope.budget);
    });
  };
}

const replaceMatches: CompileCall = (call) => {
  const [text, compiled, by] = [textOf(call), pattern(call), argument(call, 1)];
  return itemsCode((self, scope) => {
    const value = text(self, scope);
    const found = value === undefined ? undefined : compiled(self, scope);
    const to = found === undefined ? undefined : onlyText(by.items(self, scope));
    if (value === undefined || found === undefined || to === undefined) return nothing;
    return single(found.replace(value, to, scope.budget), system.String);
  });
};

const split: CompileCall = (call) => {
  const [text, separator] = [textOf(call), argument(call)];
  return itemsCode((self, scope) => {
    const value = text(self, scope);
    const by = onlyText(separator.items(self, scope));
    if (value === undefined || by === undefined) return nothing;
    scope.budget.write(value.length);
    if (by !== '') return texts(piecesOf(value, by, scope.budget));
    scope.budget.hold(value.length);
    return texts(value.split(''));
  });
};

const join: CompileCall = (call) => {
  const separator = optional(call);
  const all: Evaluate = call.input.items;
  return itemsCode((self, scope) => {
    const items = all(self, scope);
    scope.budget.spend(items.length);
    // An item may have but extensions; what is no text has no place either.
    const parts = items.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
    if (parts.length === 0) return nothing;
    const by = separator === undefined ? '' : (onlyText(separator.items(self, scope)) ?? '');
    scope.budget.write(parts.reduce((sum, part) => sum + part.length, by.length * parts.length));
    return single(parts.join(by), system.String);
  });
};

export const strings: Readonly<Record<string, CompileCall>> = {
  startsWith: compared((text, other) => text.startsWith(other)),
  endsWith: compared((text, other) => text.endsWith(other)),
  contains: compared((text, other, budget) => finderOf(other, budget)(text, 0) >= 0),
  indexOf,
  substring,
  replace,
  matches: matching(false),
  matchesFull: matching(true),
  replaceMatches,
  split,
  join,
  upper: changed((text) => single(text.toUpperCase(), system.String)),
  lower: changed((text) => single(text.toLowerCase(), system.String)),
  trim: changed((text) => single(text.trim(), system.String)),
  length: changed((text) => single(text.length, system.Integer)),
  toChars: changed((text, { budget }) => {
    budget.hold(text.length);
    budget.spend(text.length);
    return texts([...text]);
  }),
};
