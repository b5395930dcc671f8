/** What lies in `profiles/research-case/`: definitions that hang together, and templates whose columns can be told apart. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { columnsOf, elementsOf } from '../../src/cli/profile/library.ts';
import { casePartUrl, csvKeyUrl } from '../../src/cli/profile/names.ts';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { isArray, isObject, type JsonObject, type JsonValue, type Resource } from '../../src/fhir/resource.ts';
import { readProfiles } from '../../src/jobs/profile-files.ts';
import { checkStructure } from '../../src/validation/structure.ts';

const root = 'profiles/research-case';
const cases = [
  'hip-arthroplasty',
  'hip-arthroscopy',
  'knee-arthroplasty',
  'knee-arthroscopy',
  'other-surgical-case',
  'rotator-cuff-repair',
  'shoulder-arthroplasty',
  'shoulder-arthroscopy',
];
const plain = [
  'research-patient',
  'research-encounter',
  'research-condition',
  'research-procedure',
  'research-observation',
];

const filed = readProfiles(root);
const byUrl = new Map<string, Resource>();
for (const { resource } of filed) if (typeof resource.url === 'string') byUrl.set(resource.url, resource);
const structure = (id: string): Resource => {
  const found = byUrl.get(`http://osteon.example/StructureDefinition/${id}`);
  if (found === undefined) throw new Error(`no StructureDefinition ${id}`);
  return found;
};

const extensionsOf = (of: JsonObject, url: string): readonly JsonObject[] =>
  isArray(of.extension) ? of.extension.filter(isObject).filter((each) => each.url === url) : [];

/** A part as its extension says it. */
function partOf(extension: JsonObject): { readonly profile: string; readonly times: readonly string[] } {
  const subs = isArray(extension.extension) ? extension.extension.filter(isObject) : [];
  const profile = subs.find(({ url }) => url === 'profile')?.valueCanonical;
  const times = subs.flatMap(({ url, valueCode }) =>
    url === 'time' && typeof valueCode === 'string' ? [valueCode] : [],
  );
  return { profile: typeof profile === 'string' ? profile : '', times };
}

/** The columns of a profile and of what it constrains. */
function columnsWithBase(resource: Resource | undefined): readonly string[] {
  if (resource === undefined) return [];
  const base = typeof resource.baseDefinition === 'string' ? byUrl.get(resource.baseDefinition) : undefined;
  return [...new Set([...columnsWithBase(base), ...columnsOf(resource)])];
}

/** The columns of a template. */
function templateOf(resource: Resource): readonly string[] {
  const parts = extensionsOf(resource, casePartUrl).map(partOf);
  return [
    ...columnsWithBase(resource),
    ...parts.flatMap(({ profile, times }) => {
      const columns = columnsWithBase(byUrl.get(profile));
      return times.length === 0 ? columns : columns.flatMap((column) => times.map((time) => `${column}_${time}`));
    }),
  ];
}

/** Every canonical of ours that a definition names. */
function named(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return /^http:\/\/osteon\.example\/[A-Z]\w+\/[\w-]+$/.test(value) ? [value] : [];
  if (isArray(value)) return value.flatMap(named);
  return isObject(value) ? Object.values(value).flatMap(named) : [];
}

describe('research cases', () => {
  test('are eight, each in a folder with README, columns, and examples that are right and such as are not', () => {
    expect(readdirSync(root).sort()).toEqual([...cases, 'shared'].sort());
    for (const id of [...cases, 'shared']) {
      expect(existsSync(`${root}/${id}/README.md`), id).toBe(true);
      const examples = readdirSync(`${root}/${id}/examples`);
      expect(
        examples.filter((file) => file.startsWith('valid-')),
        id,
      ).not.toHaveLength(0);
      expect(
        examples.filter((file) => file.startsWith('invalid-')),
        id,
      ).not.toHaveLength(0);
    }
    for (const id of cases) expect(structure(id)).toMatchObject({ type: 'Procedure', derivation: 'constraint' });
  });

  test('and all they are made of have a sound structure', () => {
    const definitions = loadDefinitions();
    for (const { file, resource } of filed) expect([file, checkStructure(resource, definitions)]).toEqual([file, []]);
  });

  test('name only definitions that are there', () => {
    for (const { file, resource } of filed) {
      for (const url of named(resource)) expect([file, url, byUrl.has(url)]).toEqual([file, url, true]);
    }
  });

  test('define each url once', () => {
    const urls = filed.flatMap(({ resource: { url } }) => (typeof url === 'string' ? [url] : []));
    expect(urls.filter((url, place) => urls.indexOf(url) !== place)).toEqual([]);
  });

  test('constrain elements that R4 has', () => {
    const definitions = loadDefinitions();
    for (const { file, resource } of filed.filter(
      ({ resource: each }) => each.resourceType === 'StructureDefinition',
    )) {
      for (const { path } of elementsOf(resource)) {
        let type = typeof path === 'string' ? path.split('.')[0] : undefined;
        for (const name of String(path).split('.').slice(1)) {
          const choice = name.replace('[x]', '');
          const elements = [...(definitions.type(type ?? '')?.elements.values() ?? [])];
          const found = elements.filter((each) => (name === choice ? each.name === name : each.choice === choice));
          expect([file, path, found.length > 0]).toEqual([file, path, true]);
          // Of a choice, what is below is that of the one type that the profile leaves; the tests of validation look at it.
          type = found.length === 1 ? found[0]?.type : 'Quantity';
          if (found.length > 1) break;
        }
      }
    }
  });
});

describe('CSV templates', () => {
  test.each([...cases, ...plain])('%s: no column is there twice, and the key is among them', (id) => {
    const columns = templateOf(structure(id));
    expect(columns.filter((column, place) => columns.indexOf(column) !== place)).toEqual([]);
    const key = extensionsOf(structure(id), csvKeyUrl).map(({ valueString }) => String(valueString));
    expect(key.length).toBeGreaterThan(1);
    expect(columns).toEqual(expect.arrayContaining(key));
  });

  test('a hip arthroplasty has the columns of patient, encounter, surgeon, operation, its fields, and outcomes at their times', () => {
    expect(templateOf(structure('hip-arthroplasty'))).toEqual(
      expect.arrayContaining([
        ...[
          'mrn_system',
          'mrn',
          'family',
          'admission_date',
          'surgeon_id',
          'case_id',
          'procedure_code',
          'procedure_date',
        ],
        ...[
          'approach',
          'implant_manufacturer',
          'implant_type',
          'cup_size',
          'stem_size',
          'bearing_surface',
          'asa_class',
        ],
        ...['oxford_hip_preop', 'oxford_hip_10y', 'hoos_pain_1y', 'pain_vas_6w', 'complication_6w', 'visit_date_2y'],
      ]),
    );
  });
});
