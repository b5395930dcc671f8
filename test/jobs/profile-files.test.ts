import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { profiledParameters, readProfileFiles } from '../../src/jobs/profile-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'profiles-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function archive(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const entries = pack();
  for (const [name, text] of Object.entries(files)) entries.entry({ name }, text);
  entries.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of entries) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

const manifest = JSON.stringify({
  name: 'x.y',
  version: '1.0.0',
  canonical: 'http://x.example',
  fhirVersions: ['4.0.1'],
});
const valueSet = (version: string, more: JsonObject = {}) => ({
  resourceType: 'ValueSet',
  url: 'http://x.example/ValueSet/a',
  version,
  status: 'active',
  ...more,
});
const parameter = (name: string, more: JsonObject = {}) => ({
  resourceType: 'SearchParameter',
  url: `http://x.example/SearchParameter/${name}`,
  name,
  code: name,
  status: 'active',
  base: ['Patient'],
  type: 'string',
  expression: 'Patient.name.text',
  ...more,
});

async function writePackage(name: string, resources: Readonly<Record<string, JsonObject>>): Promise<void> {
  const files = Object.entries(resources).map(([file, resource]) => [`package/${file}`, JSON.stringify(resource)]);
  writeFileSync(
    join(directory, name),
    await archive({ 'package/package.json': manifest, ...Object.fromEntries(files) }),
  );
}

describe('a directory of definitions', () => {
  it('that is not there has none', async () => {
    expect((await readProfileFiles(join(directory, 'absent'))).definitions.all).toEqual([]);
  });

  it('has those of files and of packages, by url and version; without version the latest active one counts', async () => {
    mkdirSync(join(directory, 'below'));
    writeFileSync(join(directory, 'below', 'a.json'), JSON.stringify(valueSet('1.9')));
    await writePackage('b.tgz', {
      'ValueSet-b.json': valueSet('1.10'),
      'ValueSet-c.json': valueSet('2.0', { status: 'draft' }),
      'Patient-d.json': { resourceType: 'Patient', id: 'd' },
    });
    const { definitions, packages } = await readProfileFiles(directory);
    expect(definitions.all.map(({ version }) => version)).toEqual(['1.9', '1.10', '2.0']);
    expect(packages.map(({ name, version, canonical }) => [name, version, canonical])).toEqual([
      ['x.y', '1.0.0', 'http://x.example'],
    ]);
    const found = (version?: string) =>
      definitions.find('ValueSet', 'http://x.example/ValueSet/a', version)?.content().version;
    expect([found(), found('1.9'), found('2.0'), found('3')]).toEqual(['1.10', '1.9', '2.0', undefined]);
    expect(definitions.find('CodeSystem', 'http://x.example/ValueSet/a', undefined)).toBeUndefined();
  });

  it('has the same key for a definition until its content changes', async () => {
    const key = async () =>
      (await readProfileFiles(directory)).definitions.find('ValueSet', 'http://x.example/ValueSet/a', undefined)?.key;
    await writePackage('b.tgz', { 'ValueSet-b.json': valueSet('1') });
    const before = await key();
    expect(await key()).toBe(before);
    await writePackage('b.tgz', { 'ValueSet-b.json': valueSet('1', { name: 'x' }) });
    expect(await key()).not.toBe(before);
  });

  it('leaves a package’s examples alone', async () => {
    writeFileSync(
      join(directory, 'b.tgz'),
      await archive({
        'package/package.json': manifest,
        'package/example/ValueSet-b.json': JSON.stringify(valueSet('1')),
        'package/other/x.json': '{',
      }),
    );
    expect((await readProfileFiles(directory)).definitions.all).toEqual([]);
  });

  it('names a file that is no package, and a package for another FHIR', async () => {
    writeFileSync(join(directory, 'b.tgz'), 'x');
    await expect(readProfileFiles(directory)).rejects.toThrow(/b\.tgz: /);
    const other = JSON.stringify({ name: 'x.y', version: '1.0.0', fhirVersions: ['5.0.0'] });
    writeFileSync(join(directory, 'b.tgz'), await archive({ 'package/package.json': other }));
    await expect(readProfileFiles(directory)).rejects.toThrow(/b\.tgz: the package is for FHIR 5\.0\.0/);
  });
});

describe('search parameters', () => {
  const definitions = loadDefinitions();

  it("of packages count where R4 doesn't have them; one that can't be used is reported and left out", async () => {
    await writePackage('b.tgz', {
      'SearchParameter-a.json': parameter('nickname'),
      'SearchParameter-b.json': parameter('broken', { expression: 'Patient.nothing.(' }),
      'SearchParameter-c.json': parameter('birthdate', {
        url: 'http://hl7.org/fhir/SearchParameter/individual-birthdate',
        base: ['Patient', 'Person', 'RelatedPerson'],
        type: 'date',
        expression: 'Patient.birthDate | Person.birthDate | RelatedPerson.birthDate',
      }),
    });
    const { filed, packages } = await readProfileFiles(directory);
    const reports: string[] = [];
    const found = profiledParameters(filed, definitions, packages, (text) => reports.push(text));
    expect(found.map(({ code }) => code)).toEqual(['nickname']);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/^b\.tgz: SearchParameter-b\.json: SearchParameter\.expression: /);
  });

  it('of files go before those of packages, and stop the start where they are broken', async () => {
    writeFileSync(join(directory, 'a.json'), JSON.stringify(parameter('nickname', { type: 'token' })));
    await writePackage('b.tgz', { 'SearchParameter-a.json': parameter('nickname') });
    const { filed, packages } = await readProfileFiles(directory);
    expect(profiledParameters(filed, definitions, packages).map(({ type }) => type)).toEqual(['token']);
    writeFileSync(join(directory, 'a.json'), JSON.stringify(parameter('nickname', { expression: '(' })));
    const broken = await readProfileFiles(directory);
    expect(() => profiledParameters(broken.filed, definitions)).toThrow(/^a\.json: SearchParameter\.expression/);
  });
});

describe('a published package', () => {
  it('has an index, by which its definitions are found', async () => {
    const { ips, haveData } = await import('../validation/profile/source.ts');
    if (!haveData(ips)) return;
    copyFileSync(ips, join(directory, 'ips.tgz'));
    const { definitions } = await readProfileFiles(directory);
    const count = (type: string) => definitions.all.filter((each) => each.type === type).length;
    expect([count('StructureDefinition'), count('ValueSet'), count('CodeSystem'), count('ConceptMap')]).toEqual([
      36, 60, 1, 4,
    ]);
    const found = definitions.find(
      'StructureDefinition',
      'http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips',
      '1.1.0',
    );
    expect(found?.content().id).toBe('Bundle-uv-ips');
  });
});
