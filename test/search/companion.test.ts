/** What is kept beside token parameters. https://hl7.org/fhir/R4/search.html#modifiers */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { companionsOf, textCodes, typedValue } from '../../src/search/companion.ts';
import { analyse } from '../../src/search/extract/values.ts';
import { definitions, registry, valuesOf } from './setup.ts';

test('every parameter with identifiers keeps them with their types', () => {
  const without: string[] = [];
  for (const type of definitions.resourceTypes) {
    for (const parameter of registry.of(type)) {
      if (parameter.kind !== 'token' || !parameter.values.types.includes('Identifier')) continue;
      const kinds = companionsOf(parameter).map(({ kind }) => kind);
      if (!kinds.includes('of-type')) without.push(`${type}.${parameter.code}`);
    }
  }
  expect(without).toEqual([]);
});

test('a parameter that is not R4’s keeps the identifiers that its expression may lead to', () => {
  const kindsOf = (expression: string) => {
    const own = { url: 'http://example.org/own', code: 'own', kind: 'token', expression, definition: 'x' } as const;
    const values = analyse(expression, 'token', 'Patient', 'Patient', definitions);
    return companionsOf({ ...own, values }).map(({ kind }) => kind);
  };
  expect(kindsOf('Patient.extension.value')).toEqual(['text', 'of-type']);
  expect(kindsOf('Patient.identifier')).toEqual(['text', 'of-type']);
  expect(kindsOf('Patient.children().ofType(Identifier)')).toEqual(['text', 'of-type']);
  expect(kindsOf('Patient.identifier.type')).toEqual(['text']);
  expect(kindsOf('Patient.gender')).toEqual(['text']);
});

test('texts are kept by each token parameter, or by those that it is the union of', () => {
  for (const type of definitions.resourceTypes) {
    const kept = new Set(registry.of(type).flatMap((each) => companionsOf(each).map(({ code }) => code)));
    for (const parameter of registry.of(type)) {
      if (parameter.kind !== 'token') continue;
      expect(textCodes(parameter).filter((code) => !kept.has(code))).toEqual([]);
    }
  }
});

test('the parameters that keep no texts are the union of those that keep them for them', () => {
  const concept = (code: string) => ({ coding: [{ code, display: code }] });
  const observation: Resource = {
    resourceType: 'Observation',
    code: concept('a'),
    valueCodeableConcept: concept('b'),
    dataAbsentReason: concept('c'),
    component: [{ code: concept('d'), valueCodeableConcept: concept('e'), dataAbsentReason: concept('f') }],
  };
  const sorted = (codes: readonly string[]) =>
    codes.flatMap((code) => valuesOf(observation, code).map((value) => JSON.stringify(value))).sort();
  for (const code of ['combo-code', 'combo-value-concept', 'combo-data-absent-reason']) {
    const parameter = registry.get('Observation', code);
    if (parameter === undefined) throw new Error(`no parameter ${code}`);
    const parts = textCodes(parameter).map((each) => each.replace(/:text$/, ''));
    expect(parts).toHaveLength(2);
    expect(sorted([code])).toEqual(sorted(parts));
    expect(sorted([code])).toHaveLength(2);
    expect(sorted(textCodes(parameter))).toHaveLength(2);
  }
});

test('different codes or values are different typed values', () => {
  const text = fc.stringMatching(/^[a|\\]{1,4}$/);
  fc.assert(
    fc.property(text, text, text, text, (code, value, otherCode, otherValue) => {
      const same = code === otherCode && value === otherValue;
      expect(typedValue(code, value) === typedValue(otherCode, otherValue)).toBe(same);
    }),
    { numRuns: 2000 },
  );
});
