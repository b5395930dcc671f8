import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { filed, issuesOf, observation, profileOf, urlOf, validatorOf } from './source.ts';

const concept = (code: string, system = 'x:y') => ({ coding: [{ system, code }] });
const component = (code: string, value: JsonObject = { valueString: 'x' }) => ({ code: concept(code), ...value });

function slicing(discriminator: JsonObject | readonly JsonObject[], more: JsonObject = {}): JsonObject {
  return { discriminator: [discriminator].flat(), rules: 'open', ...more };
}

async function told(elements: readonly JsonObject[], more: JsonObject, ...others: readonly Resource[]) {
  return issuesOf(validatorOf(filed(profileOf('Observation', elements), ...others)), observation(more), [
    'error',
    'warning',
  ]);
}

/** `category` sliced by pattern into a and b. */
const categories = (more: JsonObject = {}, a: JsonObject = {}): readonly JsonObject[] => [
  { path: 'Observation.category', slicing: slicing({ type: 'pattern', path: '$this' }, more) },
  { path: 'Observation.category', sliceName: 'a', patternCodeableConcept: concept('a'), ...a },
  { path: 'Observation.category', sliceName: 'b', patternCodeableConcept: concept('b') },
];

describe('slices', () => {
  it('have their own cardinality', async () => {
    const elements = categories({}, { min: 1, max: '1' });
    expect(await told(elements, { category: [concept('a'), concept('c')] })).toEqual([]);
    expect(await told(elements, { category: [concept('b')] })).toEqual(['error slicing Observation.category']);
    expect(await told(elements, { category: [concept('a'), concept('a')] })).toEqual([
      'error slicing Observation.category',
    ]);
  });

  it('that are closed allow nothing else', async () => {
    const elements = categories({ rules: 'closed' });
    expect(await told(elements, { category: [concept('b'), concept('a')] })).toEqual([]);
    expect(await told(elements, { category: [concept('a'), concept('c')] })).toEqual([
      'error slicing Observation.category[1]',
    ]);
  });

  it('that are open at the end come before others', async () => {
    const elements = categories({ rules: 'openAtEnd' });
    expect(await told(elements, { category: [concept('a'), concept('c')] })).toEqual([]);
    expect(await told(elements, { category: [concept('c'), concept('a')] })).toEqual([
      'error slicing Observation.category[1]',
    ]);
  });

  it('that are ordered keep their order', async () => {
    const elements = categories({ ordered: true });
    expect(await told(elements, { category: [concept('a'), concept('c'), concept('b')] })).toEqual([]);
    expect(await told(elements, { category: [concept('b'), concept('a')] })).toEqual([
      'error slicing Observation.category[1]',
    ]);
  });

  it('may leave the rest to a default', async () => {
    const elements = [
      ...categories({ rules: 'closed' }),
      { path: 'Observation.category', sliceName: '@default' },
      { path: 'Observation.category.text', id: 'Observation.category:@default.text', min: 1 },
    ];
    expect(await told(elements, { category: [concept('a'), { text: 'c' }] })).toEqual([]);
    expect(await told(elements, { category: [concept('a'), concept('c')] })).toEqual([
      'error cardinality Observation.category[1].text',
    ]);
  });

  it('are told apart by fixed values on any path', async () => {
    const elements = [
      {
        path: 'Observation.component',
        slicing: slicing([
          { type: 'value', path: 'code.coding.system' },
          { type: 'value', path: 'code.coding.code' },
        ]),
      },
      { path: 'Observation.component', id: 'Observation.component:a', sliceName: 'a', min: 1 },
      {
        path: 'Observation.component.code.coding.system',
        id: 'Observation.component:a.code.coding.system',
        fixedUri: 'x:y',
      },
      {
        path: 'Observation.component.code.coding.code',
        id: 'Observation.component:a.code.coding.code',
        fixedCode: 'a',
      },
      {
        path: 'Observation.component.value[x]',
        id: 'Observation.component:a.value[x]',
        min: 1,
        type: [{ code: 'string' }],
      },
    ];
    expect(await told(elements, { component: [component('b', { valueInteger: 1 }), component('a')] })).toEqual([]);
    expect(await told(elements, { component: [component('b')] })).toEqual(['error slicing Observation.component']);
    expect(await told(elements, { component: [component('a', { valueInteger: 1 })] })).toEqual([
      'error type Observation.component[0].valueInteger',
    ]);
  });

  it('are told apart by whether something exists', async () => {
    const elements = [
      { path: 'Observation.component', slicing: slicing({ type: 'exists', path: 'dataAbsentReason' }) },
      { path: 'Observation.component', id: 'Observation.component:known', sliceName: 'known' },
      { path: 'Observation.component.dataAbsentReason', id: 'Observation.component:known.dataAbsentReason', max: '0' },
      { path: 'Observation.component.value[x]', id: 'Observation.component:known.value[x]', min: 1 },
      { path: 'Observation.component', id: 'Observation.component:unknown', sliceName: 'unknown', max: '1' },
      { path: 'Observation.component.dataAbsentReason', id: 'Observation.component:unknown.dataAbsentReason', min: 1 },
    ];
    const unknown = component('a', { dataAbsentReason: { text: 'x' } });
    expect(await told(elements, { component: [component('a'), unknown] })).toEqual([]);
    expect(await told(elements, { component: [component('a', { interpretation: [{ text: 'x' }] })] })).toEqual([
      'error cardinality Observation.component[0].value',
    ]);
    expect(await told(elements, { component: [unknown, unknown] })).toEqual(['error slicing Observation.component']);
  });

  it('are told apart by the types of a choice', async () => {
    const elements = [
      { path: 'Observation.value[x]', slicing: slicing({ type: 'type', path: '$this' }, { rules: 'closed' }) },
      { path: 'Observation.value[x]', sliceName: 'valueQuantity', type: [{ code: 'Quantity' }] },
      { path: 'Observation.value[x].code', id: 'Observation.value[x]:valueQuantity.code', min: 1 },
      { path: 'Observation.value[x]', sliceName: 'valueString', type: [{ code: 'string' }] },
    ];
    expect(await told(elements, { valueString: 'x' })).toEqual([]);
    expect(await told(elements, { valueQuantity: { value: 1 } })).toEqual([
      'error cardinality Observation.valueQuantity.code',
    ]);
    expect(await told(elements, { valueBoolean: true })).toEqual(['error slicing Observation.valueBoolean']);
  });

  it('of a choice may be named by their type alone', async () => {
    const elements = [
      { path: 'Observation.valueQuantity' },
      { path: 'Observation.valueQuantity.code', min: 1, fixedCode: 'kg' },
    ];
    expect(await told(elements, { valueString: 'x' })).toEqual([]);
    expect(await told(elements, { valueQuantity: { value: 1, code: 'kg', system: 'x:y' } })).toEqual([]);
    expect(await told(elements, { valueQuantity: { value: 1, code: 'g', system: 'x:y' } })).toEqual([
      'error fixed Observation.valueQuantity.code',
    ]);
  });

  it('are told apart by the value set of their codes', async () => {
    const days = { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/days-of-week' };
    const elements = [
      { path: 'Observation.category', slicing: slicing({ type: 'value', path: '$this' }) },
      { path: 'Observation.category', sliceName: 'day', min: 1, max: '1', binding: days },
    ];
    const day = (code: string) => concept(code, 'http://hl7.org/fhir/days-of-week');
    expect(await told(elements, { category: [concept('a'), day('mon')] })).toEqual([]);
    expect(await told(elements, { category: [concept('a')] })).toEqual(['error slicing Observation.category']);
    expect(await told(elements, { category: [day('mon'), day('tue')] })).toEqual([
      'error slicing Observation.category',
    ]);
  });

  it('are told apart by the type of what references lead to', async () => {
    const elements = [
      { path: 'Observation.performer', slicing: slicing({ type: 'type', path: 'resolve()' }, { rules: 'closed' }) },
      {
        path: 'Observation.performer',
        sliceName: 'surgeon',
        max: '1',
        type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Practitioner'] }],
      },
    ];
    const [one, two] = [{ reference: 'Practitioner/1' }, { reference: 'http://x.example/fhir/Practitioner/2' }];
    expect(await told(elements, { performer: [one] })).toEqual([]);
    expect(await told(elements, { performer: [one, two] })).toEqual(['error slicing Observation.performer']);
    expect(await told(elements, { performer: [{ reference: 'Organization/1' }] })).toEqual([
      'error slicing Observation.performer[0]',
    ]);
  });

  it('are told apart by the profile of what references lead to; what is not here may be any', async () => {
    const named = profileOf('Patient', [{ path: 'Patient.name', min: 1 }], { name: 'named' });
    const elements = [
      { path: 'Observation.focus', slicing: slicing({ type: 'profile', path: 'resolve()' }) },
      {
        path: 'Observation.focus',
        sliceName: 'named',
        min: 1,
        type: [{ code: 'Reference', targetProfile: [urlOf('named')] }],
      },
    ];
    const contained = [
      { resourceType: 'Patient', id: 'a', name: [{ text: 'x' }] },
      { resourceType: 'Patient', id: 'b' },
    ];
    const focus = (...ids: readonly string[]) => ({ focus: ids.map((reference) => ({ reference })), contained });
    expect(await told(elements, focus('#b', '#a'), named)).toEqual([]);
    expect(await told(elements, { ...focus('#b'), subject: { reference: '#a' } }, named)).toEqual([
      'error slicing Observation.focus',
    ]);
    expect(await told(elements, { focus: [{ reference: 'Patient/elsewhere' }] }, named)).toEqual([]);
    expect(await told(elements, { focus: [{ reference: 'Device/elsewhere' }] }, named)).toEqual([
      'error slicing Observation.focus',
    ]);
  });

  it('are told apart by extensions', async () => {
    const url = 'http://osteon.example/StructureDefinition/side';
    const elements = [
      { path: 'Observation.category', slicing: slicing({ type: 'value', path: `extension('${url}').value` }) },
      { path: 'Observation.category', id: 'Observation.category:left', sliceName: 'left', min: 1 },
      {
        path: 'Observation.category.extension',
        id: 'Observation.category:left.extension:side',
        sliceName: 'side',
        min: 1,
      },
      { path: 'Observation.category.extension.url', id: 'Observation.category:left.extension:side.url', fixedUri: url },
      {
        path: 'Observation.category.extension.value[x]',
        id: 'Observation.category:left.extension:side.value[x]',
        fixedCode: 'left',
      },
    ];
    const side = (valueCode: string) => ({ extension: [{ url, valueCode }], text: 'x' });
    expect(await told(elements, { category: [side('right'), side('left')] })).toEqual([]);
    expect(await told(elements, { category: [side('right')] })).toEqual(['error slicing Observation.category']);
  });

  it('may be sliced again', async () => {
    const elements = [
      ...categories({}, { slicing: slicing({ type: 'value', path: 'text' }, { rules: 'closed' }) }),
      { path: 'Observation.category', id: 'Observation.category:a/one', sliceName: 'a/one', min: 1 },
      { path: 'Observation.category.text', id: 'Observation.category:a/one.text', fixedString: 'one' },
    ];
    const a = (text: string) => ({ ...concept('a'), text });
    expect(await told(elements, { category: [a('one'), concept('b')] })).toEqual([]);
    expect(await told(elements, { category: [a('one'), a('two')] })).toEqual(['error slicing Observation.category[1]']);
    expect(await told(elements, { category: [concept('b')] })).toEqual(['error slicing Observation.category']);
  });

  it('may be told more of by a profile of the profile', async () => {
    const base = profileOf('Observation', categories(), { name: 'base' });
    const more = profileOf('Observation', [{ path: 'Observation.category', sliceName: 'a', min: 1 }], {
      baseDefinition: urlOf('base'),
    });
    const validator = validatorOf(filed(base, more));
    expect(await issuesOf(validator, observation({ category: [concept('a')] }))).toEqual([]);
    expect(await issuesOf(validator, observation({ category: [concept('b')] }))).toEqual([
      'error slicing Observation.category',
    ]);
  });
});
