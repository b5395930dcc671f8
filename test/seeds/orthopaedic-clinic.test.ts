import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { committed, generateClinic, seedText } from '../../seeds/generate.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { isArray, isObject, type JsonValue } from '../../src/fhir/resource.ts';
import { checkStructure } from '../../src/validation/structure.ts';

const folder = join(import.meta.dirname, '..', '..', 'seeds', 'orthopaedic-clinic');
const bundles = [...generateClinic(committed)];
const resources = bundles.flatMap(({ bundle }) => (bundle.entry ?? []).flatMap(({ resource }) => resource ?? []));
const keyOf = (resource: { readonly resourceType: string; readonly id: string }): string =>
  `${resource.resourceType}/${resource.id}`;

/** All `reference` texts in a JSON value. */
function references(value: JsonValue | undefined): readonly string[] {
  if (isArray(value)) return value.flatMap(references);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, of]) =>
    name === 'reference' && typeof of === 'string' ? [of] : references(of),
  );
}

describe('the seed orthopaedic-clinic', () => {
  it('is what the generator writes', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    expect(files.sort()).toEqual(bundles.map(({ name }) => `${name}.json`));
    for (const { name, bundle } of bundles)
      expect(readFileSync(join(folder, `${name}.json`), 'utf8')).toBe(seedText(bundle));
  });

  it('has about a thousand resources of the types a clinic needs, below 1.5 MB', () => {
    const types = new Set(resources.map(({ resourceType }) => resourceType));
    expect(types.size).toBe(16);
    expect(resources.length).toBeGreaterThan(1000);
    expect(bundles.reduce((sum, { bundle }) => sum + Buffer.byteLength(seedText(bundle)), 0)).toBeLessThan(1_500_000);
  });

  it('gives every resource an id of its own', () => {
    expect(new Set(resources.map(keyOf)).size).toBe(resources.length);
  });

  it('is structurally valid', () => {
    const definitions = loadDefinitions();
    for (const { bundle } of bundles) {
      const { value } = parseJson(Buffer.from(seedText(bundle)));
      expect(checkStructure(value, definitions)).toEqual([]);
    }
  });

  it('refers only to its own resources, and only backwards', () => {
    const known = new Set<string>();
    for (const { bundle } of bundles) {
      const { value } = parseJson(Buffer.from(seedText(bundle)));
      const entries = isObject(value) && isArray(value.entry) ? value.entry : [];
      expect(entries.length).toBeGreaterThan(0);
      for (const entry of entries) {
        if (!isObject(entry) || !isObject(entry.request)) throw new Error('an entry without a request');
        expect(references(entry).filter((reference) => !known.has(reference))).toEqual([]);
        known.add(String(entry.request.url));
      }
    }
  });

  it('has codings with a system, a code and a display', () => {
    const codings = (value: JsonValue | undefined): readonly JsonValue[] => {
      if (isArray(value)) return value.flatMap(codings);
      if (!isObject(value)) return [];
      return Object.entries(value).flatMap(([name, of]) => (name === 'coding' && isArray(of) ? of : codings(of)));
    };
    const found = resources.flatMap((resource) => codings(JSON.parse(JSON.stringify(resource))));
    expect(found.length).toBeGreaterThan(1000);
    for (const coding of found)
      expect(coding).toEqual({ system: expect.any(String), code: expect.any(String), display: expect.any(String) });
  });

  it('makes another clinic from another seed, and the same patients however many follow', () => {
    const first = [...generateClinic({ seed: 1, patients: 2 })].map(({ bundle }) => seedText(bundle));
    const longer = [...generateClinic({ seed: 1, patients: 5 })].map(({ bundle }) => seedText(bundle));
    const other = [...generateClinic({ seed: 2, patients: 2 })].map(({ bundle }) => seedText(bundle));
    expect(longer.slice(0, 3)).toEqual(first);
    expect(other[1]).not.toBe(first[1]);
  });
});
