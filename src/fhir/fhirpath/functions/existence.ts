/** What collections have. https://hl7.org/fhirpath/N1/#existence */
import { type Call, type Code, type CompileCall, itemsCode, type Test, testCode } from '../code.ts';
import { dependence, SELF } from '../dependence.ts';
import { distinct, Members } from '../equality.ts';
import { type Items, nothing, single } from '../item.ts';
import { kept } from '../kept.ts';
import { countChildren, namesOf, reaches } from '../path.ts';
import { system } from '../shapes.ts';
import { argument, optional } from './arguments.ts';

/** Whether a call's input has an item. */
function present({ of, input, shapes }: Call): Test {
  const names = namesOf(of);
  if (names === undefined || names.length === 0) return (self, scope) => input.items(self, scope).length > 0;
  const [only, second] = names;
  if (only !== undefined && second === undefined) {
    return (self) => {
      for (const { value, beside, shape } of self) {
        const holder = shape.primitive ? beside : value;
        if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) continue;
        for (const member of shape.named(only))
          if (member.property in holder || (member.beside !== undefined && member.beside in holder)) return true;
      }
      return false;
    };
  }
  return (self, scope) => {
    for (const item of self) if (reaches(item, names, shapes, scope.budget)) return true;
    return false;
  };
}

const exists: CompileCall = (call) => {
  const criterion = optional(call);
  if (criterion === undefined) return testCode(present(call));
  const { input } = call;
  return testCode((self, scope) => {
    const items = input.items(self, scope);
    scope.budget.spend(items.length);
    const outer = scope.index;
    const found = items.some((item, index) => {
      scope.index = index;
      return criterion.test([item], scope) === true;
    });
    scope.index = outer;
    return found;
  });
};

const empty: CompileCall = (call) => {
  const has = present(call);
  return testCode((self, scope) => has(self, scope) !== true);
};

/** False where it is false for an item, as where it gives nothing for one. */
const all: CompileCall = (call) => {
  const criterion = argument(call);
  const { input } = call;
  return testCode((self, scope) => {
    const items = input.items(self, scope);
    scope.budget.spend(items.length);
    const outer = scope.index;
    const held = items.every((item, index) => {
      scope.index = index;
      return criterion.test([item], scope) === true;
    });
    scope.index = outer;
    return held;
  });
};

const not: CompileCall = ({ input }) =>
  testCode((self, scope) => {
    const value = input.test(self, scope);
    return value === undefined ? undefined : !value;
  });

/** `allTrue` … `anyFalse`. */
function ofTruths(value: boolean, every: boolean): CompileCall {
  return ({ input }) =>
    testCode((self, scope) => {
      const items = input.items(self, scope);
      scope.budget.spend(items.length);
      return every ? items.every((item) => item.value === value) : items.some((item) => item.value === value);
    });
}

const count: CompileCall = ({ of, input }) => {
  if (of?.kind === 'call' && of.name === 'children' && of.of === undefined)
    return itemsCode((self, scope) => {
      let number = 0;
      for (const item of self) number += countChildren(item, scope.budget);
      return single(number, system.Integer);
    });
  return itemsCode((self, scope) => single(input.items(self, scope).length, system.Integer));
};

const isDistinct: CompileCall = ({ input }) =>
  testCode((self, scope) => {
    const items = input.items(self, scope);
    if (items.length < 2) return true;
    const seen = new Members(nothing, scope.budget);
    return items.every((item) => item.value === undefined || seen.add(item, scope.budget));
  });

/** Members of an argument, made as seldom as it may change. */
export function membersOf(call: Call): (self: Items, scope: Parameters<Code['items']>[1]) => Members {
  const [tree] = call.arguments;
  const { items } = argument(call);
  return kept(
    tree === undefined ? SELF : dependence(tree),
    (self, scope) => new Members(items(self, scope), scope.budget),
  );
}

const subsetOf: CompileCall = (call) => {
  const members = membersOf(call);
  return testCode((self, scope) => {
    const others = members(self, scope);
    return call.input.items(self, scope).every((item) => others.has(item, scope.budget));
  });
};

const supersetOf: CompileCall = (call) => {
  const others = argument(call);
  return testCode((self, scope) => {
    const members = new Members(call.input.items(self, scope), scope.budget);
    return others.items(self, scope).every((item) => members.has(item, scope.budget));
  });
};

export const existence: Readonly<Record<string, CompileCall>> = {
  empty,
  exists,
  all,
  not,
  allTrue: ofTruths(true, true),
  anyTrue: ofTruths(true, false),
  allFalse: ofTruths(false, true),
  anyFalse: ofTruths(false, false),
  count,
  distinct: ({ input }) => itemsCode((self, scope) => distinct(input.items(self, scope), scope.budget)),
  isDistinct,
  subsetOf,
  supersetOf,
};
