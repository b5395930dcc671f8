/** Files and packages of definitions. https://hl7.org/fhir/R4/packages.html */
import { constants } from 'node:buffer';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { PackageFiles } from '../../src/jobs/package-files.ts';
import { mostFileBytes, packagedFiles } from '../../src/jobs/packages.ts';
import { profiledParameters, readProfileFiles } from '../../src/jobs/profile-files.ts';

let directory: string;
let reports: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'profiles-'));
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** All that is in the directory, read for the first time. */
const read = (path = directory) => readProfileFiles(path, new PackageFiles((fault) => reports.push(fault)));

/** A package with one file of so many zeros, packed some at a time. */
async function sparse(name: string, size: number): Promise<Buffer> {
  const entries = pack();
  const entry = entries.entry({ name, size });
  const some = Buffer.alloc(2 ** 24);
  const packed = entries.pipe(createGzip({ level: 1 })).toArray();
  for (let left = size; left > 0; left -= some.length) {
    if (!entry.write(some.subarray(0, left))) await once(entry, 'drain');
  }
  entry.end(some.subarray(0, 0));
  entries.finalize();
  return Buffer.concat(await packed);
}

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
    expect((await read(join(directory, 'absent'))).definitions.all).toEqual([]);
  });

  it('has what links lead to, once, whatever the version of Node; what a dot hides is left alone', async () => {
    for (const name of ['a', 'away', '.git']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'away', 'x.json'), JSON.stringify(valueSet('1')));
    writeFileSync(join(directory, '.git', 'y.json'), 'no JSON');
    symlinkSync(join(directory, 'away'), join(directory, 'a', 'link'));
    symlinkSync(join(directory, 'a'), join(directory, 'away', 'around'));
    symlinkSync(join('..', '.git', 'y.json'), join(directory, 'a', '.z.json'));
    expect((await read(join(directory, 'a'))).definitions.all.map(({ file }) => file)).toEqual([
      join('link', 'x.json'),
    ]);
  });

  it('has those of files and of packages, by url and version; without version the latest active one counts', async () => {
    mkdirSync(join(directory, 'below'));
    writeFileSync(join(directory, 'below', 'a.json'), JSON.stringify(valueSet('1.9')));
    await writePackage('b.tgz', {
      'ValueSet-b.json': valueSet('1.10'),
      'ValueSet-c.json': valueSet('2.0', { status: 'draft' }),
      'Patient-d.json': { resourceType: 'Patient', id: 'd' },
    });
    const { definitions, packages } = await read();
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
    const key = async () => (await read()).definitions.find('ValueSet', 'http://x.example/ValueSet/a', undefined)?.key;
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
    expect((await read()).definitions.all).toEqual([]);
  });

  it('leaves out what is no package, or one for another FHIR, and says so', async () => {
    writeFileSync(join(directory, 'a.tgz'), 'x');
    const other = JSON.stringify({ name: 'x.y', version: '1.0.0', fhirVersions: ['5.0.0'] });
    writeFileSync(join(directory, 'b.tgz'), await archive({ 'package/package.json': other }));
    await writePackage('c.tgz', { 'ValueSet-b.json': valueSet('1') });
    expect((await read()).definitions.all.map(({ file }) => file)).toEqual(['c.tgz: ValueSet-b.json']);
    expect(reports.toSorted()).toEqual([
      expect.stringMatching(/a\.tgz: .*; it is left out$/),
      expect.stringMatching(/b\.tgz: the package is for FHIR 5\.0\.0, not for R4 \(4\.0\.1\); it is left out$/),
    ]);
  });

  describe('has nothing of rubbish:', () => {
    const zeros = (length: number) => gzipSync(Buffer.alloc(length));
    const whole = async () =>
      archive({ 'package/package.json': manifest, 'package/a.json': JSON.stringify(valueSet('1')) });
    const rubbish: Readonly<Record<string, () => Promise<Buffer>>> = {
      'an empty file': async () => Buffer.alloc(0),
      'no gzip': async () => Buffer.from('<html>404</html>'),
      'a cut gzip': async () => (await whole()).subarray(0, 200),
      'a cut archive': async () => gzipSync(gunzipSync(await whole()).subarray(0, 1000)),
      'nothing but zeros': async () => zeros(2 ** 23),
      'no manifest': () => archive({ 'package/a.json': JSON.stringify(valueSet('1')) }),
      'a manifest that is no JSON': () => archive({ 'package/package.json': '{' }),
      'a file that is too large': async () => sparse('package/a.json', mostFileBytes + 1),
    };
    it.each(Object.entries(rubbish))(
      '%s',
      async (_, make) => {
        writeFileSync(join(directory, 'a.tgz'), await make());
        writeFileSync(join(directory, 'b.tgz'), await whole());
        expect((await read()).definitions.all.map(({ file }) => file)).toEqual(['b.tgz: a.json']);
        expect(reports).toEqual([expect.stringMatching(/a\.tgz: .+; it is left out$/)]);
      },
      180_000,
    );

    it('more than there may be, of which no more is read', async () => {
      const packed = await archive({ 'package/package.json': manifest, 'package/x/a.txt': 'x'.repeat(1_000_000) });
      const names: string[] = [];
      const reading = async () => {
        const most = { all: 500_000, file: 500_000 };
        for await (const { name } of packagedFiles(Readable.from([packed]).pipe(createGunzip()), most))
          names.push(name);
      };
      await expect(reading()).rejects.toThrow('it has more than 500000 bytes, unpacked');
      expect(names).toEqual(['package.json']);
    });

    it('names that lead out of the package', async () => {
      const files = ['package/../a.json', '../package/a.json', '/package/a.json', 'package/../../package/a.json'];
      const content = JSON.stringify(valueSet('1'));
      const entries = Object.fromEntries([...files, 'package/b.json'].map((name) => [name, content]));
      writeFileSync(join(directory, 'a.tgz'), await archive({ 'package/package.json': manifest, ...entries }));
      expect((await read()).definitions.all.map(({ file }) => file)).toEqual(['a.tgz: b.json']);
      expect(readdirSync(directory)).toEqual(['a.tgz']);
    });

    it('a directory with such a name', async () => {
      mkdirSync(join(directory, 'a.tgz'));
      mkdirSync(join(directory, 'b.json'));
      expect((await read()).definitions.all).toEqual([]);
      expect(reports).toEqual([]);
    });
  });

  it('has the rest of a package one of whose files is no JSON', async () => {
    const definitions = { 'package/a.json': '{"resourceType":', 'package/b.json': JSON.stringify(valueSet('1')) };
    const files = { 'package/package.json': manifest, ...definitions };
    writeFileSync(join(directory, 'a.tgz'), await archive(files));
    expect((await read()).definitions.all.map(({ file }) => file)).toEqual(['a.tgz: b.json']);
    expect(reports).toEqual(['a.tgz: a.json is no JSON']);
    // With an index it shows when it is needed.
    const index = { files: [{ filename: 'a.json', resourceType: 'ValueSet', url: 'http://x.example/ValueSet/b' }] };
    writeFileSync(join(directory, 'a.tgz'), await archive({ ...files, 'package/.index.json': JSON.stringify(index) }));
    const [broken] = (await read()).definitions.all;
    expect([broken?.content(), broken?.content()]).toEqual([{}, {}]);
    expect(reports).toEqual(['a.tgz: a.json is no JSON', 'a.tgz: a.json is no JSON']);
  });

  it('keeps what a package had while its file is broken, and reads it again only when it has changed', async () => {
    const packages = new PackageFiles((fault) => reports.push(fault));
    const versions = async () =>
      (await readProfileFiles(directory, packages)).definitions.all.map(({ version }) => version);
    await writePackage('a.tgz', { 'ValueSet-a.json': valueSet('1') });
    expect(await versions()).toEqual(['1']);
    const [first] = (await readProfileFiles(directory, packages)).packages;
    expect((await readProfileFiles(directory, packages)).packages[0]).toBe(first);
    writeFileSync(join(directory, 'a.tgz'), 'half');
    expect([await versions(), await versions()]).toEqual([['1'], ['1']]);
    expect(reports).toEqual([expect.stringMatching(/a\.tgz: .*; what it had before goes on$/)]);
    await writePackage('a.tgz', { 'ValueSet-a.json': valueSet('2') });
    expect(await versions()).toEqual(['2']);
    rmSync(join(directory, 'a.tgz'));
    expect(await versions()).toEqual([]);
  });

  it('is without what a dot hides', async () => {
    mkdirSync(join(directory, '.git'));
    for (const file of ['.git/a.json', '._a.json', '.#a.json']) writeFileSync(join(directory, file), 'no JSON');
    expect((await read()).definitions.all).toEqual([]);
  });

  it('has JSON files larger than those of packages may be', async () => {
    const spaces = Buffer.alloc(mostFileBytes, ' ');
    writeFileSync(join(directory, 'a.json'), Buffer.concat([Buffer.from(JSON.stringify(valueSet('1'))), spaces]));
    expect((await read()).definitions.all).toHaveLength(1);
  });

  it('names a JSON file that is larger than a text can be', async () => {
    writeFileSync(join(directory, 'a.json'), '');
    truncateSync(join(directory, 'a.json'), constants.MAX_STRING_LENGTH + 1);
    await expect(read()).rejects.toThrow(/a\.json: it has more than \d+ bytes/);
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
    const { filed, packages } = await read();
    const found = profiledParameters(filed, definitions, packages, (text) => reports.push(text));
    expect(found.map(({ code }) => code)).toEqual(['nickname']);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/^b\.tgz: SearchParameter-b\.json: SearchParameter\.expression: /);
  });

  it('of files go before those of packages, and stop the start where they are broken', async () => {
    writeFileSync(join(directory, 'a.json'), JSON.stringify(parameter('nickname', { type: 'token' })));
    await writePackage('b.tgz', { 'SearchParameter-a.json': parameter('nickname') });
    const { filed, packages } = await read();
    expect(profiledParameters(filed, definitions, packages).map(({ type }) => type)).toEqual(['token']);
    writeFileSync(join(directory, 'a.json'), JSON.stringify(parameter('nickname', { expression: '(' })));
    const broken = await read();
    expect(() => profiledParameters(broken.filed, definitions)).toThrow(/^a\.json: SearchParameter\.expression/);
  });
});

describe('a published package', () => {
  it('has an index, by which its definitions are found', async () => {
    const { ips, haveData } = await import('../validation/profile/source.ts');
    if (!haveData(ips)) return;
    copyFileSync(ips, join(directory, 'ips.tgz'));
    const { definitions } = await read();
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
