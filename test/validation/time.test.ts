/** However a resource is made, checking it ends near its time budget. */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { JsonValue, Resource } from '../../src/fhir/resource.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { Validator } from '../../src/validation/validator.ts';
import { nothing } from './checking.ts';

const definitions = loadDefinitions();
const xmlns = 'xmlns="http://www.w3.org/1999/xhtml"';

function many<T>(count: number, of: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

/** Unmended, each of these takes minutes, or many seconds. */
const seconds = 10_000;

async function stopped(resource: Resource, source = nothing): Promise<readonly string[]> {
  expect(checkStructure(resource, definitions)).toEqual([]);
  const validator = new Validator(definitions, source);
  const before = performance.now();
  const issues = await validator.validate({ resource, level: 'base', budget: 50 });
  expect(performance.now() - before).toBeLessThan(seconds);
  return issues.filter(({ code }) => code === 'too-costly').flatMap(({ expression }) => expression ?? []);
}

describe('the structure of a resource', () => {
  it.each<[string, JsonValue]>([
    ['resources of unknown types', { contained: many(300_000, (n) => ({ resourceType: `Patien${n}` })) }],
    ['values of a wrong type', { name: [{ given: many(3_000_000, () => 1) }] }],
    ['gaps', { name: [{ given: many(3_000_000, () => null) }] }],
  ])('is looked at until there are enough faults: %s', (_, members) => {
    const before = performance.now();
    const value = { resourceType: 'Patient', ...(typeof members === 'object' ? members : {}) };
    expect(checkStructure(value, definitions)).toHaveLength(50);
    expect(performance.now() - before).toBeLessThan(seconds);
  });
});

describe('a resource that somebody made to keep the server busy', () => {
  it.each([
    ['elements', `<div ${xmlns}>x${'<br/>'.repeat(8_000_000)}</div>`],
    ['lines', `<div ${xmlns}>x${'\n'.repeat(20_000_000)}</div>`],
    ['attributes', `<div ${xmlns} ${many(500_000, (n) => `a${n}="x"`).join(' ')}>x</div>`],
  ])('is stopped in a narrative with many %s', async (_, div) => {
    const patient = { resourceType: 'Patient', text: { status: 'generated', div } };
    expect(await stopped(patient)).toEqual(['Patient']);
  });

  it('is stopped among contained resources that have references within themselves and to each other', async () => {
    const subject = { reference: '#a1' };
    const observation = (id: string) => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { text: 'x' },
      subject,
    });
    const bundle = (id: string) => ({
      resourceType: 'Bundle',
      id,
      type: 'collection',
      entry: [{ resource: { resourceType: 'Basic', code: { text: 'x' }, subject: { reference: '#x' } } }],
    });
    const contained = many(100_000, (n) => (n % 2 === 0 ? observation(`a${n}`) : bundle(`a${n}`)));
    expect(await stopped({ resourceType: 'Basic', code: { text: 'x' }, contained })).toEqual(['Basic']);
  });

  it('is stopped while the store is asked for its codes, a few at a time', async () => {
    let asked = 0;
    const has = async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return true;
    };
    const jurisdiction = many(5_000, (n) => ({ coding: [{ system: 'x:y', code: `${n}` }] }));
    const definition = { resourceType: 'ActivityDefinition', status: 'draft', jurisdiction };
    const source = { ...nothing, valueSet: async () => ({ has }) };
    expect(await stopped(definition, source)).toEqual(['ActivityDefinition']);
    expect(asked).toBeLessThan(5_000);
  });
});
