/** Extraction as a whole: on R4's examples, and with parameters of one's own. https://hl7.org/fhir/R4/search.html */
import { beforeAll, describe, expect, test } from 'vitest';
import { decimalKey, precisionRange } from '../../../src/fhir/decimal.ts';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions/definitions.ts';
import { isResource, type JsonValue, type Resource } from '../../../src/fhir/resource.ts';
import type { IndexValue } from '../../../src/search/entry.ts';
import { compileExpression } from '../../../src/search/extract/compile.ts';
import { converterOf } from '../../../src/search/extract/convert.ts';
import { distinct } from '../../../src/search/extract/distinct.ts';
import { parseExpression } from '../../../src/search/extract/expression.ts';
import { createExtractor } from '../../../src/search/extract/extract.ts';
import { valuesAlong } from '../../../src/search/extract/route.ts';
import { bindingSystem, isNamePart } from '../../../src/search/extract/values.ts';
import { createRegistry, type SearchParameter } from '../../../src/search/registry.ts';
import { haveR4Examples, r4Examples } from '../../r4-examples.ts';
import { baseUrl, definitions, extract, registry, timezone } from '../setup.ts';

const perType = 12;
const largest = 200_000;
const present = await haveR4Examples();

/** A parameter's values, route by route. */
function valuesByRoute(parameter: SearchParameter, resource: Resource): readonly IndexValue[] {
  const tree = parseExpression(parameter.expression);
  const { resourceType } = resource;
  const compiled = tree && compileExpression(tree, resourceType, { definitions, resourceType, baseUrl });
  if (compiled === undefined) throw new Error(`${parameter.code} is not compiled`);
  const out: IndexValue[] = [];
  if ('test' in compiled) {
    const place = { system: undefined, namePart: false };
    converterOf(parameter, 'boolean', place, { baseUrl, timezone })?.(compiled.test(resource, resource), out, resource);
    return out;
  }
  for (const route of compiled.routes) {
    const place = { system: bindingSystem(route, definitions), namePart: isNamePart(route) };
    const convert = converterOf(parameter, route.type, place, { baseUrl, timezone });
    for (const value of valuesAlong(route, resource, resource)) convert?.(value, out, resource);
  }
  return distinct(out);
}

const sorted = (values: readonly IndexValue[]): readonly string[] =>
  values.map((value) => JSON.stringify(value)).sort();

/** Which table a value would be kept in: a parameter that isn't `multiple` has one value in each. */
const table = ({ kind }: IndexValue): string => kind;

describe.skipIf(!present)('on R4 examples', () => {
  const resources: Resource[] = [];

  beforeAll(async () => {
    const counts = new Map<string, number>();
    for await (const { bytes } of r4Examples()) {
      if (bytes.length > largest) continue;
      const resource: JsonValue = JSON.parse(bytes.toString('utf8'));
      if (!isResource(resource)) continue;
      const count = counts.get(resource.resourceType) ?? 0;
      if (count >= perType) continue;
      counts.set(resource.resourceType, count + 1);
      resources.push(resource);
    }
  });

  test('one walk finds what each route finds', () => {
    for (const resource of resources) {
      const entries = extract(resource);
      for (const parameter of registry.of(resource.resourceType)) {
        const { code, kind } = parameter;
        if (kind === 'composite' || code === '_id' || code === '_lastUpdated') continue;
        const found = entries.filter((entry) => entry.parameter === code).map(({ value }) => value);
        expect(sorted(found), `${resource.resourceType}/${resource.id} ${code}`).toEqual(
          sorted(valuesByRoute(parameter, resource)),
        );
      }
    }
  });

  test('values are of the kind that their parameter says', () => {
    for (const resource of resources) {
      for (const { parameter: code, value } of extract(resource)) {
        const parameter = registry.get(resource.resourceType, code);
        const about = `${resource.resourceType}/${resource.id} ${code}`;
        if (code.endsWith(':text') || code.endsWith(':of-type')) {
          expect(value.kind, about).toBe(code.endsWith(':text') ? 'token' : 'identifier');
        } else if (code.endsWith(':precision')) {
          expect(value.kind, about).toBe('number');
        } else if (parameter?.kind === 'special') {
          expect(value.kind, about).toBe('position');
        } else if (parameter?.kind === 'token') {
          expect(value.kind, about).toBe(parameter.textual ? 'identifier' : 'token');
        } else if (parameter?.kind === 'reference') {
          expect(['reference', 'uri', 'identifier'], about).toContain(value.kind);
        } else {
          expect(value.kind, about).toBe(parameter?.kind);
        }
        if (value.kind !== 'composite') continue;
        const kinds = parameter?.components.map(({ kind, textual }) =>
          kind === 'token' && textual ? 'identifier' : kind,
        );
        expect(
          value.components.map(({ kind }) => kind),
          about,
        ).toEqual(kinds);
      }
    }
  });

  test('a parameter that is not multiple has one value of a kind', () => {
    for (const resource of resources) {
      const seen = new Set<string>();
      for (const { parameter: code, value } of extract(resource)) {
        if (registry.get(resource.resourceType, code)?.multiple !== false) continue;
        const key = `${code} ${table(value)}`;
        expect(seen.has(key), `${resource.resourceType}/${resource.id} ${key}`).toBe(false);
        seen.add(key);
      }
    }
  });
});

describe('parameters of one’s own', () => {
  const define = (
    code: string,
    type: SearchParameterDefinition['type'],
    expression: string,
  ): SearchParameterDefinition => ({
    url: `http://example.org/SearchParameter/${code}`,
    code,
    name: code,
    type,
    base: ['Patient'],
    expression,
    target: [],
    components: [],
  });
  const own = {
    ...definitions,
    searchParameters: [
      define('race', 'token', "Patient.extension.where(url = 'http://race').value.as(Coding)"),
      define('birth-time', 'date', "Patient.birthDate.extension.where(url = 'http://birth-time').value.as(dateTime)"),
      define('names', 'number', 'Patient.name.count()'),
      define('official', 'string', "Patient.name.where(use = 'official' and family.exists()).family"),
      define('initial', 'string', 'Patient.name.given.first().substring(0, 1)'),
      define('contact', 'reference', 'Patient.contact.organization.where(resolve() is Organization)'),
      define('broken', 'token', 'Patient.name..('),
    ],
  };
  const extractOwn = createExtractor(createRegistry(own), own, { baseUrl, timezone: 'Z' });

  test('extensions, functions and conditions', () => {
    const resource: Resource = {
      resourceType: 'Patient',
      extension: [
        { url: 'http://race', valueCoding: { code: 'x' } },
        { url: 'http://other', valueCoding: { code: 'y' } },
      ],
      birthDate: '2020-01-01',
      _birthDate: { extension: [{ url: 'http://birth-time', valueDateTime: '2020-01-01T08:00:00Z' }] },
      name: [{ use: 'official', family: 'Lee', given: ['Ann', 'Bea'] }, { family: 'Doe' }],
      contact: [{ organization: { reference: 'Organization/1' } }],
    };
    expect(extractOwn(resource)).toEqual([
      { parameter: 'birth-time', value: { kind: 'date', low: 1_577_865_600_000, high: 1_577_865_601_000 } },
      { parameter: 'contact', value: { kind: 'reference', type: 'Organization', id: '1', version: '' } },
      { parameter: 'initial', value: { kind: 'string', norm: 'a', exact: 'A' } },
      { parameter: 'names', value: { kind: 'number', low: decimalKey('2'), high: decimalKey('2') } },
      { parameter: 'names:precision', value: { kind: 'number', ...precisionRange('2') } },
      { parameter: 'official', value: { kind: 'string', norm: 'lee', exact: 'Lee' } },
      { parameter: 'race', value: { kind: 'token', system: '', value: 'x' } },
    ]);
  });

  test('a resource is never changed', () => {
    const resource = { resourceType: 'Patient', birthDate: '2020-01-01', name: [{ given: ['Ann'] }] };
    const before = structuredClone(resource);
    extractOwn(resource);
    expect(resource).toEqual(before);
  });
});
