/** The examples that US Core and IPS publish validate against the profiles that they name. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { isObject, isResource, type JsonValue, type Resource } from '../../../src/fhir/resource.ts';
import { checkStructure } from '../../../src/validation/structure.ts';
import { haveData, ips, issuesOf, packaged, usCore, validatorOf } from './source.ts';

/** File → its errors, each with the reason. */
const exceptions: Readonly<Record<string, readonly string[]>> = {};

/** The resources in a package's folder of examples, by file. */
async function examplesOf(file: string): Promise<ReadonlyMap<string, Resource>> {
  const examples = new Map<string, Resource>();
  const entries = extract();
  createReadStream(file).pipe(createGunzip()).pipe(entries);
  for await (const entry of entries) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    if (!/^package\/example\/[^.].*\.json$/.test(entry.header.name)) continue;
    const value: JsonValue = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (isResource(value)) examples.set(entry.header.name.slice('package/example/'.length), value);
  }
  return examples;
}

describe('the examples of', () => {
  it.skipIf(!haveData(usCore, ips)).each([
    ['US Core', usCore, 183],
    ['IPS', ips, 40],
  ])(
    '%s validate',
    async (_name, file, count) => {
      const validator = validatorOf(await packaged(usCore, ips));
      const examples = await examplesOf(file);
      expect(examples.size).toBe(count);
      const found: Record<string, readonly string[]> = {};
      for (const [name, resource] of examples) {
        const structure = checkStructure(resource, loadDefinitions()).map(({ diagnostics }) => diagnostics);
        const errors = structure.length > 0 ? structure : await issuesOf(validator, resource);
        if (errors.length > 0) found[name] = errors;
      }
      expect(found).toEqual(Object.fromEntries(Object.entries(exceptions).filter(([name]) => examples.has(name))));
    },
    120_000,
  );

  it.skipIf(!haveData(ips))('IPS do not where a section lacks what its profile asks for', async () => {
    const validator = validatorOf(await packaged(ips));
    const [bundle] = [...(await examplesOf(ips)).values()].filter(({ resourceType }) => resourceType === 'Bundle');
    expect(bundle).toBeDefined();
    const broken = (change: (text: string) => string): Resource | undefined => {
      const value: JsonValue = JSON.parse(change(JSON.stringify(bundle)));
      return isResource(value) ? value : undefined;
    };
    const sound = broken((text) => text);
    expect(sound === undefined ? ['none'] : await issuesOf(validator, sound)).toEqual([]);
    // The section of medications is there no more: 10160-0 is its code.
    const without = broken((text) => text.replaceAll('10160-0', '1-8'));
    const errors = without === undefined ? [] : await issuesOf(validator, without);
    expect(errors).toContain('error slicing Bundle.entry[0].resource.section');
    expect(isObject(without)).toBe(true);
  });
});
