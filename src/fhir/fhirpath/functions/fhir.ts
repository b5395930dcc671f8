/** What FHIR adds to FHIRPath. https://hl7.org/fhir/R4/fhirpath.html#functions */
import { isArray, isObject, type JsonObject } from '../../resource.ts';
import { type CompileCall, itemsCode, onlyItem, onlyText, testCode } from '../code.ts';
import { ROOT } from '../dependence.ts';
import { type Item, type Items, itemOf, nothing, single } from '../item.ts';
import { kept } from '../kept.ts';
import type { Scope } from '../scope.ts';
import { system } from '../shapes.ts';
import { argument } from './arguments.ts';

const hasValue: CompileCall = ({ input }) =>
  testCode((self, scope) => {
    const items = input.items(self, scope);
    const [item] = items;
    return items.length === 1 && item !== undefined && item.shape.primitive && item.value !== undefined;
  });

const getValue: CompileCall = ({ input }) =>
  itemsCode((self, scope) => {
    const items = input.items(self, scope);
    const [item] = items;
    return items.length === 1 && item?.shape.primitive === true && item.value !== undefined ? items : nothing;
  });

const extension: CompileCall = (call) => {
  const url = argument(call);
  const { input, shapes } = call;
  const shape = shapes.of('Extension');
  return itemsCode((self, scope) => {
    const wanted = onlyText(url.items(self, scope));
    const found: Item[] = [];
    for (const item of input.items(self, scope)) {
      const holder = item.shape.primitive ? item.beside : item.value;
      const extensions = isObject(holder) ? holder.extension : undefined;
      if (!isArray(extensions)) continue;
      scope.budget.spend(extensions.length);
      for (const each of extensions)
        if (isObject(each) && each.url === wanted) found.push(itemOf(each, shape, undefined, shapes));
    }
    return found;
  });
};

const literal = /(?:^|\/)([A-Z][A-Za-z]{1,63})\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

/** The contained resources of the container by their ids. */
const contained = kept(ROOT, (_, { rootResource, budget }): ReadonlyMap<string, JsonObject> => {
  const found = new Map<string, JsonObject>();
  const list = rootResource.contained;
  if (!isArray(list)) return found;
  budget.spend(list.length);
  for (const each of list) {
    // Of several with one id the first is meant.
    if (isObject(each) && typeof each.id === 'string' && !found.has(each.id)) found.set(each.id, each);
  }
  return found;
});

/** What a reference leads to. Elsewhere than in its resource no more may be known of it than its type. */
function resolved(reference: string, scope: Scope, isType: (name: string) => boolean): JsonObject | undefined {
  if (reference === '#') return scope.rootResource;
  if (reference.startsWith('#')) return contained(nothing, scope).get(reference.slice(1));
  const found = scope.hooks.resolve?.(reference);
  if (found !== undefined) return found;
  const type = literal.exec(reference)?.[1];
  return type !== undefined && isType(type) ? { resourceType: type } : undefined;
}

function referenceIn({ value, shape }: Item): string | undefined {
  if (typeof value === 'string') return value;
  return shape.name === 'Reference' && isObject(value) && typeof value.reference === 'string'
    ? value.reference
    : undefined;
}

const resolve: CompileCall = ({ input, shapes }) => {
  const shape = shapes.of('Resource');
  const isType = (name: string): boolean => shapes.definitions.resourceTypes.has(name);
  return itemsCode((self, scope) => {
    const found: Item[] = [];
    for (const item of input.items(self, scope)) {
      scope.budget.spend(1);
      const reference = referenceIn(item);
      // Where the reference says no more, its `type` may. https://hl7.org/fhir/R4/references-definitions.html#Reference.type
      const type = isObject(item.value) ? item.value.type : undefined;
      const resource =
        (reference === undefined ? undefined : resolved(reference, scope, isType)) ??
        (typeof type === 'string' && isType(type) ? { resourceType: type } : undefined);
      if (resource !== undefined) found.push(itemOf(resource, shape, undefined, shapes));
    }
    return found;
  });
};

function said(scope: Scope, answer: boolean | undefined): boolean | undefined {
  if (answer === undefined) scope.unsaid = true;
  return answer;
}

const htmlChecks: CompileCall = ({ input }) =>
  testCode((self, scope) => {
    const text = onlyText(input.items(self, scope));
    return text === undefined ? undefined : said(scope, scope.hooks.htmlChecks?.(text));
  });

/** A rule that a hook knows of a value and a canonical. */
function asked(hook: 'memberOf' | 'conformsTo'): CompileCall {
  return (call) => {
    const canonical = argument(call);
    return testCode((self, scope) => {
      const item = onlyItem(call.input.items(self, scope));
      const url = item === undefined ? undefined : onlyText(canonical.items(self, scope));
      if (item?.value === undefined || url === undefined) return undefined;
      return said(scope, scope.hooks[hook]?.(item.value, item.shape.name, url));
    });
  };
}

function clock(of: (now: string) => Items): CompileCall {
  return () => itemsCode(() => of(new Date().toISOString()));
}

export const fhir: Readonly<Record<string, CompileCall>> = {
  hasValue,
  getValue,
  extension,
  resolve,
  htmlChecks,
  memberOf: asked('memberOf'),
  conformsTo: asked('conformsTo'),
  now: clock((now) => single(now, system.DateTime)),
  today: clock((now) => single(now.slice(0, 10), system.Date)),
  timeOfDay: clock((now) => single(now.slice(11, 23), system.Time)),
};
