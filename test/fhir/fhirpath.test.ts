/** What expressions give. https://hl7.org/fhirpath/N1/ */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { corrections } from '../../src/fhir/fhirpath/corrections.ts';
import { compileExpression, compileInvariant } from '../../src/fhir/fhirpath/invariant.ts';
import { Budget, EvaluationFault, type Hooks, Scope } from '../../src/fhir/fhirpath/scope.ts';
import { ExpressionFault } from '../../src/fhir/fhirpath/syntax.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/resource.ts';
import { rules } from '../validation/invariants/broken.ts';
import { isCompiled } from './compiled.ts';

const definitions = loadDefinitions();

const patient = {
  resourceType: 'Patient',
  id: 'p1',
  active: true,
  birthDate: '1974-12-25',
  _birthDate: { extension: [{ url: 'urn:time', valueDateTime: '1974-12-25T14:35:45-05:00' }] },
  name: [
    { use: 'official', family: 'Chalmers', given: ['Peter', 'James'], _given: [null, { id: 'middle' }] },
    { use: 'usual', given: ['Jim'] },
  ],
  multipleBirthInteger: 2,
  generalPractitioner: [{ reference: 'Practitioner/a' }, { reference: '#o' }],
  contained: [{ resourceType: 'Organization', id: 'o', name: 'Clinic' }],
  extension: [
    { url: 'urn:weight', valueQuantity: { value: 70.5, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' } },
    { url: 'urn:height', valueQuantity: { value: 170, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' } },
    { url: 'urn:since', valuePeriod: { start: '2020-02', end: '2020-03-01T10:00:00Z' } },
  ],
} as const;

function scopeOf(resource: JsonObject, hooks: Hooks = {}): Scope {
  return new Scope(resource, new Budget(performance.now() + 10_000), { hooks });
}

function values(
  expression: string,
  resource: JsonObject = patient,
  hooks: Hooks = {},
): readonly (JsonValue | undefined)[] {
  const evaluate = compileExpression(expression, 'Patient', definitions);
  return evaluate(resource, scopeOf(resource, hooks)).map(({ value }) => value);
}

const given: readonly (readonly [expression: string, ...values: readonly JsonValue[]])[] = [
  // Paths
  ['name.given', 'Peter', 'James', 'Jim'],
  ['Patient.name.given', 'Peter', 'James', 'Jim'],
  ['Observation.name.given'],
  ['DomainResource.id', 'p1'],
  ['multipleBirth', 2],
  ['multipleBirthInteger', 2],
  ['multipleBirth.is(integer)', true],
  ['name[1].given[0]', 'Jim'],
  ['name.given[1].id', 'middle'],
  ["birthDate.extension('urn:time').value", '1974-12-25T14:35:45-05:00'],
  ['%resource.id | %context.id', 'p1'],
  ["extension.where(url = 'urn:weight').value.unit", 'kg'],
  ['contained.ofType(Organization).name', 'Clinic'],
  ['contained.ofType(Patient).name'],
  ['generalPractitioner.resolve().ofType(Practitioner).exists()', true],
  ['generalPractitioner.resolve().ofType(Organization).name', 'Clinic'],
  ['nonsense.more'],
  // Types
  ['active is boolean', true],
  ['active is Boolean', false],
  ['true is Boolean', true],
  ['true is System.Boolean', true],
  ['id is string', true],
  ['birthDate is FHIR.date', true],
  ['$this is Resource', true],
  ['(name | birthDate).ofType(date)', '1974-12-25'],
  ['multipleBirth as integer', 2],
  // Existence
  ['deceased.exists()', false],
  ['name.given.exists()', true],
  ['name.text.empty()', true],
  ["name.exists(use = 'usual')", true],
  ["name.all(use = 'usual')", false],
  ['{}.all(false)', true],
  ['name.count()', 2],
  ['children().count()', 12],
  ['{}.exists()', false],
  ['(true | false).anyTrue()', true],
  ['(true | true).allTrue()', true],
  ['name.given.isDistinct()', true],
  ['(1).combine(1).isDistinct()', false],
  ["('a' | 'b').subsetOf('c' | 'b' | 'a')", true],
  ["('a' | 'b').supersetOf('c')", false],
  // Parts
  ['name.given.first()', 'Peter'],
  ['name.given.last()', 'Jim'],
  ['name.given.tail()', 'James', 'Jim'],
  ['name.given.skip(1).take(1)', 'James'],
  ["name.where(use = 'usual').given.single()", 'Jim'],
  ["name.given.exclude('James' | 'Bob')", 'Peter', 'Jim'],
  ["name.given.intersect('James' | 'Bob')", 'James'],
  ['name.given.select($index)', 0, 1, 2],
  ['name.select(given.count())', 2, 1],
  ['(1 | 2 | 3).where($this > 1)', 2, 3],
  ['(1 | 2 | 2.0).count()', 2],
  ['(1 | 2 | 3).aggregate($this + $total, 0)', 6],
  ['iif(active, 1, 2)', 1],
  ["iif({}, 'a')"],
  ['repeat(extension).count()', 3],
  ["descendants().where($this is Extension and url = 'urn:time').count()", 1],
  // Logic of three values
  ['true and {}'],
  ['false and {}', false],
  ['true or {}', true],
  ['false or {}'],
  ['true xor {}'],
  ['true xor false', true],
  ['false implies {}', true],
  ['{} implies true', true],
  ['true implies {}'],
  ['{}.not()'],
  ['deceased or active', true],
  ['name and generalPractitioner', true],
  // Equality and order
  ["name.use = ('official' | 'usual')", true],
  ["name.use = ('usual' | 'official')", false],
  ["name.use ~ ('usual' | 'OFFICIAL')", true],
  ["name.use = 'usual'", false],
  ["deceased = 'a'"],
  ["deceased != 'a'"],
  ['name[0] = name[0]', true],
  ['name[0] = name[1]', false],
  ['1 = 1.0', true],
  ["'a' < 'b'", true],
  ['0.1 + 0.2 = 0.3', true],
  ["'b' in ('a' | 'b')", true],
  ["{} in ('a' | 'b')"],
  ["'b' in {}", false],
  ["name.given contains 'Jim'", true],
  // Dates
  ['birthDate = @1974-12-25', true],
  ['birthDate = @1974-12'],
  ['birthDate = @1975-12', false],
  ['birthDate < @1975', true],
  ['birthDate <= @1974'],
  ['@2020-01-01T10:00:00+02:00 = @2020-01-01T08:00:00Z', true],
  ['@2020-01-01T10:00:00.5Z > @2020-01-01T10:00:00Z', true],
  ['@2020-01-01T10:00:00 = @2020-01-01T08:00:00Z'],
  ['@T10:00 < @T10:01:30', true],
  ["extension.where(url = 'urn:since').value.select(start <= end)", true],
  ['birthDate + 18 years < today()', true],
  ['@2024-02-29 + 1 year', '2025-02-28'],
  ['@2024-01-31 + 1 month', '2024-02-29'],
  ['@2024-01-31 - 31 days', '2023-12-31'],
  ['@2024-01-01T23:30:00Z + 1 hour', '2024-01-02T00:30:00Z'],
  // Quantities
  ["extension.value.ofType(Quantity).where(code = 'kg') < 71000 'g'", true],
  ["extension.value.ofType(Quantity).where(code = 'cm') = 1.7 'm'", true],
  ["extension.value.ofType(Quantity).where(code = 'cm') < 1 'kg'"],
  ['4 days > 3 days', true],
  ["1 hour = 60 'min'", true],
  ["1 'kg' + 2 'kg' = 3 'kg'", true],
  // Numbers
  ['7 div 2', 3],
  ['7 mod 2', 1],
  ['7 / 2', 3.5],
  ['1 / 0'],
  ['-multipleBirth', -2],
  ['1 + 2 * 3', 7],
  ['1.005.round(2)', 1.01],
  ['(-1.5).abs()', 1.5],
  ['4.sqrt()', 2],
  // Texts
  ["name.given[0] & ' ' & name.given[1]", 'Peter James'],
  ["'a' & {}", 'a'],
  ["'a' + {}"],
  ["'abc'.substring(1)", 'bc'],
  ["'abc'.substring(1, 1)", 'b'],
  ["'abc'.substring(3)"],
  ["'abc'.startsWith('ab')", true],
  ["'abc'.contains('d')", false],
  ["'abc'.indexOf('c')", 2],
  ["'abc'.upper().length()", 3],
  ["'a,b'.split(',')", 'a', 'b'],
  ["name.given.join('-')", 'Peter-James-Jim'],
  ["'abc'.replace('b', '$&')", 'a$&c'],
  ["'a.b.c'.replaceMatches('\\\\..*', '')", 'a'],
  ["'abc'.matches('b')", true],
  ["'abc'.matches('^b')", false],
  ["'abc'.matchesFull('[a-c]+')", true],
  ["'12'.toInteger() + 1", 13],
  ["'x'.toInteger()"],
  ['birthDate.toString().length()', 10],
  ["'1.5'.convertsToDecimal()", true],
  ['active.hasValue()', true],
  ['name.hasValue()', false],
  ['`name`.`given`.count()', 3],
  ["'\\u0041\\n'.length()", 2],
  ['/* a */ active // b', true],
];

describe('FHIRPath', () => {
  it('joins the texts that there are', () => {
    const name = [
      { given: ['A', null, 'B'], _given: [null, { id: 'middle' }, null] },
      { given: [null], _given: [{ id: 'x' }] },
    ];
    const resource = { resourceType: 'Patient', name };
    expect(values("name.given.join(',')", resource)).toEqual(['A,B']);
    expect(values("name[1].given.join(',')", resource)).toEqual([]);
  });

  it('takes the first of the contained resources that have one id', () => {
    const contained = ['first', 'last'].map((name) => ({ resourceType: 'Organization', id: 'o', name }));
    const resource = { resourceType: 'Patient', contained, managingOrganization: { reference: '#o' } };
    expect(values('managingOrganization.resolve().name', resource)).toEqual(['first']);
  });

  for (const [expression, ...wanted] of given)
    it(expression, () => {
      expect(values(expression)).toEqual(wanted);
      expect(isCompiled(expression, definitions)).toBe(true);
    });

  it('sees the extensions of a primitive without a value, but no value', () => {
    const evaluate = compileInvariant('hasValue().not() and extension.exists()', 'date', definitions);
    expect(evaluate(undefined, scopeOf(patient), { extension: [{ url: 'urn:a', valueCode: 'b' }] })).toBe(true);
    expect(values('birthDate > @2000', { resourceType: 'Patient', _birthDate: { id: 'a' } })).toEqual([]);
  });

  it('knows the types of elements of backbones and data types', () => {
    const evaluate = compileExpression('name.given', 'Patient.contact', definitions);
    expect(evaluate({ name: { given: ['A'] } }, scopeOf(patient)).map(({ shape }) => shape.name)).toEqual(['string']);
  });

  it('evaluates what does not depend on $this once for each resource, and anew for the next', () => {
    const holds = compileInvariant('name.given.all($this in %resource.name.given)', 'Patient', definitions);
    const other = { resourceType: 'Patient', name: [{ given: ['Eve'] }] };
    for (const resource of [patient, other, patient]) expect(holds(resource, scopeOf(resource))).toBe(true);
    const unknown = compileInvariant('%resource.name.given contains %context.given', 'HumanName', definitions);
    const scope = scopeOf(patient);
    expect(unknown({ given: ['Jim'] }, scope)).toBe(true);
    expect(unknown({ given: ['Eve'] }, scope)).toBe(false);
  });

  it('says of an invariant that gives nothing that it is not held, and of one that can not be said nothing', () => {
    const nothing = compileInvariant("deceased = 'a'", 'Patient', definitions);
    expect(nothing(patient, scopeOf(patient))).toBe(false);
    const several = compileInvariant('name.given.single().exists()', 'Patient', definitions);
    expect(several(patient, scopeOf(patient))).toBe(undefined);
    const asked = compileInvariant("gender.memberOf('urn:a')", 'Patient', definitions);
    const known = { ...patient, gender: 'male' };
    expect(asked(known, scopeOf(known))).toBe(undefined);
    expect(asked(known, scopeOf(known, { memberOf: (value) => value === 'female' }))).toBe(false);
    expect(asked(known, scopeOf(known, { memberOf: (value, type) => value === 'male' && type === 'code' }))).toBe(true);
  });

  it('lets a hook evaluate another expression in the midst of one', () => {
    const inner = compileInvariant("$this = %context and $this = 'male'", 'code', definitions);
    const outer = compileInvariant("gender.memberOf('urn:a') and %context.id = 'p1'", 'Patient', definitions);
    const known = { ...patient, gender: 'male' };
    const scope: Scope = scopeOf(known, { memberOf: (value) => inner(value, scope) });
    expect(outer(known, scope)).toBe(true);
  });

  it('asks the hooks what references lead to', () => {
    const resolve: Hooks['resolve'] = (reference) =>
      reference === 'Practitioner/a' ? { resourceType: 'Practitioner', id: 'a', active: true } : undefined;
    expect(values('generalPractitioner.resolve().ofType(Practitioner).active', patient, { resolve })).toEqual([true]);
  });

  it.each([
    'name..given',
    'name.',
    "'a",
    'name[0',
    '%nothing',
    'name is Nonsense',
    'name.nonsense()',
    'name.where()',
    "'a'.matches('(?=b)')",
    "'a'.matches('(a)\\\\1')",
    "'a'.matches('(')",
    '('.repeat(500),
    `a${'.a'.repeat(5000)}`,
    `1${'+1'.repeat(5000)}`,
    '#',
  ])('refuses %s', (expression) => {
    expect(() => compileInvariant(expression, 'Patient', definitions)).toThrow(ExpressionFault);
  });

  it('leaves functions that it does not know to the package', () => {
    expect(isCompiled('birthDate.lowBoundary()', definitions)).toBe(false);
    expect(values('name.given.first().length() + 1.5.lowBoundary().count()')).toEqual([6]);
  });

  it('takes what the package computes, also whole numbers of any size', () => {
    expect(values("'5'.toLong() + 0.lowBoundary().count()")).toEqual([6]);
    expect(values("iif(1.5.lowBoundary().exists(), '5'.toLong())")).toEqual([5]);
  });

  it('throws where a value does not fit', () => {
    expect(() => values('name.given.toInteger()')).toThrow(EvaluationFault);
    expect(() => values("name.given.first() + 1 + 'a'")).toThrow(EvaluationFault);
  });
});

describe('corrections', () => {
  const known = new Set(rules.map(({ expression }) => expression));
  // Put right in the package, or not R4's own: those of the texts that the specification has.
  const elsewhere = new Set(['app-4', 'bdl-8', 'tim-9', 'vs-1 of the vital signs profile']);

  it.each(corrections)(
    '$keys has an expression of R4, and one instead that can be compiled',
    ({ keys, expression, instead }) => {
      expect(known.has(expression)).toBe(!elsewhere.has(keys));
      expect(isCompiled(instead, definitions)).toBe(true);
    },
  );
});

it('compiles all invariants of R4: none is left to the package', () => {
  const left = rules.filter(({ expression }) => !isCompiled(expression, definitions));
  expect(left.map(({ key }) => key)).toEqual([]);
});
