/** Compiled expressions find what the FHIRPath library finds. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { beforeAll, describe, expect, test } from 'vitest';
import { isResource, type JsonValue, type Resource } from '../../src/fhir/resource.ts';
import { compileExpression } from '../../src/search/extract/compile.ts';
import { parseExpression } from '../../src/search/extract/expression.ts';
import { compileFhirpath } from '../../src/search/extract/fhirpath.ts';
import { valuesAlong } from '../../src/search/extract/route.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';
import { baseUrl, definitions, registry } from './setup.ts';

/** Examples of each type, and their size in bytes: enough to have each parameter's elements, few enough to be quick. */
const perType = 4;
const largest = 60_000;

/** A part of the library's answers that isn't R4's: `DateTime` is no type of FHIR, so it finds no dateTime. */
const misspelt = /DateTime/;

const sorted = (values: readonly JsonValue[]): readonly string[] =>
  [...new Set(values.map((value) => JSON.stringify(value)))].sort();

/** What an expression finds by compiled routes, undefined if it isn't compiled. */
function compiledValues(expression: string, resource: Resource): readonly JsonValue[] | undefined {
  const tree = parseExpression(expression);
  const { resourceType } = resource;
  const compiled = tree && compileExpression(tree, resourceType, { definitions, resourceType, baseUrl });
  if (compiled === undefined) return undefined;
  if ('test' in compiled) return [compiled.test(resource, resource)];
  return compiled.routes.flatMap((route) => valuesAlong(route, resource, resource));
}

test('every expression of R4 is compiled, none needs the library', () => {
  const left: string[] = [];
  for (const type of definitions.resourceTypes) {
    for (const { code, expression, parts } of registry.of(type)) {
      for (const each of [expression, ...parts.map((part) => part.expression)]) {
        const tree = parseExpression(each);
        const context = { definitions, resourceType: type, baseUrl };
        if (tree === undefined || compileExpression(tree, type, context) === undefined) left.push(`${type}.${code}`);
      }
    }
  }
  expect(left).toEqual([]);
});

const present = await haveR4Examples();

describe.skipIf(!present)('on R4 examples', () => {
  const resources: Resource[] = [];

  beforeAll(async () => {
    const counts = new Map<string, number>();
    for await (const { bytes } of r4Examples()) {
      if (bytes.length > largest) continue;
      const resource: JsonValue = JSON.parse(bytes.toString('utf8'));
      if (!isResource(resource) || !definitions.resourceTypes.has(resource.resourceType)) continue;
      const count = counts.get(resource.resourceType) ?? 0;
      if (count >= perType) continue;
      counts.set(resource.resourceType, count + 1);
      resources.push(resource);
    }
  });

  test('both find the same values for every search parameter', () => {
    const evaluators = new Map<string, ReturnType<typeof compileFhirpath>>();
    const wrong: string[] = [];
    let found = 0;
    for (const resource of resources) {
      for (const { code, expression } of registry.of(resource.resourceType)) {
        if (misspelt.test(expression)) continue;
        const evaluate = evaluators.get(expression) ?? compileFhirpath(expression, resource.resourceType, baseUrl);
        evaluators.set(expression, evaluate);
        const oracle = sorted(evaluate(resource, resource).map(({ value }) => value));
        const ours = sorted(compiledValues(expression, resource) ?? []);
        found += ours.length;
        if (JSON.stringify(ours) !== JSON.stringify(oracle)) {
          wrong.push(`${resource.resourceType}/${resource.id} ${code}: ${ours.join()} instead of ${oracle.join()}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(found).toBeGreaterThan(1000);
  }, 120_000);
});
