/** Expressions that need the whole of FHIRPath, run by the `fhirpath` package. https://hl7.org/fhirpath/ */
import { callsUnstoppable, loadEngine, quietly } from '../../fhir/fhirpath/engine.ts';
import { isResource, type JsonValue, type Resource } from '../../fhir/resource.ts';
import { typeReferred } from './referred.ts';

/** A value that an expression gave, with its FHIR data type (`HumanName`, `code`). */
export interface TypedValue {
  readonly type: string;
  readonly value: JsonValue;
}

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

/** Milliseconds for one expression on one resource; ordinary ones take less than one. Writes wait for it. */
const BUDGET = 1000;

/**
 * Compiles an expression; `base` is the type it is evaluated on (`Patient`, `Observation.component`). `as` is read as
 * `ofType`, because R4's expressions write `as` where several values may come; `resolve() is T` looks at the reference, not
 * at what it leads to. Throws for what isn't FHIRPath.
 */
export function compileFhirpath(expression: string, base: string, baseUrl: string): Evaluate {
  const { fhirpath, model } = loadEngine();
  const text = readable(expression);
  let current: Resource | undefined;
  const resolvesTo = (references: readonly unknown[], type: string): readonly boolean[] =>
    references.map((reference) => {
      return current !== undefined && typeReferred(dataOf(reference) ?? null, current, baseUrl) === type;
    });
  let deadline = 0;
  const evaluate = fhirpath.compile(base.includes('.') ? { base, expression: text } : text, model, {
    ...quietly,
    debugger: () => stopAfter(deadline),
    userInvocationTable: { resolvesTo: { fn: resolvesTo, arity: { 1: ['String'] } } },
  });
  return (value, resource) => {
    current = resource;
    deadline = performance.now() + BUDGET;
    try {
      const found: readonly unknown[] = evaluate(value, { resource });
      const types: readonly string[] = fhirpath.types(found);
      return found.flatMap((each, n) => typed(each, types[n] ?? ''));
    } catch {
      // An expression that fails on a value, or takes too long, finds nothing in it.
      return [];
    }
  };
}

/** Why an expression can't be evaluated on values of a type; undefined where it can. */
export function fhirpathFault(expression: string, base: string): string | undefined {
  const { fhirpath, model } = loadEngine();
  let deadline = 0;
  try {
    const text = readable(expression);
    if (callsUnstoppable(fhirpath.parse(text))) return 'regular expressions and replace() are not supported';
    const evaluate = fhirpath.compile(base.includes('.') ? { base, expression: text } : text, model, {
      ...quietly,
      debugger: () => stopAfter(deadline),
      userInvocationTable: { resolvesTo: { fn: () => [], arity: { 1: ['String'] } } },
    });
    // What the library doesn't know it finds out when it gets there.
    deadline = performance.now() + BUDGET;
    evaluate({ resourceType: base.split('.')[0] }, { resource: {} });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 200) : 'it fails';
  }
}

/** Called after each step of an evaluation: the one place to stop it. */
function stopAfter(deadline: number): void {
  if (performance.now() > deadline) throw new Error('it takes too long');
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
