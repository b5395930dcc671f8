import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { faultOf, filed, issuesOf, observation, profileOf, urlOf, validatorOf } from './source.ts';

interface Fault {
  readonly fault: string;
  readonly element: readonly JsonObject[];
  readonly says: string;
}

const faults: readonly Fault[] = [
  {
    fault: 'an element that its base has not',
    element: [{ path: 'Observation.colour' }],
    says: 'Observation.colour: there is no such element',
  },
  {
    fault: 'an element of another type',
    element: [{ path: 'Patient.name' }],
    says: "the element Patient.name doesn't belong to Observation",
  },
  {
    fault: 'a type that its base has not',
    element: [{ path: 'Observation.value[x]', type: [{ code: 'Money' }] }],
    says: "Observation.value[x]: its base doesn't have the type Money there",
  },
  {
    fault: 'a name of a choice that ends with none of its types',
    element: [{ path: 'Observation.valueMoney' }],
    says: "Observation.valueMoney: value[x] doesn't have the type Money there",
  },
  {
    fault: 'min above max',
    element: [{ path: 'Observation.subject', min: 2 }],
    says: 'Observation.subject: min 2 is more than max 1',
  },
  {
    fault: 'slices that nothing tells apart',
    element: [{ path: 'Observation.category', sliceName: 'a' }],
    says: 'Observation.category: nothing says how its slices are told apart (slicing)',
  },
  {
    fault: 'a slice that says nothing by which it is told apart',
    element: [
      { path: 'Observation.category', slicing: { discriminator: [{ type: 'value', path: 'text' }], rules: 'open' } },
      { path: 'Observation.category', sliceName: 'a' },
    ],
    says: 'category:a: nothing there tells it from other slices by the value of text',
  },
  {
    fault: 'a discriminator that is no path',
    element: [
      {
        path: 'Observation.category',
        slicing: { discriminator: [{ type: 'value', path: 'coding.where(x)' }], rules: 'open' },
      },
      { path: 'Observation.category', sliceName: 'a' },
    ],
    says: "coding.where(x): a discriminator can't have such a path",
  },
  {
    fault: 'a constraint that is no FHIRPath',
    element: [
      { path: 'Observation', constraint: [{ key: 'x-1', severity: 'error', human: 'x', expression: 'code.(' }] },
    ],
    says: 'Observation: code.(: ',
  },
];

describe('a profile with a fault', () => {
  it.each(faults)('is told: $fault', async ({ element, says }) => {
    const profile = profileOf('Observation', element);
    const validator = validatorOf(filed(profile));
    expect(await faultOf(profile, filed(profile))).toContain(says);
    const issues = await validator.validate({ resource: observation({}), level: 'profiles', budget: 60_000 });
    expect(issues.map(({ severity, diagnostics }) => [severity, diagnostics.includes(says)])).toEqual([
      ['warning', true],
    ]);
  });

  it('is told: a base that is not here', async () => {
    const profile = profileOf('Observation', [], { baseDefinition: urlOf('absent') });
    expect(await faultOf(profile, filed(profile))).toBe(`there is no StructureDefinition ${urlOf('absent')} here`);
  });

  it('is told: bases in a circle', async () => {
    const one = profileOf('Observation', [], { name: 'one', baseDefinition: urlOf('two') });
    const two = profileOf('Observation', [], { name: 'two', baseDefinition: urlOf('one') });
    expect(await faultOf(one, filed(one, two))).toMatch(/is based on itself$/);
  });

  it('is told: a base of another type', async () => {
    const profile = profileOf('Observation', [], { baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient' });
    expect(await faultOf(profile, filed(profile))).toContain('is for Patient');
  });

  it('has none where it can be used', async () => {
    const profile = profileOf('Observation', [{ path: 'Observation.subject', min: 1 }]);
    expect(await faultOf(profile, filed(profile))).toBeUndefined();
  });
});

describe('profiles that name each other', () => {
  it('are checked once each', async () => {
    const contained = (type: string) => ({ type: [{ code: 'Reference', targetProfile: [urlOf(type)] }] });
    const one = profileOf('Observation', [{ path: 'Observation.derivedFrom', ...contained('two') }], { name: 'one' });
    const two = profileOf('Observation', [{ path: 'Observation.derivedFrom', ...contained('one') }], { name: 'two' });
    const validator = validatorOf(filed(one, two));
    const entry = (id: string, to: string, more: JsonObject = {}) => ({
      fullUrl: `http://x.example/fhir/Observation/${id}`,
      resource: { ...observation({ id, derivedFrom: [{ reference: `Observation/${to}` }], ...more }, urlOf('one')) },
    });
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [entry('a', 'b'), entry('b', 'a')] };
    expect(await issuesOf(validator, bundle)).toEqual([]);
  });

  it('of elements within themselves end with the resource', async () => {
    const deep = profileOf(
      'Extension',
      [
        {
          path: 'Extension.extension',
          sliceName: 'deep',
          max: '1',
          type: [{ code: 'Extension', profile: [urlOf('deep')] }],
        },
        { path: 'Extension.url', fixedUri: urlOf('deep') },
      ],
      { name: 'deep', context: [{ type: 'element', expression: 'Element' }] },
    );
    let extension: JsonObject = { url: urlOf('deep'), valueCode: 'x' };
    for (let depth = 0; depth < 30; depth += 1) extension = { url: urlOf('deep'), extension: [extension] };
    expect(await issuesOf(validatorOf(filed(deep)), observation({ extension: [extension] }))).toEqual([]);
  });
});
