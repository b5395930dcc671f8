import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { type CodeSet, Validator } from '../../../src/validation/validator.ts';
import { filed, observation, profileOf, sourceOf, validatorOf } from './source.ts';

/** The codes of the issues of a resource that takes long. */
async function codesWithin(budget: number, validator: Validator, resource: Resource): Promise<readonly string[]> {
  const issues = await validator.validate({ resource, level: 'profiles', budget });
  return issues.map(({ code }) => code);
}

const concept = (code: string) => ({ coding: [{ system: 'x:y', code }] });

describe('validation against profiles', () => {
  it('ends with its budget', async () => {
    const profile = profileOf('Observation', [
      {
        path: 'Observation',
        constraint: [
          {
            key: 'slow-1',
            severity: 'error',
            human: 'x',
            expression: 'component.all(%resource.component.where(code.text = %context.code.text).count() < 100000)',
          },
        ],
      },
    ]);
    const component = Array.from({ length: 5_000 }, (_, index) => ({ code: { text: `${index}` } }));
    const codes = await codesWithin(50, validatorOf(filed(profile)), observation({ component }));
    expect(codes).toContain('too-costly');
  });

  it('asks for what it lacks a few at a time, until its budget ends', async () => {
    let now = 0;
    let most = 0;
    let asked = 0;
    const source = sourceOf(filed());
    const validator = new Validator(loadDefinitions(), {
      ...source,
      structureDefinition: async () => {
        now += 1;
        asked += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        return undefined;
      },
    });
    const extension = Array.from({ length: 20_000 }, (_, index) => ({
      url: `http://x.example/${index}`,
      valueCode: 'x',
    }));
    expect(await codesWithin(60_000, validator, observation({ extension: extension.slice(0, 100) }))).not.toContain(
      'too-costly',
    );
    expect(most).toBeLessThanOrEqual(16);
    asked = 0;
    expect(await codesWithin(5, validator, observation({ extension }))).toContain('too-costly');
    expect(asked).toBeLessThan(20_000);
  });

  it('sorts many values into slices in time that grows with their number', async () => {
    const elements: readonly JsonObject[] = [
      { path: 'Observation.component', slicing: { discriminator: [{ type: 'pattern', path: 'code' }], rules: 'open' } },
      ...Array.from({ length: 10 }, (_, index): readonly JsonObject[] => [
        { path: 'Observation.component', id: `Observation.component:s${index}`, sliceName: `s${index}` },
        {
          path: 'Observation.component.code',
          id: `Observation.component:s${index}.code`,
          patternCodeableConcept: concept(`s${index}`),
        },
      ]).flat(),
    ];
    const component = Array.from({ length: 20_000 }, (_, index) => ({
      code: concept(`s${index % 11}`),
      valueInteger: index,
    }));
    const codes = await codesWithin(
      10_000,
      validatorOf(filed(profileOf('Observation', elements))),
      observation({ component }),
    );
    expect(codes).toEqual([]);
  });

  it('waits for a value set that the store has to be asked for', async () => {
    const asked: string[] = [];
    const set: CodeSet = {
      has: async (_system, code) => {
        asked.push(code);
        return code === 'a';
      },
    };
    const binding = { strength: 'required', valueSet: 'x:set' };
    const profile = profileOf('Observation', [
      { path: 'Observation.method', binding },
      { path: 'Observation.category', slicing: { discriminator: [{ type: 'value', path: '$this' }], rules: 'closed' } },
      { path: 'Observation.category', sliceName: 'in', binding },
    ]);
    const validator = new Validator(loadDefinitions(), { ...sourceOf(filed(profile)), valueSet: async () => set });
    const told = async (more: JsonObject) => {
      const issues = await validator.validate({ resource: observation(more), level: 'profiles', budget: 60_000 });
      return issues.flatMap(({ severity, expression }) => `${severity} ${expression?.join()}`);
    };
    expect(await told({ method: concept('a'), category: [concept('a')] })).toEqual([]);
    expect(await told({ method: concept('b'), category: [concept('a'), concept('c')] })).toEqual([
      'error Observation.category[1]',
      'error Observation.method',
    ]);
    // Each code once for each resource.
    expect(asked.sort()).toEqual(['a', 'a', 'b', 'c']);
  });
});
