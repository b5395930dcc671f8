/** Paths followed by ourselves select what the engine selects. https://hl7.org/fhir/R4/fhirpath.html */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { system } from '../../src/fhir/fhirpath/shapes.ts';
import { marked } from '../../src/fhir/patch/fhirpath-marks.ts';
import type { Selected } from '../../src/fhir/patch/fhirpath-place.ts';
import { evaluatePath } from '../../src/fhir/patch/fhirpath-select.ts';
import { followSimplePath } from '../../src/fhir/patch/fhirpath-simple.ts';
import { exactResource } from './patch-cases.ts';

const definitions = loadDefinitions();
const site = { title: 'Operation 1', expression: 'Parameters.parameter[0]' };

const resource = exactResource({
  resourceType: 'Observation',
  contained: [
    { resourceType: 'Patient', id: 'p', name: [{ given: ['a'] }], deceasedBoolean: false },
    { resourceType: 'Organization', name: 'o' },
  ],
  _status: {
    extension: [
      { url: 'u', valueCode: 'x' },
      { url: 'v', extension: [{ url: 'w', valueDecimal: 1 }] },
    ],
  },
  code: { coding: [{ code: 'a' }, { code: 'b', _code: { id: 'i' } }] },
  valueQuantity: { value: 1, unit: 'kg' },
  component: [
    { code: { text: 'c' }, valueString: 'd' },
    { code: { coding: [{ code: 'e' }] }, valueQuantity: { value: 2 }, referenceRange: [{ low: { value: 1 } }] },
  ],
  performer: [{ reference: '#p' }, { display: 'x' }],
  note: [{ text: 't', _text: { id: 'n' } }],
});

const names = [
  'contained',
  'name',
  'given',
  'status',
  'code',
  'coding',
  'value',
  'unit',
  'component',
  'performer',
  'note',
];
const more = [
  'text',
  'extension',
  'url',
  'id',
  'deceased',
  'referenceRange',
  'low',
  'reference',
  'valueQuantity',
  'meta',
];
const step = fc
  .tuple(fc.constantFrom(...names, ...more), fc.option(fc.nat({ max: 2 })))
  .map(([name, index]) => (index === null ? name : `${name}[${index}]`));
const paths = fc
  .tuple(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 4 }))
  .map(([rooted, steps]) => `${rooted ? 'Observation.' : ''}${steps.join('.')}`);

const shown = (selected: Selected): string =>
  selected === 'resource'
    ? ''
    : `${shown(selected.parent ?? 'resource')}.${selected.element.name}${selected.index === undefined ? '' : `[${selected.index}]`}`;

it('any path of names and indexes', () => {
  let followed = 0;
  fc.assert(
    fc.property(paths, (path) => {
      const simple = followSimplePath(resource, path, definitions);
      if (simple === undefined) return;
      if (simple.length > 0) followed++;
      const evaluated = evaluatePath(resource, path, definitions, site, () => {});
      expect(simple.map(shown)).toEqual(evaluated.map(shown));
    }),
    { numRuns: 3000 },
  );
  expect(followed).toBeGreaterThan(20);
});

/** Paths that need more than names: what they select, as the package for FHIRPath has it too. */
const selecting: readonly (readonly [string, readonly string[]])[] = [
  ["Observation.code.coding.where(code = 'b').code", ['.code.coding[1].code']],
  ["Observation.code.coding.where(code = 'b').code.id", ['.code.coding[1].code.id']],
  ['Observation.code.coding.last()', ['.code.coding[1]']],
  ["Observation.status.extension.where(url = 'v').extension.url", ['.status.extension[1].extension[0].url']],
  ['Observation.contained.ofType(Patient).name.given', ['.contained[0].name[0].given[0]']],
  ['Observation.contained.where($this is Patient).deceased', ['.contained[0].deceasedBoolean']],
  ['Observation.component.value.ofType(Quantity).value', ['.component[1].valueQuantity.value']],
  ['Observation.component.where(referenceRange.exists()).referenceRange.low', ['.component[1].referenceRange[0].low']],
  ['Observation.value.as(Quantity).unit', ['.valueQuantity.unit']],
  ["Observation.performer.where(display = 'x').display", ['.performer[1].display']],
  ["Observation.note.where(text.id = 'n').text", ['.note[0].text']],
  ["Observation.component.where(code.text.upper() = 'C').value", ['.component[0].valueString']],
  ['Observation.where(false)', []],
];

it.each(selecting)('%s', (path, expected) => {
  expect(evaluatePath(resource, path, definitions, site, () => {}).map(shown)).toEqual(expected);
});

it('by functions that only the package has', () => {
  const path = "Observation.code.coding.where(code.encode('hex') = '62').code";
  expect(evaluatePath(resource, path, definitions, site, () => {}).map(shown)).toEqual(['.code.coding[1].code']);
});

/** A List of so many entries. */
const listOf = (size: number) =>
  exactResource({
    resourceType: 'List',
    entry: Array.from({ length: size }, (_, n) => ({ id: `e${n}`, deleted: true })),
  });

it('looks at the time while it marks a large resource, and while it finds what was selected', () => {
  let left = 20;
  const look = () => {
    left -= 1;
    if (left === 0) throw new Error('over');
  };
  // Three objects an entry: itself, and what lies beside its id and `deleted`.
  const { resource: root, stepsTo } = marked(listOf(1_000), look);
  expect(left).toBeLessThan(12);
  expect(() => marked(listOf(4_000), look)).toThrow('over');
  left = 2;
  expect(() => stepsTo([{ value: { id: 'none' }, beside: undefined, shape: system.Quantity }])).toThrow('over');
  expect(root.resourceType).toBe('List');
});

it('finds all items of a long list, without going through it for each', () => {
  const list = listOf(150_000);
  const found = evaluatePath(list, 'List.entry.where(deleted)', definitions, site, () => {});
  expect(found.length).toBe(150_000);
  expect(found.slice(-1).map(shown)).toEqual(['.entry[149999]']);
  expect(followSimplePath(list, 'List.entry', definitions)?.length).toBe(150_000);
});
