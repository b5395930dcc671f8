/** Parts of collections. https://hl7.org/fhirpath/N1/#filtering-and-projection */
import { type CompileCall, type Evaluate, itemsCode, onlyNumber, testCode } from '../code.ts';
import { distinct, Members } from '../equality.ts';
import { addAllChildren, type Item, type Items, nothing } from '../item.ts';
import { addDescendants } from '../path.ts';
import { EvaluationFault } from '../scope.ts';
import { argument, optional, typeArgument } from './arguments.ts';
import { membersOf } from './existence.ts';

const where: CompileCall = (call) => {
  const criterion = argument(call);
  const { input } = call;
  return itemsCode((self, scope) => {
    const items = input.items(self, scope);
    if (items.length === 0) return nothing;
    scope.budget.spend(items.length);
    const outer = scope.index;
    const found = items.filter((item, index) => {
      scope.index = index;
      return criterion.test([item], scope) === true;
    });
    scope.index = outer;
    return found;
  });
};

const select: CompileCall = (call) => {
  const projection = argument(call);
  const { input } = call;
  return itemsCode((self, scope) => {
    const items = input.items(self, scope);
    if (items.length === 0) return nothing;
    scope.budget.spend(items.length);
    const outer = scope.index;
    const found: Item[] = [];
    for (const [index, item] of items.entries()) {
      scope.index = index;
      for (const each of projection.items([item], scope)) found.push(each);
      scope.budget.hold(found.length);
    }
    scope.index = outer;
    return found;
  });
};

const repeat: CompileCall = (call) => {
  const projection = argument(call);
  const { input } = call;
  return itemsCode((self, scope) => {
    const all: Item[] = [];
    const seen = new Members(nothing, scope.budget);
    let next = input.items(self, scope);
    while (next.length > 0) {
      const found: Item[] = [];
      for (const item of next)
        for (const each of projection.items([item], scope)) if (seen.add(each, scope.budget)) found.push(each);
      for (const item of found) all.push(item);
      scope.budget.hold(all.length);
      next = found;
    }
    return all;
  });
};

const iif: CompileCall = (call) => {
  const criterion = argument(call);
  const [then, otherwise] = [argument(call, 1), optional(call, 2)];
  const { input } = call;
  return {
    items: (self, scope) => {
      const items = input.items(self, scope);
      if (criterion.test(items, scope) === true) return then.items(items, scope);
      return otherwise?.items(items, scope) ?? nothing;
    },
    test: (self, scope) => {
      const items = input.items(self, scope);
      return criterion.test(items, scope) === true ? then.test(items, scope) : otherwise?.test(items, scope);
    },
  };
};

const ofType: CompileCall = (call) => {
  const fits = typeArgument(call);
  const { input } = call;
  return itemsCode((self, scope) => {
    const items = input.items(self, scope);
    scope.budget.spend(items.length);
    return items.every(({ shape }) => fits(shape)) ? items : items.filter(({ shape }) => fits(shape));
  });
};

const is: CompileCall = (call) => {
  const fits = typeArgument(call);
  const { input } = call;
  return testCode((self, scope) => {
    const items = input.items(self, scope);
    if (items.length > 1) throw new EvaluationFault('is: several values where one is expected');
    const [item] = items;
    return item === undefined ? undefined : fits(item.shape);
  });
};

/** A part of the input that its length decides. */
function part(of: (items: Items) => Items): CompileCall {
  return ({ input }) => itemsCode((self, scope) => of(input.items(self, scope)));
}

function counted(of: (items: Items, count: number) => Items): CompileCall {
  return (call) => {
    const number = argument(call);
    return itemsCode((self, scope) => {
      const count = onlyNumber(number.items(self, scope));
      return count === undefined ? nothing : of(call.input.items(self, scope), count);
    });
  };
}

const intersect: CompileCall = (call) => {
  const members = membersOf(call);
  return itemsCode((self, scope) => {
    const items = call.input.items(self, scope);
    if (items.length === 0) return nothing;
    const others = members(self, scope);
    return distinct(
      items.filter((item) => others.has(item, scope.budget)),
      scope.budget,
    );
  });
};

const exclude: CompileCall = (call) => {
  const members = membersOf(call);
  return itemsCode((self, scope) => {
    const others = members(self, scope);
    return call.input.items(self, scope).filter((item) => !others.has(item, scope.budget));
  });
};

function both(call: Parameters<CompileCall>[0]): Evaluate {
  const other = argument(call);
  return (self, scope) => {
    const [one, two] = [call.input.items(self, scope), other.items(self, scope)];
    scope.budget.spend(one.length + two.length);
    scope.budget.hold(one.length + two.length);
    return one.length === 0 ? two : two.length === 0 ? one : [...one, ...two];
  };
}

const union: CompileCall = (call) => {
  const all = both(call);
  return itemsCode((self, scope) => distinct(all(self, scope), scope.budget));
};

const children: CompileCall = ({ input, shapes }) =>
  itemsCode((self, scope) => {
    const found: Item[] = [];
    for (const item of input.items(self, scope)) addAllChildren(item, found, shapes, scope.budget);
    return found;
  });

const descendants: CompileCall = ({ input, shapes }) =>
  itemsCode((self, scope) => {
    const found: Item[] = [];
    for (const item of input.items(self, scope)) addDescendants(item, found, shapes, scope.budget);
    return found;
  });

const aggregate: CompileCall = (call) => {
  const step = argument(call);
  const start = optional(call, 1);
  return itemsCode((self, scope) => {
    const [index, total] = [scope.index, scope.total];
    let sum = start?.items(self, scope) ?? nothing;
    for (const [n, item] of call.input.items(self, scope).entries()) {
      scope.budget.spend(1);
      scope.index = n;
      scope.total = sum;
      sum = step.items([item], scope);
    }
    scope.index = index;
    scope.total = total;
    return sum;
  });
};

export const filtering: Readonly<Record<string, CompileCall>> = {
  where,
  select,
  repeat,
  iif,
  aggregate,
  is,
  as: ofType,
  ofType,
  first: part((items) => (items.length < 2 ? items : items.slice(0, 1))),
  last: part((items) => items.slice(-1)),
  tail: part((items) => items.slice(1)),
  single: part((items) => {
    if (items.length > 1) throw new EvaluationFault('single: several values where one is expected');
    return items;
  }),
  skip: counted((items, count) => items.slice(Math.max(0, count))),
  take: counted((items, count) => items.slice(0, Math.max(0, count))),
  intersect,
  exclude,
  union,
  combine: (call) => itemsCode(both(call)),
  children,
  descendants,
  /** https://hl7.org/fhirpath/N1/#trace: nobody reads it here. */
  trace: ({ input }) => input,
};
