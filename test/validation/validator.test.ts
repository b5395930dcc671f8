/** What holds of every validation: its limits, its time, code sets that have to be waited for. https://hl7.org/fhir/R4/validation.html */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { type CodeSet, type Known, Validator } from '../../src/validation/validator.ts';
import { check, nothing, shown } from './checking.ts';

/** Its value set is none of R4's own. */
const jurisdiction = 'http://hl7.org/fhir/ValueSet/jurisdiction';

function inCountry(code: string): Resource {
  return { resourceType: 'ValueSet', status: 'draft', jurisdiction: [{ coding: [{ system: 'x:y', code }] }] };
}

/** A validator for which that value set has these codes. */
function validatorWith(has: (code: string) => Known | Promise<Known>, asked: string[] = []): Validator {
  const set: CodeSet = { has: (_, code) => has(code) };
  return new Validator(loadDefinitions(), {
    ...nothing,
    valueSet: async (canonical) => {
      asked.push(canonical);
      return canonical === jurisdiction ? set : undefined;
    },
  });
}

async function issues(validator: Validator, resource: Resource): Promise<readonly string[]> {
  return shown(await validator.validate({ resource, level: 'base', budget: 60_000 }));
}

describe('a validation', () => {
  it('has 50 errors at most, and says that there are more', async () => {
    const link = Array.from({ length: 60 }, () => ({ type: 'x', other: { display: 'x' } }));
    const found = await check({ resourceType: 'Patient', link });
    expect(found.filter(({ severity }) => severity === 'error')).toHaveLength(50);
    expect(found.at(-1)).toMatchObject({ severity: 'information', diagnostics: /more errors/ });
    const fifty = await check({ resourceType: 'Patient', link: link.slice(0, 50) });
    expect(fifty.filter(({ severity }) => severity === 'error')).toHaveLength(50);
    expect(fifty.at(-1)?.severity).not.toBe('information');
  });

  it('ends when its time is over', async () => {
    const entry = Array.from({ length: 5_000 }, () => ({ resource: { resourceType: 'Patient', gender: 'male' } }));
    const validator = new Validator(loadDefinitions(), nothing);
    const resource = { resourceType: 'Bundle', type: 'collection', entry };
    const found = await validator.validate({ resource, level: 'base', budget: -1 });
    expect(shown(found)).toEqual(['error too-costly Bundle']);
  });

  it('has paths that begin as it was asked', async () => {
    const validator = new Validator(loadDefinitions(), nothing);
    const resource = { resourceType: 'Patient', gender: 'x' };
    const found = await validator.validate({
      resource,
      level: 'base',
      budget: 1_000,
      path: 'Bundle.entry[2].resource',
    });
    expect(shown(found)).toEqual(['error binding Bundle.entry[2].resource.gender']);
  });

  it('waits for codes that have to be asked for', async () => {
    const validator = validatorWith(async (code) => code === 'in');
    expect(await issues(validator, inCountry('in'))).toEqual([]);
    expect(await issues(validator, inCountry('out'))).toEqual(['warning binding ValueSet.jurisdiction[0]']);
  });

  it('finds a value set once, and again when it may have changed', async () => {
    const asked: string[] = [];
    let known = 'before';
    const validator = validatorWith((code) => code === known, asked);
    expect(await issues(validator, inCountry('before'))).toEqual([]);
    expect(await issues(validator, inCountry('after'))).toHaveLength(1);
    expect(asked).toEqual([jurisdiction]);
    known = 'after';
    validator.renew();
    expect(await issues(validator, inCountry('after'))).toEqual([]);
    expect(asked).toEqual([jurisdiction, jurisdiction]);
  });

  it('says nothing of an extensible set whose codes are not here, and of a required one that it was not compared', async () => {
    const unknown = validatorWith(() => undefined);
    expect(await issues(unknown, inCountry('x'))).toEqual([]);
    const variant: Resource = {
      ...{ resourceType: 'MolecularSequence', coordinateSystem: 0 },
      structureVariant: [{ variantType: { coding: [{ system: 'http://loinc.org', code: 'LA9658-1' }] } }],
    };
    expect(await issues(unknown, variant)).toEqual([
      'information binding MolecularSequence.structureVariant[0].variantType',
    ]);
  });

  it('fails where codes can not be asked for, and asks again the next time', async () => {
    let fails = true;
    const validator = new Validator(loadDefinitions(), {
      ...nothing,
      valueSet: async () => {
        if (fails) throw new Error('the store is away');
        return undefined;
      },
    });
    await expect(issues(validator, inCountry('x'))).rejects.toThrow('the store is away');
    fails = false;
    expect(await issues(validator, inCountry('x'))).toEqual([]);
  });
});

describe('what takes its time grows with the resource alone', () => {
  const limit = 5_000;

  async function timed(resource: Resource): Promise<readonly string[]> {
    const validator = new Validator(loadDefinitions(), nothing);
    return shown(await validator.validate({ resource, level: 'base', budget: limit }));
  }

  it('for 12,000 contained resources', async () => {
    const contained = Array.from({ length: 12_000 }, (_, n): JsonObject => ({ resourceType: 'Patient', id: `p${n}` }));
    const entry = contained.map(({ id }) => ({ item: { reference: `#${id}` } }));
    expect(await timed({ resourceType: 'List', status: 'current', mode: 'working', contained, entry })).toEqual([]);
  });

  it('for a Questionnaire of 20,000 items', async () => {
    const item = Array.from(
      { length: 200 },
      (_, n): JsonObject => ({
        ...{ linkId: `${n}`, type: 'group' },
        item: Array.from({ length: 100 }, (_each, m) => ({ linkId: `${n}.${m}`, type: 'string' })),
      }),
    );
    expect(await timed({ resourceType: 'Questionnaire', status: 'draft', name: 'Large', item })).toEqual([]);
  });

  it('for a CodeSystem of 100,000 concepts', async () => {
    const concept = Array.from({ length: 100_000 }, (_, n) => ({ code: `c${n}` }));
    expect(
      await timed({ resourceType: 'CodeSystem', name: 'Large', status: 'draft', content: 'complete', concept }),
    ).toEqual([]);
  });

  it('for a Bundle of 20,000 entries', async () => {
    const entry = Array.from({ length: 20_000 }, (_, n) => ({
      fullUrl: `http://example.org/r4/Patient/p${n}`,
      resource: { resourceType: 'Patient', id: `p${n}` },
    }));
    expect(await timed({ resourceType: 'Bundle', type: 'collection', entry })).toEqual([]);
  });

  it('for a narrative of a megabyte', async () => {
    for (const piece of ['<p>x</p>', '<b>', '&amp;', '<a href="', ' ']) {
      const div = `<div xmlns="http://www.w3.org/1999/xhtml">${piece.repeat(1_000_000 / piece.length)}</div>`;
      const found = await timed({ resourceType: 'Patient', text: { status: 'generated', div } });
      expect(found.filter((line) => line.includes('too-costly'))).toEqual([]);
    }
  });
});
