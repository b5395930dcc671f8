/** What parts of expressions give, as long as it can't change. https://hl7.org/fhirpath/N1/#expressions */
import { CONTEXT, type Dependence, NOTHING, ROOT, SELF } from './dependence.ts';
import type { Items } from './item.ts';
import type { Scope } from './scope.ts';

/** A function that is run once for what it depends on: in all, for each container, for each scope, or for each evaluation. */
export function kept<V extends object>(
  needs: Dependence,
  make: (self: Items, scope: Scope) => V,
): (self: Items, scope: Scope) => V {
  if (needs === SELF) return make;
  if (needs === NOTHING) {
    let value: V | undefined;
    return (self, scope) => value ?? sure(make, self, scope, (made) => (value = made));
  }
  const values = new WeakMap<object, V>();
  return (self, scope) => {
    const key = keyOf(needs, scope);
    const found = values.get(key);
    if (found !== undefined) return found;
    return sure(make, self, scope, (made) => values.set(key, made));
  };
}

/** Makes a value, which is kept unless it came of what a hook couldn't say: that has to be heard each time. */
function sure<V>(make: (self: Items, scope: Scope) => V, self: Items, scope: Scope, keep: (value: V) => void): V {
  const before = scope.unsaid;
  scope.unsaid = false;
  const value = make(self, scope);
  if (!scope.unsaid) keep(value);
  scope.unsaid ||= before;
  return value;
}

function keyOf(needs: Dependence, scope: Scope): object {
  if (needs === CONTEXT) return scope.context;
  // Each of the resources that a container has is a scope of its own.
  return needs === ROOT ? scope.rootResource : scope;
}
