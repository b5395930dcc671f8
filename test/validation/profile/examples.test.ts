/** The examples that US Core and IPS publish validate against the profiles that they name. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { isArray, isObject, isResource, type JsonValue, type Resource } from '../../../src/fhir/resource.ts';
import { objectsOf } from '../../../src/validation/profile/element.ts';
import { checkStructure } from '../../../src/validation/structure.ts';
import type { Validator } from '../../../src/validation/validator.ts';
import { haveData, ips, packaged, usCore, validatorOf } from './source.ts';

const absent = ['not-found profile Questionnaire'];

/** File → its errors. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  // R4: "fullUrl SHALL NOT disagree with the id in the resource", which is another one. https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl
  'Bundle-66c8856b-ba11-4876-8aa8-467aad8c11a2.json': ['value bundle-full-url Bundle.entry[2].fullUrl'],
  'Bundle-docref-example-2.json': ['value bundle-full-url Bundle.entry[2].fullUrl'],
  // The guide has them as examples of a profile in another package, which isn't here.
  'Questionnaire-hunger-vital-sign-example.json': absent,
  'Questionnaire-phq-9-example.json': absent,
  'Questionnaire-prapare-example.json': absent,
};

interface Example {
  readonly file: string;
  readonly resource: Resource;
  /** The profile that the guide has it as an example of. */
  readonly profile: string | undefined;
}

/** The resources in a package's folder of examples. */
async function examplesOf(archive: string): Promise<readonly Example[]> {
  const resources = new Map<string, Resource>();
  const profiles = new Map<string, string>();
  const entries = extract();
  createReadStream(archive).pipe(createGunzip()).pipe(entries);
  for await (const entry of entries) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const [, folder, file] = /^package\/(example\/|)([A-Z][^/]*\.json)$/.exec(entry.header.name) ?? [];
    if (file === undefined) continue;
    const value: JsonValue = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (!isResource(value)) continue;
    if (folder !== '') resources.set(file, value);
    else if (value.resourceType === 'ImplementationGuide') for (const each of canonicals(value)) profiles.set(...each);
  }
  return [...resources].map(([file, resource]) => ({
    file,
    resource,
    profile: profiles.get(`${resource.resourceType}/${resource.id}`),
  }));
}

function canonicals({ definition }: Resource): readonly [string, string][] {
  const resources = isObject(definition) ? objectsOf(definition.resource) : [];
  return resources.flatMap(({ reference, exampleCanonical }): [string, string][] =>
    isObject(reference) && typeof reference.reference === 'string' && typeof exampleCanonical === 'string'
      ? [[reference.reference, exampleCanonical]]
      : [],
  );
}

async function errorsOf(
  validator: Validator,
  { resource, profile }: Omit<Example, 'file'>,
): Promise<readonly string[]> {
  const structure = checkStructure(resource, loadDefinitions());
  const profiles = profile === undefined ? [] : [profile];
  const issues =
    structure.length > 0
      ? structure
      : await validator.validate({ resource, profiles, level: 'profiles', budget: 60_000 });
  return issues
    .filter(({ severity }) => severity === 'error')
    .map(({ code, details, expression }) => `${code} ${details?.coding[0].code} ${expression?.join()}`);
}

describe('the examples of', () => {
  it.skipIf(!haveData(usCore, ips)).each([
    ['US Core', usCore, 183],
    ['IPS', ips, 40],
  ])(
    '%s validate',
    async (_name, archive, count) => {
      const validator = validatorOf(await packaged(usCore, ips));
      const examples = await examplesOf(archive);
      expect(examples).toHaveLength(count);
      const found: Record<string, readonly string[]> = {};
      for (const { file, ...example } of examples) {
        const errors = await errorsOf(validator, example);
        if (errors.length > 0) found[file] = errors;
      }
      const expected = Object.entries(exceptions).filter(([name]) => examples.some(({ file }) => file === name));
      expect(found).toEqual(Object.fromEntries(expected));
    },
    120_000,
  );

  it.skipIf(!haveData(ips))('IPS do not without a section that their profile asks for', async () => {
    const validator = validatorOf(await packaged(ips));
    const example = (await examplesOf(ips)).find(({ file }) => file === 'Bundle-bundle-minimal.json');
    const profile = 'http://hl7.org/fhir/uv/ips/StructureDefinition/';
    expect(example?.profile).toBe(`${profile}Bundle-uv-ips`);
    // The code of the section of medications.
    const changed: JsonValue = JSON.parse(JSON.stringify(example?.resource).replaceAll('10160-0', '1-8'));
    expect(isResource(changed)).toBe(true);
    if (!isResource(changed)) return;
    expect(await errorsOf(validator, { resource: changed, profile: example?.profile })).toEqual([
      'required slicing Bundle.entry',
    ]);
    const [first] = isArray(changed.entry) ? changed.entry : [];
    const composition = isObject(first) ? first.resource : undefined;
    expect(isResource(composition)).toBe(true);
    if (!isResource(composition)) return;
    expect(await errorsOf(validator, { resource: composition, profile: `${profile}Composition-uv-ips` })).toEqual([
      'required slicing Composition.section',
    ]);
  });
});
