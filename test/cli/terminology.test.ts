/** `osteon terminology`: what is read of release files, packages and resources. https://hl7.org/fhir/R4/terminologies-systems.html */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeSystemRelease } from '../../src/cli/terminology/code-system.ts';
import type { Release } from '../../src/cli/terminology/release.ts';
import { findSources } from '../../src/cli/terminology/sources.ts';
import type { LoadedConcept } from '../../src/store/terminology.ts';
import { run, serve, temporaryFolder } from './process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder.path, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const table = (...rows: readonly (readonly string[])[]) => `${rows.map((row) => row.join('\t')).join('\r\n')}\r\n`;
const quoted = (...rows: readonly (readonly string[])[]) =>
  rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n');

async function onlyRelease(...given: Parameters<typeof findSources>): Promise<Release> {
  const [source, other] = await findSources(...given);
  if (source?.kind !== 'release' || other !== undefined) throw new Error('there should be one release');
  return source.release;
}

async function conceptsOf(release: Release): Promise<readonly LoadedConcept[]> {
  const all: LoadedConcept[] = [];
  let read = 0;
  for await (const some of release.read((bytes) => {
    read += bytes;
  }))
    all.push(...some);
  expect(read).toBe(release.size);
  return all;
}

describe('ICD-10', () => {
  it('-CM has its hierarchy by the beginnings of codes, which get their dot', async () => {
    const path = await write(
      'icd10cm-fy2031.tsv',
      table(
        ['code', 'billable', 'display'],
        ['Q00', '0', 'A disease'],
        ['Q001', '1', 'One kind'],
        ['Q00.2', '0', 'Another kind'],
        ['Q0029XA', '1', 'Another kind, at first'],
      ),
    );
    const release = await onlyRelease([path], undefined, {});
    expect(release.system).toMatchObject({
      url: 'http://hl7.org/fhir/sid/icd-10-cm',
      version: '2031',
      caseSensitive: true,
    });
    const property = (value: string) => [['billable', value]];
    expect(await conceptsOf(release)).toEqual([
      { code: 'Q00', display: 'A disease', parents: [], properties: property('false') },
      { code: 'Q00.1', display: 'One kind', parents: ['Q00'], properties: property('true') },
      { code: 'Q00.2', display: 'Another kind', parents: ['Q00'], properties: property('false') },
      { code: 'Q00.29XA', display: 'Another kind, at first', parents: ['Q00.2'], properties: property('true') },
    ]);
  });

  it('-PCS has codes without a dot', async () => {
    const path = await write('pcs.tsv.gz', gzipSync(table(['code', 'display'], ['0QQ00ZZ', 'Repair of something'])));
    const release = await onlyRelease([path], undefined, { version: '2031' });
    expect(release.system).toMatchObject({ url: 'http://www.cms.gov/Medicare/Coding/ICD10', version: '2031' });
    expect(await conceptsOf(release)).toEqual([{ code: '0QQ00ZZ', display: 'Repair of something', parents: [] }]);
  });

  it('is read as the order files of its publisher too', async () => {
    const line = (number: string, code: string, billable: string, short: string, long: string) =>
      `${number} ${code.padEnd(7)} ${billable} ${short.padEnd(60)} ${long}`;
    const path = await write(
      'icd10cm_order_2031.txt',
      `${line('00001', 'Q00', '0', 'A dis', 'A disease')}\n${line('00002', 'Q001', '1', 'One', 'One kind')}\n`,
    );
    const release = await onlyRelease([path], undefined, {});
    expect(release.system.version).toBe('2031');
    expect((await conceptsOf(release)).map(({ code, display, parents }) => [code, display, parents])).toEqual([
      ['Q00', 'A disease', []],
      ['Q00.1', 'One kind', ['Q00']],
    ]);
  });

  it('of another country has the url that is given', async () => {
    const path = await write('other.csv', table(['code', 'display'], ['Q00', 'Eine Krankheit']));
    const release = await onlyRelease([path], 'icd10cm', { url: 'urn:icd-10-other', version: '1' });
    expect(release.system).toMatchObject({ url: 'urn:icd-10-other', version: '1' });
    expect(await conceptsOf(release)).toHaveLength(1);
  });

  it('without a text for a code says where', async () => {
    const path = await write('bad.tsv', table(['code', 'billable', 'display'], ['Q00', '0', 'A'], ['Q001', '1', '']));
    const release = await onlyRelease([path], undefined, {});
    await expect(conceptsOf(release)).rejects.toThrow('bad.tsv, line 3: a code or its text is missing.');
  });
});

describe('LOINC', () => {
  const loinc = quoted(
    ['LOINC_NUM', 'COMPONENT', 'PROPERTY', 'SYSTEM', 'STATUS', 'VersionLastChanged', 'SHORTNAME', 'LONG_COMMON_NAME'],
    ['1-1', 'Angle, flexed', 'Angle', 'Knee', 'ACTIVE', '2.9', 'Knee angle', 'Angle of "flexion", knee'],
    ['2-2', 'Old', 'Angle', 'Knee', 'DEPRECATED', '2.10', '', 'Old angle'],
  );

  it('has terms with their parts as properties, and other names', async () => {
    const path = await write('plain/Loinc.csv', `\ufeff${loinc}\n`);
    const release = await onlyRelease([path], undefined, {});
    expect(release.system).toMatchObject({ url: 'http://loinc.org', version: '2.10', caseSensitive: false });
    const concepts: LoadedConcept[] = [];
    for await (const some of release.read(() => undefined)) concepts.push(...some);
    expect(concepts).toEqual([
      {
        code: '1-1',
        display: 'Angle of "flexion", knee',
        parents: [],
        properties: [
          ['COMPONENT', 'Angle, flexed'],
          ['PROPERTY', 'Angle'],
          ['SYSTEM', 'Knee'],
          ['STATUS', 'ACTIVE'],
        ],
        designations: [{ value: 'Knee angle', use: 'SHORTNAME' }],
      },
      {
        code: '2-2',
        display: 'Old angle',
        parents: [],
        inactive: true,
        properties: [
          ['COMPONENT', 'Old'],
          ['PROPERTY', 'Angle'],
          ['SYSTEM', 'Knee'],
          ['STATUS', 'DEPRECATED'],
        ],
      },
    ]);
  });

  it('lies under the parts of its hierarchy, where that is there', async () => {
    await write('Loinc_2.99/LoincTable/Loinc.csv', loinc);
    await write(
      'Loinc_2.99/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv',
      quoted(
        ['PATH_TO_ROOT', 'SEQUENCE', 'IMMEDIATE_PARENT', 'CODE', 'CODE_TEXT'],
        ['', '1', '', 'LP1-1', 'All'],
        ['LP1-1', '1', 'LP1-1', 'LP2-2', 'Joints'],
        ['LP1-1', '2', 'LP1-1', 'LP3-3', 'Angles'],
        ['LP1-1.LP2-2', '1', 'LP2-2', '1-1', 'Angle'],
        ['LP1-1.LP3-3', '1', 'LP3-3', '1-1', 'Angle'],
      ),
    );
    const release = await onlyRelease([join(folder.path, 'Loinc_2.99')], undefined, {});
    expect(release.system.version).toBe('2.99');
    const placed = (await conceptsOf(release)).map(({ code, parents, abstract = false }) => [code, parents, abstract]);
    expect(placed).toEqual([
      ['LP1-1', [], true],
      ['LP2-2', ['LP1-1'], true],
      ['LP3-3', ['LP1-1'], true],
      ['1-1', ['LP2-2', 'LP3-3'], false],
      ['2-2', [], false],
    ]);
  });
});

describe('SNOMED CT', () => {
  const root = 'snomed/Snapshot';
  const fsn = '900000000000003001';
  const synonym = '900000000000013009';

  beforeAll(async () => {
    const concepts = ['id', 'effectiveTime', 'active', 'moduleId', 'definitionStatusId'];
    const core = '900000000000207008';
    await write(
      `${root}/Terminology/sct2_Concept_Snapshot_INT_20310101.txt`,
      table(
        concepts,
        ['1001001', '20300101', '1', core, '900000000000074008'],
        ['2002002', '20300101', '1', core, '900000000000073002'],
        ['3003003', '20300101', '0', core, '900000000000074008'],
      ),
    );
    const text = (id: string, active: string, concept: string, type: string, term: string) => [
      id,
      '20300101',
      active,
      core,
      concept,
      'en',
      type,
      term,
      '900000000000448009',
    ];
    const header = ['id', 'effectiveTime', 'active', 'moduleId', 'conceptId', 'languageCode', 'typeId', 'term', 'case'];
    await write(
      `${root}/Terminology/sct2_Description_Snapshot-en_INT_20310101.txt`,
      table(
        header,
        text('11', '1', '1001001', fsn, 'Thing (thing)'),
        text('12', '1', '1001001', synonym, 'Thing'),
        text('21', '1', '2002002', fsn, 'Painful thing (thing)'),
        text('22', '1', '2002002', synonym, 'Thing that hurts'),
        text('23', '1', '2002002', synonym, 'Painful thing'),
        text('24', '0', '2002002', synonym, 'Withdrawn name'),
        text('31', '1', '3003003', fsn, 'Former thing (thing)'),
      ),
    );
    await write(
      `${root}/Terminology/sct2_TextDefinition_Snapshot-en_INT_20310101.txt`,
      table(header, text('41', '1', '2002002', '900000000000550004', 'A thing with pain.')),
    );
    const relation = (active: string, source: string, target: string, type: string) => [
      '5',
      '20300101',
      active,
      core,
      source,
      target,
      '0',
      type,
      '900000000000011006',
      '900000000000451002',
    ];
    await write(
      `${root}/Terminology/sct2_Relationship_Snapshot_INT_20310101.txt`,
      table(
        [
          'id',
          'effectiveTime',
          'active',
          'moduleId',
          'sourceId',
          'destinationId',
          'group',
          'typeId',
          'kind',
          'modifier',
        ],
        relation('1', '2002002', '1001001', '116680003'),
        relation('0', '3003003', '1001001', '116680003'),
        relation('1', '2002002', '3003003', '363698007'),
      ),
    );
    const member = (description: string, acceptability: string, set = '900000000000509007') => [
      'uuid',
      '20300101',
      '1',
      core,
      set,
      description,
      acceptability,
    ];
    await write(
      `${root}/Refset/Language/der2_cRefset_LanguageSnapshot-en_INT_20310101.txt`,
      table(
        ['id', 'effectiveTime', 'active', 'moduleId', 'refsetId', 'referencedComponentId', 'acceptabilityId'],
        member('12', '900000000000548007'),
        member('23', '900000000000548007'),
        member('22', '900000000000549004'),
        member('22', '900000000000548007', '900000000000508004'),
      ),
    );
  });

  it('has its concepts under those that they are kinds of, by the names that are preferred', async () => {
    const release = await onlyRelease([join(folder.path, 'snomed')], undefined, {});
    expect(release.system).toMatchObject({
      url: 'http://snomed.info/sct',
      version: 'http://snomed.info/sct/900000000000207008/version/20310101',
    });
    const facts = (defined: string) => [
      ['moduleId', '900000000000207008'],
      ['effectiveTime', '20300101'],
      ['sufficientlyDefined', defined],
    ];
    expect(release.system.properties.at(-1)).toEqual({ code: '363698007', type: 'code' });
    expect(await conceptsOf(release)).toEqual([
      {
        code: '1001001',
        display: 'Thing',
        parents: [],
        properties: facts('false'),
        designations: [
          { value: 'Thing', language: 'en', use: synonym },
          { value: 'Thing (thing)', language: 'en', use: fsn },
        ],
      },
      {
        code: '2002002',
        display: 'Painful thing',
        definition: 'A thing with pain.',
        parents: ['1001001'],
        properties: [...facts('true'), ['363698007', '3003003']],
        designations: [
          { value: 'Painful thing', language: 'en', use: synonym },
          { value: 'Painful thing (thing)', language: 'en', use: fsn },
          { value: 'Thing that hurts', language: 'en', use: synonym },
        ],
      },
      {
        code: '3003003',
        display: 'Former thing (thing)',
        parents: [],
        inactive: true,
        properties: facts('false'),
      },
    ]);
  });

  it('of an unknown edition asks for its version', async () => {
    const path = await write('edition/sct2_Concept_Snapshot_XX9_20310101.txt', table(['id']));
    await write('edition/sct2_Description_Snapshot-en_XX9_20310101.txt', table(['id']));
    await expect(findSources([dirname(path)], undefined, {})).rejects.toThrow('sct2_Relationship_Snapshot_');
    await write('edition/sct2_Relationship_Snapshot_XX9_20310101.txt', table(['id']));
    await expect(findSources([dirname(path)], undefined, {})).rejects.toThrow('give --version http://snomed.info/sct/');
    expect((await onlyRelease([dirname(path)], undefined, { version: 'v' })).system.version).toBe('v');
  });
});

/** A CodeSystem with as many concepts, the first of which has others in it. */
function codeSystem(count: number) {
  const many = Array.from({ length: count - 3 }, (_, n) => ({ code: `c${n}`, display: `Concept ${n}` }));
  return {
    resourceType: 'CodeSystem',
    url: 'urn:many',
    version: '3',
    title: 'Many',
    status: 'active',
    content: 'complete',
    property: [
      { code: 'up', uri: 'http://hl7.org/fhir/concept-properties#parent', type: 'code' },
      { code: 'weight', type: 'integer' },
    ],
    concept: [
      {
        code: 'a',
        display: 'A',
        property: [{ code: 'notSelectable', valueBoolean: true }],
        concept: [
          {
            code: 'b',
            display: 'B',
            definition: 'The second',
            designation: [{ language: 'de', value: 'Be', use: { code: 'display' } }],
            property: [
              { code: 'weight', valueInteger: 7 },
              { code: 'status', valueCode: 'retired' },
            ],
          },
        ],
      },
      { code: 'd', property: [{ code: 'up', valueCode: 'b' }] },
      ...many,
    ],
  };
}

describe('a CodeSystem', () => {
  it('of more than a thousand concepts is loaded, each under what it stands in and what its properties name', async () => {
    const release = codeSystemRelease('many.json', codeSystem(1001), 10);
    expect(release?.system).toEqual({
      url: 'urn:many',
      version: '3',
      title: 'Many',
      caseSensitive: true,
      properties: [
        { code: 'weight', type: 'integer' },
        { code: 'notSelectable', type: 'string' },
        { code: 'status', type: 'string' },
      ],
    });
    if (release === undefined) return;
    const all = await conceptsOf(release);
    expect(all).toHaveLength(1001);
    const found = (code: string) => all.find((each) => each.code === code);
    expect(found('a')).toMatchObject({ abstract: true, parents: [] });
    expect(found('b')).toEqual({
      code: 'b',
      display: 'B',
      definition: 'The second',
      parents: ['a'],
      inactive: true,
      properties: [
        ['weight', '7'],
        ['status', 'retired'],
      ],
      designations: [{ value: 'Be', language: 'de', use: 'display' }],
    });
    expect(found('d')).toEqual({ code: 'd', display: 'd', parents: ['b'] });
  });

  it('that is small, or only points to its concepts, is a resource', () => {
    expect(codeSystemRelease('few.json', codeSystem(1000), 10)).toBeUndefined();
    expect(codeSystemRelease('none.json', { ...codeSystem(1001), content: 'not-present' }, 10)).toBeUndefined();
  });
});

describe('files', () => {
  it('that are nothing of the kind are refused with what to do', async () => {
    const zip = await write('release.zip', 'PK');
    await expect(findSources([zip], undefined, {})).rejects.toThrow('Unpack it first');
    const text = await write('notes.md', 'nothing');
    await expect(findSources([text], undefined, {})).rejects.toThrow('give --format, one of icd10cm');
    await expect(findSources([await write('empty/notes.md', '')].map(dirname), undefined, {})).rejects.toThrow(
      'Loinc.csv',
    );
    const two = [await write('one.tgz', ''), await write('two.tgz', '')];
    await expect(findSources(two, undefined, { version: '1' })).rejects.toThrow('load one at a time');
  });
});

async function packaged(files: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, JSON.stringify(content));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

describe('the command', { timeout: 300_000 }, () => {
  it('loads, lists and removes, and stores what is no large code system as resources', async () => {
    const store = { STORE_URL: `sqlite:${join(folder.path, 'command.db')}` };
    const valueSet = { resourceType: 'ValueSet', id: 'vs', url: 'urn:vs', version: '1,2', status: 'active' };
    const path = await write(
      'package.tgz',
      await packaged({
        'package/package.json': { name: 'a.package', version: '1.0.0' },
        'package/CodeSystem-many.json': codeSystem(1200),
        'package/ValueSet-vs.json': valueSet,
        'package/CodeSystem-few.json': { ...codeSystem(10), url: 'urn:few', id: 'few' },
        'package/ValueSet-nameless.json': { resourceType: 'ValueSet', id: 'nameless', status: 'active' },
        'package/example/ValueSet-example.json': { ...valueSet, id: 'example' },
      }),
    );
    const first = await run(['terminology', 'load', path], store);
    expect(first.out).toContain('1200 concepts of 1 code systems and 2 resources');
    expect(first.err).toBe(`${path}: package/ValueSet-nameless.json has no url.\n`);
    expect(first.status).toBe(1);
    const table = await write('t.tsv', 'code\tbillable\tdisplay\nQ00\t0\tA disease\n');
    expect((await run(['terminology', 'load', table, '--version', '2031', '--url', 'urn:q'], store)).status).toBe(0);
    const serving = await serve(store.STORE_URL);
    try {
      const loading = await run(['terminology', 'load', path], store);
      expect(loading.err).toContain('is open for writing in another process');
      const listed = await run(['terminology', 'list'], store);
      expect(listed.out).toBe('urn:many|3  Many, 1200 concepts\nurn:q|2031  ICD-10-CM, 1 concepts\n');
      const found = await fetch(`${serving.base}/ValueSet/vs`);
      expect(await found.json()).toMatchObject({ url: 'urn:vs', meta: { versionId: '1' } });
      expect((await fetch(`${serving.base}/CodeSystem/few`)).status).toBe(200);
    } finally {
      await serving.stop();
    }
    // The same again changes nothing, though the ids are taken by now.
    const again = await run(['terminology', 'load', path], store);
    expect(again.out).toContain('1200 concepts of 1 code systems and 2 resources');
    expect((await run(['terminology', 'remove', 'urn:absent'], store)).err).toContain(
      'Loaded are: urn:many|3, urn:q|2031.',
    );
    expect((await run(['terminology', 'remove', 'urn:many'], store)).out).toBe('urn:many|3 is removed.\n');
    expect((await run(['terminology', 'list'], store)).out).toBe('urn:q|2031  ICD-10-CM, 1 concepts\n');
    expect((await run(['check'], store)).out).toContain('2 resources checked: nothing is wrong');
  });
});

const icd10cm = fileURLToPath(new URL('../../../shared/data/terminology/icd10cm-fy2022.tsv.gz', import.meta.url));

describe.runIf(existsSync(icd10cm))('ICD-10-CM as it is published', () => {
  it('has all codes, each under a shorter one or none', async () => {
    const release = await onlyRelease([icd10cm], undefined, {});
    const concepts = await conceptsOf(release);
    expect([release.system.version, concepts.length]).toEqual(['2022', 95_524]);
    const known = new Map(concepts.map((concept) => [concept.code, concept]));
    expect(known.get('M17.11')).toEqual({
      code: 'M17.11',
      display: 'Unilateral primary osteoarthritis, right knee',
      parents: ['M17.1'],
      properties: [['billable', 'true']],
    });
    expect(
      concepts.every(({ code, parents }) => parents.every((each) => code.startsWith(each) && known.has(each))),
    ).toBe(true);
    expect(concepts.filter(({ parents }) => parents.length === 0).every(({ code }) => code.length === 3)).toBe(true);
  });
});
