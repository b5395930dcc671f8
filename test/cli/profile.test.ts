/** `osteon profile new`: what it writes, and what it says of columns that can't be used. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { readColumns } from '../../src/cli/profile/columns.ts';
import { profileCommand } from '../../src/cli/profile.ts';
import { ConfigurationError } from '../../src/config.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { find, load } from '../http/searching.ts';
import { indexed, type Json, testServer } from '../http/server.ts';
import { run } from './process.ts';

const directory = mkdtempSync(join(tmpdir(), 'osteon-profile-'));
vi.spyOn(console, 'log').mockImplementation(() => {});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const header = 'name,type,required,allowed_values,unit,description,code,times,repeats';
const columns = `${header}
approach,shared,yes,,,,,,
weber_class,code,yes,a=Weber A;b=Weber B;c=Weber C,,"Height of the fracture, by Weber.",,,
plates,code,no,lateral=Lateral;posterior=Posterior,,,,,yes
screw_count,integer,no,,,,,,
plate_length,quantity,no,,mm,,http://example.org/terms|plate-length,,
smoker,boolean,,,,,,,
body_site,code,yes,http://example.org/sites|right=Right ankle;http://example.org/sites|left=Left ankle,,,,,
pain_vas,shared,no,,,,,6w 1y,
olerud_score,quantity,no,,{score},Olerud and Molander's score.,,1y 6w,
`;

let folders = 0;
/** An empty place for cases, with what they have in common. */
function place(): { readonly into: string; readonly file: string } {
  folders += 1;
  const into = join(directory, `${folders}`);
  cpSync('profiles/research-case/shared', join(into, 'shared'), { recursive: true });
  return { into, file: join(into, 'columns.csv') };
}

interface Created {
  readonly folder: string;
  /** What the command refused; undefined: nothing. */
  readonly error: string | undefined;
}

/** Runs the command on a `columns.csv` with this text. */
async function create(text: string, { into, file } = place(), name = 'ankle-fracture'): Promise<Created> {
  writeFileSync(file, text);
  const folder = join(into, name);
  try {
    await profileCommand().parseAsync([...argumentsOf(name, file, into), '--title', 'Ankle fracture'], {
      from: 'user',
    });
    return { folder, error: undefined };
  } catch (error) {
    if (error instanceof ConfigurationError) return { folder, error: error.message };
    throw error;
  }
}

const argumentsOf = (name: string, file: string, into: string) => ['new', name, '--columns', file, '--into', into];

const texts = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.\w+$/.test(file))
      .sort()
      .map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  );
const json = (folder: string, file: string): Json => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8'));

describe('the folder of a case', () => {
  test('has its profile, extensions, value sets, search parameters, examples and what they are made of', async () => {
    const { into, file } = place();
    writeFileSync(file, columns);
    const { status, out } = await run(['profile', ...argumentsOf('ankle-fracture', file, into)]);
    expect(status).toBe(0);
    expect(out).toContain('http://osteon.example/StructureDefinition/ankle-fracture');
    const folder = join(into, 'ankle-fracture');
    const files = Object.keys(texts(folder));
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'columns.csv',
        'CodeSystem-ankle-fracture-weber-class.json',
        'SearchParameter-ankle-fracture-plate-length.json',
        'StructureDefinition-ankle-fracture.json',
        'StructureDefinition-ankle-fracture-olerud-score.json',
        'ValueSet-ankle-fracture-body-site.json',
        'examples/valid-ankle-fracture.json',
        'examples/valid-ankle-fracture-olerud-score.json',
        'examples/invalid-no-approach.json',
      ]),
    );
    // What is shared is there already.
    expect(files.filter((file) => /approach\.json|pain-vas/.test(file))).toEqual(['examples/invalid-no-approach.json']);
    const definitions = loadDefinitions();
    for (const { file, resource } of readProfiles(folder)) {
      expect([file, checkStructure(resource, definitions)]).toEqual([file, []]);
    }
  });

  test('says of each column which element it is', async () => {
    const { folder } = await create(columns);
    const profile = json(folder, 'StructureDefinition-ankle-fracture');
    expect(profile).toMatchObject({
      title: 'Ankle fracture',
      type: 'Procedure',
      baseDefinition: 'http://osteon.example/StructureDefinition/research-case',
      derivation: 'constraint',
    });
    const element = (id: string) => profile.differential.element.find((each: Json) => each.id === id);
    const column = (name: string) => [
      { url: 'http://osteon.example/StructureDefinition/csv-column', valueString: name },
    ];
    const extension = (id: string) => [
      { code: 'Extension', profile: [`http://osteon.example/StructureDefinition/${id}`] },
    ];
    expect(element('Procedure.extension:approach')).toMatchObject({
      ...{ extension: column('approach'), min: 1, max: '1', type: extension('approach') },
    });
    expect(element('Procedure.extension:ankle-fracture-plates')).toMatchObject({
      ...{ extension: column('plates'), min: 0, max: '*', type: extension('ankle-fracture-plates') },
    });
    expect(element('Procedure.bodySite')).toMatchObject({
      extension: column('body_site'),
      min: 1,
      binding: { strength: 'required', valueSet: 'http://osteon.example/ValueSet/ankle-fracture-body-site' },
    });
    const valueElement = (id: string) =>
      json(folder, `StructureDefinition-${id}`).differential.element.find(({ path }: Json) =>
        path.endsWith('value[x]'),
      );
    expect(valueElement('ankle-fracture-plate-length')).toMatchObject({
      code: [{ system: 'http://example.org/terms', code: 'plate-length' }],
      type: [{ code: 'Quantity' }],
      patternQuantity: { unit: 'mm', system: 'http://unitsofmeasure.org', code: 'mm' },
    });
    expect(valueElement('ankle-fracture-weber-class')).toMatchObject({ type: [{ code: 'CodeableConcept' }] });
    expect(valueElement('ankle-fracture-olerud-score')).toMatchObject({
      extension: column('olerud_score'),
      type: [{ code: 'Quantity' }],
    });
  });

  test('has of a shared field the codes that its columns name', async () => {
    const { folder } = await create(`${header}\napproach,shared,yes,lateral;other,,,,,\n`);
    const { differential } = json(folder, 'StructureDefinition-ankle-fracture');
    expect(differential.element).toContainEqual({
      id: 'Procedure.extension:approach.value[x]',
      path: 'Procedure.extension.value[x]',
      type: [{ code: 'CodeableConcept' }],
      binding: { strength: 'required', valueSet: 'http://osteon.example/ValueSet/ankle-fracture-approach' },
    });
    expect(json(folder, 'ValueSet-ankle-fracture-approach').compose.include).toEqual([
      {
        system: 'http://osteon.example/CodeSystem/approach',
        concept: [
          { code: 'lateral', display: 'Direct lateral' },
          { code: 'other', display: 'Other' },
        ],
      },
    ]);
    const [extension] = json(folder, 'examples/valid-ankle-fracture').extension;
    expect(extension.valueCodeableConcept.coding[0].code).toBe('lateral');
    expect(texts(folder)['README.md']).toContain('| yes | `lateral` Direct lateral, `other` Other |');
  });

  test('has its outcome measures as parts, at their times in order', async () => {
    const { folder } = await create(columns);
    const parts = json(folder, 'StructureDefinition-ankle-fracture').extension.filter(({ url }: Json) =>
      url.endsWith('case-part'),
    );
    const said = parts.map(({ extension }: Json) =>
      extension.map((each: Json) => each.valueCode ?? each.valueString ?? each.valueCanonical),
    );
    const url = 'http://osteon.example/StructureDefinition/';
    expect(said).toEqual([
      ['patient', `${url}research-patient`, 'Procedure.subject'],
      ['encounter', `${url}case-encounter`, 'Procedure.encounter'],
      ['surgeon', `${url}research-surgeon`, 'Procedure.performer.actor'],
      ['pain_vas', `${url}pain-vas`, 'Observation.partOf', '6w', '1y'],
      ['olerud_score', `${url}ankle-fracture-olerud-score`, 'Observation.partOf', '6w', '1y'],
    ]);
  });

  test('is the same each time', async () => {
    const [one, two] = [await create(columns), await create(columns)];
    expect(texts(one.folder)).toEqual(texts(two.folder));
  });

  test('is never written over', async () => {
    const where = place();
    const { folder } = await create(columns, where);
    const before = texts(folder);
    const again = await create(`${header}\nother,string,,,,,,,\n`, where);
    expect(again.error).toContain('ankle-fracture is there already; nothing was written.');
    expect(texts(folder)).toEqual(before);
  });

  test('makes a server find cases by its fields', async () => {
    const { folder } = await create(columns);
    const server = await testServer({ PROFILES: join(folder, '..') });
    await indexed(server);
    await load(server, [json(folder, 'examples/valid-ankle-fracture')]);
    for (const query of [
      'weber-class=a',
      'plates=lateral',
      'screw-count=2',
      'plate-length=12||mm',
      'smoker=true',
      'approach=posterior',
    ]) {
      expect([query, await find(server, `/Procedure?${query}`)]).toEqual([query, 'example-ankle-fracture']);
    }
    expect(await find(server, '/Procedure?weber-class=b')).toBe('');
    await server.close();
  });
});

describe('columns that can’t be used', () => {
  const rows = (...lines: readonly string[]) => [header, ...lines, ''].join('\n');
  test.each([
    ['', /The file is empty/],
    [`${header}\n`, /no columns below the header/],
    ['name,kind\na,b\n', /line 1, column 2: there is no header kind/],
    ['type\nstring\n', /line 1: the header name is missing/],
    [rows('Cup Size,string,,,,,,,'), /line 2, column 1 \(name\): Cup Size is no name/],
    [rows('a,string,,,,,,,', 'b,number,,,,,,,'), /line 3, column 2 \(type\): number is no type; types are code,/],
    [rows('a,string,perhaps,,,,,,'), /line 2, column 3 \(required\): perhaps is neither yes nor no/],
    [rows('a,code,,,,,,,'), /line 2, column 4 \(allowed_values\): A code needs its values/],
    [rows('a,code,,x=X;x=Y,,,,,'), /line 2, column 4 \(allowed_values\): x is there twice/],
    [rows('a,string,,x=X,,,,,'), /line 2, column 4 \(allowed_values\): Only a code/],
    [rows('a,quantity,,,,,,,'), /line 2, column 5 \(unit\): A quantity needs a unit/],
    [rows('a,quantity,,,furlongs,,,,'), /line 2, column 5 \(unit\): furlongs is no unit of UCUM/],
    [rows('a,string,,,,,loinc,,'), /line 2, column 7 \(code\): loinc is no system\|code/],
    [rows('a,string,,,,,,4w,'), /line 2, column 8 \(times\): 4w is no time; times are preop 6w/],
    [rows('a,string,,,,,,,', 'a,date,,,,,,,'), /line 3, column name: a is the name of line 2 too/],
    [rows('a,string,,,,,,,,more'), /line 2, column 10: there are more cells than headers/],
    [rows('"a,string'), /no CSV/],
  ])('%j: line and column are named', (text, message) => {
    expect(() => readColumns(text)).toThrow(message);
  });

  test.each([
    ['case_id,string,,,,,,,', /columns\.csv: line 2, column name: every case has case_id already/],
    ['approach,string,,,,,,,', /approach is a field of shared: give it the type shared/],
    ['aproach,shared,,,,,,,', /shared has no field aproach.*approach/],
    ['pain_vas,shared,,,,,,,', /pain_vas is an outcome measure: say its times/],
    ['pain_vas,quantity,,,{score},,,6w,', /pain_vas is an outcome measure of shared/],
    ['status,string,,,,,,,', /R4 has a search parameter status of Procedure/],
    ['healed,date,,,,,,1y,', /an Observation has no value of type date; use dateTime/],
    [
      'approach,shared,,sideways,,,,,',
      /line 2, column allowed_values: sideways is no value of the field approach.*posterior/,
    ],
    ['implant_model,shared,,x,,,,,', /x is no value of the field implant_model of shared: it has no codes/],
    ['pain_vas,shared,,1,,,,6w,', /column allowed_values: an outcome measure of shared has the values/],
    ['body_site,string,,,,,,,', /body_site is an element of every case: a code with allowed values/],
  ])('%s: the command says why and writes nothing', async (line, message) => {
    const { error, folder } = await create(`${header}\n${line}\n`);
    expect(error).toMatch(message);
    expect(existsSync(folder)).toBe(false);
  });

  test('a name that another case has is refused', async () => {
    const where = place();
    await create(columns, where);
    const other = await create(`${header}\nweber_class,string,,,,,,,\n`, where, 'ankle-sprain');
    expect(other.error).toMatch(/the search parameter weber-class is that of ankle-fracture\/SearchParameter/);
    const upper = await create(columns, where, 'Ankle');
    expect(upper.error).toContain('Ankle is no name');
    expect((await create(columns, where, 'pain-vas')).error).toMatch(/pain-vas is what .* defines/);
  });
});
