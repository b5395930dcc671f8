/** Whether references lead to resources of the types that their element names. https://hl7.org/fhir/R4/references.html */
import { isObject, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import type { Walk } from './walk.ts';

const HASH = 35;

/** The type in `Type/id`, `…/Type/id/_history/1` or `Type?criteria`; undefined where the text says none. */
function typeOfReference(reference: string, types: ReadonlySet<string>): string | undefined {
  const mark = reference.indexOf('?');
  if (mark >= 0) return known(reference.slice(0, mark), types);
  const slash = reference.indexOf('/');
  if (slash < 0) return undefined;
  if (reference.indexOf('/', slash + 1) < 0) return known(reference.slice(0, slash), types);
  const parts = reference.split('/');
  const version = parts.lastIndexOf('_history');
  return known(parts.at(version > 0 && version === parts.length - 2 ? -4 : -2) ?? '', types);
}

function known(type: string, types: ReadonlySet<string>): string | undefined {
  return types.has(type) ? type : undefined;
}

/**
 * The check of a Reference: that it says something, that what it says agrees, and that it leads to one of the `targets`, where it
 * shows the type of its target; empty: any type.
 */
export function referenceCheck(targets: readonly string[], types: ReadonlySet<string>) {
  const allowed = targets.length === 0 ? undefined : new Set(targets);
  return (value: JsonValue, walk: Walk): void => {
    if (!isObject(value)) return;
    const { reference, type } = value;
    let shown: string | undefined;
    if (typeof reference === 'string') {
      shown = reference.charCodeAt(0) === HASH ? containedType(reference, walk) : typeOfReference(reference, types);
    } else if (isNothing(value)) {
      walk.error('required', 'reference', 'must have a reference, an identifier or a display');
      return;
    }
    const named = typeof type === 'string' && types.has(type) ? type : undefined;
    if (named !== undefined && shown !== undefined && named !== shown) {
      const text = `must be the type that the reference leads to, ${shown}`;
      walk.error('value', 'reference-type', text, walk.place.path('type'));
      return;
    }
    const found = shown ?? named;
    if (found === undefined || allowed === undefined || allowed.has(found)) return;
    walk.error('value', 'reference-type', `must lead to ${list(targets)}, not to ${article(found)}`);
  };
}

/** R4: "At least one of reference, identifier and display SHALL be present (unless an extension is provided)." */
function isNothing(value: JsonObject): boolean {
  return (
    value._reference === undefined &&
    value.identifier === undefined &&
    value.display === undefined &&
    value._display === undefined &&
    value.extension === undefined
  );
}

/** The type of the contained resource or, for `#`, of the container; a fault where it isn't there. */
function containedType(reference: string, walk: Walk): string | undefined {
  if (reference === '#') {
    const { resourceType } = walk.scope.rootResource;
    return typeof resourceType === 'string' ? resourceType : undefined;
  }
  const found = walk.contained.get(reference.slice(1));
  if (found === undefined)
    walk.error(
      'invariant',
      'ref-1',
      'must lead to a contained resource: there is none with that id',
      walk.place.path('reference'),
    );
  return found;
}

function article(name: string): string {
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

function list(names: readonly string[]): string {
  const all = names.map(article);
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}
