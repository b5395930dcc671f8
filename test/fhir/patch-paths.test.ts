/** Paths followed by ourselves select what the engine selects. https://hl7.org/fhir/R4/fhirpath.html */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
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
