/** Expressions that need the whole of FHIRPath, run by the `fhirpath` package. https://hl7.org/fhirpath/ */
import { createRequire } from 'node:module';
import { isResource, type JsonValue, type Resource } from '../../fhir/resource.ts';

/** A value that an expression gave, with its FHIR data type (`HumanName`, `code`). */
export interface TypedValue {
  readonly type: string;
  readonly value: JsonValue;
}

/** Evaluates an expression on a value; `resource` is `%resource`. Gives nothing where evaluation fails. */
export type Evaluate = (value: JsonValue, resource: Resource) => readonly TypedValue[];

type Library = typeof import('fhirpath').default;
type Model = typeof import('fhirpath/fhir-context/r4').default;

let loaded: { readonly library: Library; readonly model: Model } | undefined;

/** The library, loaded when the first expression needs it: it takes a quarter of a second. */
function load(): { readonly library: Library; readonly model: Model } {
  const require = createRequire(import.meta.url);
  loaded ??= { library: require('fhirpath'), model: require('fhirpath/fhir-context/r4') };
  return loaded;
}

/**
 * Compiles an expression; `base` is the type it is evaluated on (`Patient`, `Observation.component`). `as` is read as
 * `ofType`, because R4's expressions write `as` where several values may come.
 * Throws for what isn't FHIRPath.
 */
export function compileFhirpath(expression: string, base: string): Evaluate {
  const { library, model } = load();
  const text = asOfType(expression);
  const path = /^[A-Z]/.test(base) && base.includes('.') ? { base, expression: text } : text;
  const evaluate = library.compile(path, model, { resolveInternalTypes: false });
  return (value, resource) => {
    try {
      const found: readonly unknown[] = evaluate(value, { resource });
      const types: readonly string[] = library.types(found);
      return found.map((each, n) => typed(each, types[n] ?? ''));
    } catch {
      // An expression that fails on a value finds nothing in it.
      return [];
    }
  };
}

/** `(x as T)` and `x.as(T)` as `x.ofType(T)`. */
export function asOfType(expression: string): string {
  return expression.replaceAll(/\.as\(/g, '.ofType(').replaceAll(/\(([^()|]+?) as ([A-Za-z.]+)\)/g, '($1.ofType($2))');
}

function typed(node: unknown, type: string): TypedValue {
  const value = data(node);
  if (isResource(value)) return { type: value.resourceType, value };
  return { type: type.replace(/^(?:FHIR|System)\./, ''), value };
}

/** The JSON behind a node of the library. */
function data(node: unknown): JsonValue {
  if (typeof node === 'object' && node !== null && 'convertData' in node && typeof node.convertData === 'function') {
    return data(node.convertData());
  }
  return JSON.parse(JSON.stringify(node) ?? 'null');
}
