/** Expressions of search parameters run by the `fhirpath` package, with which ours are compared. https://hl7.org/fhirpath/ */
import { loadEngine, quietly } from '../../src/fhir/fhirpath/engine.ts';
import { isResource, type JsonValue, type Resource } from '../../src/fhir/resource.ts';
import type { TypedValue } from '../../src/search/extract/fhirpath.ts';
import { typeReferred } from '../../src/search/extract/referred.ts';

/** Evaluates an expression on a value; `resource` is `%resource`. Gives nothing where evaluation fails. */
export type Evaluate = (value: JsonValue, resource: Resource) => readonly TypedValue[];

/** FHIR's names for the types of what an expression computes. */
const computedTypes: Readonly<Record<string, string>> = {
  'System.String': 'string',
  'System.Boolean': 'boolean',
  'System.Integer': 'integer',
  'System.Decimal': 'decimal',
  'System.Date': 'date',
  'System.DateTime': 'dateTime',
};

/**
 * Compiles an expression; `base` is the type it is evaluated on (`Patient`, `Observation.component`). `as` is read as
 * `ofType`, because R4's expressions write `as` where several values may come; `resolve() is T` looks at the reference, not
 * at what it leads to. Throws for what isn't FHIRPath.
 */
export function compileWithPackage(expression: string, base: string, baseUrl: string): Evaluate {
  const { fhirpath, model } = loadEngine();
  const text = readable(expression);
  let current: Resource | undefined;
  const resolvesTo = (references: readonly unknown[], type: string): readonly boolean[] =>
    references.map((reference) => {
      return current !== undefined && typeReferred(dataOf(reference) ?? null, current, baseUrl) === type;
    });
  const evaluate = fhirpath.compile(base.includes('.') ? { base, expression: text } : text, model, {
    ...quietly,
    userInvocationTable: { resolvesTo: { fn: resolvesTo, arity: { 1: ['String'] } } },
  });
  return (value, resource) => {
    current = resource;
    try {
      const found: readonly unknown[] = evaluate(value, { resource });
      const types: readonly string[] = fhirpath.types(found);
      return found.flatMap((each, n) => typed(each, types[n] ?? ''));
    } catch {
      // An expression that fails on a value finds nothing in it.
      return [];
    }
  };
}

function readable(expression: string): string {
  return expression
    .replaceAll(/\.as\(/g, '.ofType(')
    .replaceAll(/\(([^()|]+?) as ([A-Za-z.]+)\)/g, '($1.ofType($2))')
    .replaceAll(/resolve\(\) is ([A-Za-z]+)/g, "resolvesTo('$1')");
}

function typed(node: unknown, type: string): readonly TypedValue[] {
  const value = dataOf(node);
  if (value === undefined) return [];
  if (isResource(value)) return [{ type: value.resourceType, value }];
  return [{ type: computedTypes[type] ?? type.replace('FHIR.', ''), value }];
}

/** The JSON of a node, or of what was computed. */
function dataOf(node: unknown): JsonValue | undefined {
  const data: unknown = typeof node === 'object' && node !== null && 'data' in node ? node.data : node;
  if (data === undefined || data === null) return undefined;
  // Dates and decimals that were computed are objects of the library, which know their JSON.
  return JSON.parse(JSON.stringify(data));
}
