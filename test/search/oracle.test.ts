/** Expressions of search parameters find what the `fhirpath` package finds. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { beforeAll, describe, expect, test } from 'vitest';
import { isResource, type JsonValue, type Resource } from '../../src/fhir/resource.ts';
import { compileExpression } from '../../src/search/extract/compile.ts';
import { parseExpression } from '../../src/search/extract/expression.ts';
import { compileFhirpath, startScope } from '../../src/search/extract/fhirpath.ts';
import { valuesAlong } from '../../src/search/extract/route.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';
import { compileWithPackage } from './library.ts';
import { baseUrl, definitions, registry } from './setup.ts';

/** Examples of each type, and their size in bytes: enough to have each parameter's elements, few enough to be quick. */
const perType = 4;
const largest = 60_000;

/** A part of the package's answers that isn't R4's: `DateTime` is no type of FHIR, so it finds no dateTime. */
const misspelt = /DateTime/;

interface Evaluators {
  readonly package: ReturnType<typeof compileWithPackage>;
  readonly own: ReturnType<typeof compileFhirpath>;
}

/** What R4's own expressions don't have. */
const ofUsers: readonly string[] = [
  'Patient.name.family.lower()',
  "Patient.name.select(given.first() & ' ' & family)",
  'Patient.name.select(given | family)',
  'Patient.name.given.distinct().count()',
  "Patient.telecom.where(system = 'phone' and use = 'work').value",
  'Patient.name.given.combine(Patient.name.family)',
  'Patient.name.given.skip(1).take(1)',
  'Patient.name.given.last()',
  'Patient.name.given.tail()',
  'Patient.identifier.where(system.exists() and value.exists()).value',
  "Patient.identifier.where(system.startsWith('urn:')).value.substring(0, 2)",
  'Patient.birthDate.toString()',
  "iif(Patient.active, 'yes', 'no')",
  'Patient.contact.where(name.exists()).relationship.coding',
  'Patient.contact.name.family',
  'Patient.deceased.is(boolean)',
  'Patient.link.where(other.resolve() is Patient).other',
  'Patient.name.where(use = %resource.name.first().use)',
  'Patient.name.exclude(Patient.name.first())',
  'Patient.name.intersect(Patient.name.tail())',
  'Patient.name.given.isDistinct()',
  'Patient.name.use.subsetOf(Patient.name.use)',
  'Patient.managingOrganization.reference.length()',
  "Patient.name.given.join('-')",
  'Patient.contained.ofType(Organization).name',
  "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-birthPlace').value",
  'Observation.value.as(Quantity).value',
  '(Observation.value as Quantity).unit',
  'Observation.value.ofType(Quantity).value + 0.5',
  'Observation.component.where(code.coding.exists()).value',
  'Observation.component.value.ofType(Quantity).value.round(0)',
  'Observation.effective.ofType(dateTime)',
  "Observation.code.coding.where(system = 'http://loinc.org').code",
  'Observation.referenceRange.low.value | Observation.referenceRange.high.value',
  'Observation.subject.where(resolve() is Patient).reference',
  "Observation.status.trace('status').upper()",
  'Observation.repeat(component).code.coding.code',
  "Observation.descendants().ofType(Coding).where(system = 'http://loinc.org').code",
  'Questionnaire.repeat(item).linkId',
  'Questionnaire.repeat(item).where(required = true).linkId',
];

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

test('every expression of R4 is compiled, none needs FHIRPath', () => {
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

  test('routes, our FHIRPath and the package find the same values for every search parameter and component', () => {
    const evaluators = new Map<string, Evaluators>();
    const wrong: string[] = [];
    let found = 0;
    for (const resource of resources) {
      const { resourceType } = resource;
      for (const { code, expression, parts } of registry.of(resourceType)) {
        // Components are evaluated on the resource alone where their context is it.
        for (const each of [expression, ...parts.map((part) => part.expression)]) {
          if (misspelt.test(each)) continue;
          const key = `${resourceType} ${each}`;
          const { package: theirs, own } = evaluators.get(key) ?? {
            package: compileWithPackage(each, resourceType, baseUrl),
            own: compileFhirpath(each, resourceType, definitions),
          };
          evaluators.set(key, { package: theirs, own });
          const oracle = sorted(theirs(resource, resource).map(({ value }) => value));
          const byRoutes = sorted(compiledValues(each, resource) ?? []);
          const byOwn = sorted(own(resource, startScope(resource)).map(({ value }) => value));
          found += oracle.length;
          for (const [how, ours] of [['routes', byRoutes] as const, ['FHIRPath', byOwn] as const]) {
            if (JSON.stringify(ours) === JSON.stringify(oracle)) continue;
            wrong.push(`${resourceType}/${resource.id} ${code} by ${how}: ${ours.join()} instead of ${oracle.join()}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(found).toBeGreaterThan(1000);
  }, 120_000);

  test('our FHIRPath and the package find the same values, of the same types, for expressions of a user', () => {
    const wrong: string[] = [];
    const used = new Set<string>();
    for (const expression of ofUsers) {
      const type = /Patient|Observation|Questionnaire/.exec(expression)?.[0] ?? '';
      const theirs = compileWithPackage(expression, type, baseUrl);
      const own = compileFhirpath(expression, type, definitions);
      for (const resource of resources) {
        if (resource.resourceType !== type) continue;
        const oracle = theirs(resource, resource).map((each) => JSON.stringify(each));
        const ours = own(resource, startScope(resource)).map((each) => JSON.stringify(each));
        if (oracle.length > 0) used.add(expression);
        if (oracle.join() !== ours.join()) wrong.push(`${resource.id} ${expression}: ${ours} instead of ${oracle}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(used.size).toBeGreaterThan(ofUsers.length - 10);
  }, 180_000);
});
