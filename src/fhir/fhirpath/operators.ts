/** Operators between two expressions. https://hl7.org/fhirpath/N1/#operations */
import { add, divide, multiply, quotient, remainder, subtract } from './arithmetic.ts';
import { type Code, itemsCode, onlyItem, onlyText, type Test, testCode } from './code.ts';
import type { Dependence } from './dependence.ts';
import { compare, distinct, equalCollections, equivalent, Members } from './equality.ts';
import { type Item, type Items, nothing, single } from './item.ts';
import { kept } from './kept.ts';
import { EvaluationFault } from './scope.ts';
import { system } from './shapes.ts';
import type { BinaryOperator } from './syntax.ts';

/** Both sides of an operator, and what each depends on. */
export interface Sides {
  readonly left: Code;
  readonly right: Code;
  readonly needsLeft: Dependence;
  readonly needsRight: Dependence;
}

/** Values; what has but extensions is none to an operator. */
function valued(items: Items): Items {
  const [item] = items;
  if (item === undefined || (items.length === 1 && item.value !== undefined)) return items;
  return items.filter(({ value }) => value !== undefined);
}

function equality({ left, right }: Sides, wanted: boolean): Code {
  return testCode((self, scope) => {
    const a = valued(left.items(self, scope));
    if (a.length === 0) return undefined;
    const b = valued(right.items(self, scope));
    scope.budget.spend(a.length);
    const equal = equalCollections(a, b, scope.budget);
    return equal === undefined ? undefined : equal === wanted;
  });
}

function equivalence({ left, right }: Sides, wanted: boolean): Code {
  return testCode((self, scope) => {
    const [a, b] = [valued(left.items(self, scope)), valued(right.items(self, scope))];
    return equivalent(a, b, scope.budget) === wanted;
  });
}

function order({ left, right }: Sides, fits: (difference: number) => boolean): Code {
  return testCode((self, scope) => {
    const a = onlyItem(left.items(self, scope));
    const b = a === undefined ? undefined : onlyItem(right.items(self, scope));
    const difference = a === undefined || b === undefined ? undefined : compare(a, b);
    return difference === undefined ? undefined : fits(difference);
  });
}

function arithmetic({ left, right }: Sides, of: (a: Item, b: Item) => Items): Code {
  return itemsCode((self, scope) => {
    const a = onlyItem(left.items(self, scope));
    const b = onlyItem(right.items(self, scope));
    if (a === undefined || b === undefined) return nothing;
    // Of texts, `+` makes longer ones.
    if (typeof a.value === 'string' && typeof b.value === 'string') scope.budget.write(a.value.length + b.value.length);
    return of(a, b);
  });
}

function membership(value: Code, values: Code, needs: Dependence): Code {
  const members = kept(needs, (self, scope) => new Members(valued(values.items(self, scope)), scope.budget));
  return testCode((self, scope) => {
    const found = value.items(self, scope);
    if (found.length > 1) throw new EvaluationFault('several values where one is expected');
    const [item] = found;
    return item === undefined ? undefined : members(self, scope).has(item, scope.budget);
  });
}

const and =
  (left: Test, right: Test): Test =>
  (self, scope) => {
    const a = left(self, scope);
    if (a === false) return false;
    const b = right(self, scope);
    return b === false ? false : a === undefined || b === undefined ? undefined : true;
  };

const or =
  (left: Test, right: Test): Test =>
  (self, scope) => {
    const a = left(self, scope);
    if (a === true) return true;
    const b = right(self, scope);
    return b === true ? true : a === undefined || b === undefined ? undefined : false;
  };

const xor =
  (left: Test, right: Test): Test =>
  (self, scope) => {
    const a = left(self, scope);
    if (a === undefined) return undefined;
    const b = right(self, scope);
    return b === undefined ? undefined : a !== b;
  };

const implies =
  (left: Test, right: Test): Test =>
  (self, scope) => {
    const a = left(self, scope);
    if (a === false) return true;
    const b = right(self, scope);
    return b === true ? true : a === undefined || b === undefined ? undefined : false;
  };

/** How each operator is compiled. */
export const operators: { readonly [O in BinaryOperator]: (sides: Sides) => Code } = {
  and: ({ left, right }) => testCode(and(left.test, right.test)),
  or: ({ left, right }) => testCode(or(left.test, right.test)),
  xor: ({ left, right }) => testCode(xor(left.test, right.test)),
  implies: ({ left, right }) => testCode(implies(left.test, right.test)),
  in: ({ left, right, needsRight }) => membership(left, right, needsRight),
  contains: ({ left, right, needsLeft }) => membership(right, left, needsLeft),
  '=': (sides) => equality(sides, true),
  '!=': (sides) => equality(sides, false),
  '~': (sides) => equivalence(sides, true),
  '!~': (sides) => equivalence(sides, false),
  '<': (sides) => order(sides, (difference) => difference < 0),
  '<=': (sides) => order(sides, (difference) => difference <= 0),
  '>': (sides) => order(sides, (difference) => difference > 0),
  '>=': (sides) => order(sides, (difference) => difference >= 0),
  '|': ({ left, right }) =>
    itemsCode((self, scope) => {
      const [one, other] = [left.items(self, scope), right.items(self, scope)];
      scope.budget.hold(one.length + other.length);
      return distinct([...one, ...other], scope.budget);
    }),
  '&': ({ left, right }) =>
    itemsCode((self, scope) => {
      const [a, b] = [onlyText(left.items(self, scope)) ?? '', onlyText(right.items(self, scope)) ?? ''];
      scope.budget.write(a.length + b.length);
      return single(a + b, system.String);
    }),
  '+': (sides) => arithmetic(sides, add),
  '-': (sides) => arithmetic(sides, subtract),
  '*': (sides) => arithmetic(sides, multiply),
  '/': (sides) => arithmetic(sides, divide),
  div: (sides) => arithmetic(sides, quotient),
  mod: (sides) => arithmetic(sides, remainder),
};
