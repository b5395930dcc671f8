/** What all patches have in common. https://hl7.org/fhir/R4/http.html#patch */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { applyPatch, type PatchKind, patchFormatOf, patchFromBundleEntry } from '../../src/fhir/patch/patch.ts';
import { exact, exactResource, outcomeOf, textOf } from './patch-cases.ts';

const definitions = loadDefinitions();

function patch(resource: string, kind: PatchKind, document: unknown): string {
  const before = exactResource(resource);
  const result = textOf(applyPatch(before, { kind, document: exact(document) }, definitions));
  expect(textOf(before)).toBe(resource);
  return result;
}

const failing = (resource: string, kind: PatchKind, document: unknown) =>
  outcomeOf(() => patch(resource, kind, document));

const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

const replaceBy = (path: string, value: Record<string, unknown>) => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: path },
        { name: 'value', ...value },
      ],
    },
  ],
});

const stored =
  '{"resourceType":"Patient","id":"a","meta":{"versionId":"3","lastUpdated":"2026-01-31T08:00:00.000Z","tag":[{"code":"t"}]},"text":{"status":"generated","div":"<div>a</div>"},"gender":"male"}';
const plainText = stored.replace('generated', 'additional');
const meta = { versionId: '3', lastUpdated: '2026-01-31T08:00:00.000Z' };

describe('immutable elements', () => {
  it('may be written with their own value', () => {
    for (const [path, value] of Object.entries({
      '/id': 'a',
      '/resourceType': 'Patient',
      '/meta/versionId': '3',
      '/meta/lastUpdated': meta.lastUpdated,
    })) {
      expect(patch(stored, 'json-patch', replace(path, value))).toBe(stored);
    }
    expect(patch(stored, 'merge-patch', { resourceType: 'Patient', id: 'a', meta })).toBe(stored);
    expect(patch(stored, 'fhirpath-patch', replaceBy('Patient.id', { valueId: 'a' }))).toBe(stored);
    expect(patch(stored, 'fhirpath-patch', replaceBy('Patient.meta.versionId', { valueId: '3' }))).toBe(stored);
  });

  it('can be tested', () => {
    const tests = [
      { op: 'test', path: '/id', value: 'a' },
      { op: 'test', path: '/meta/versionId', value: '3' },
      { op: 'test', path: '', value: JSON.parse(stored) },
    ];
    expect(patch(stored, 'json-patch', tests)).toBe(stored);
    expect(failing(stored, 'json-patch', [{ op: 'test', path: '/meta/versionId', value: '2' }]).status).toBe(422);
  });

  it('can not be changed or removed: 422', () => {
    const changes: readonly (readonly [PatchKind, unknown, string])[] = [
      ['json-patch', replace('/id', 'b'), 'Patient.id'],
      ['json-patch', [{ op: 'remove', path: '/id' }], 'Patient.id'],
      ['json-patch', replace('/resourceType', 'Person'), 'Patient'],
      ['json-patch', replace('', { resourceType: 'Patient' }), 'Patient.id'],
      ['json-patch', replace('', [1]), 'Patient'],
      ['json-patch', [{ op: 'remove', path: '' }], 'Patient'],
      ['json-patch', replace('/meta/versionId', '9'), 'Patient.meta.versionId'],
      ['json-patch', replace('/meta/lastUpdated', '2020-01-01T00:00:00Z'), 'Patient.meta.lastUpdated'],
      ['merge-patch', { id: null }, 'Patient.id'],
      ['merge-patch', { resourceType: 'Person' }, 'Patient'],
      ['fhirpath-patch', replaceBy('Patient.id', { valueId: 'b' }), 'Patient.id'],
    ];
    for (const [kind, document, expression] of changes) {
      const error = failing(stored, kind, document);
      expect(error.status).toBe(422);
      expect(error.issues[0]?.expression).toEqual([expression]);
    }
  });

  it('of meta may be left out: the server sets them', () => {
    expect(patch(stored, 'json-patch', replace('/meta', { tag: [{ code: 'u' }] }))).toBe(
      stored.replace(/"meta":.*\},"text"/, '"meta":{"tag":[{"code":"u"}]},"text"'),
    );
  });
});

describe('a generated narrative', () => {
  const without = stored.replace(/"text":\{[^}]*\},/, '');

  it('is removed where other elements change', () => {
    const expected = without.replace('male', 'female');
    expect(patch(stored, 'json-patch', replace('/gender', 'female'))).toBe(expected);
    expect(patch(stored, 'merge-patch', { gender: 'female' })).toBe(expected);
    expect(patch(stored, 'fhirpath-patch', replaceBy('Patient.gender', { valueCode: 'female' }))).toBe(expected);
  });

  it('stays where the patch writes it, changes nothing, or only meta', () => {
    const both = { gender: 'female', text: { div: '<div>b</div>' } };
    expect(patch(stored, 'merge-patch', both)).toBe(stored.replace('male', 'female').replace('>a<', '>b<'));
    expect(patch(stored, 'merge-patch', { gender: 'male' })).toBe(stored);
    expect(patch(stored, 'merge-patch', { meta: { tag: [{ code: 'u' }] } })).toBe(stored.replace('"t"', '"u"'));
  });

  it('stays where a person wrote it', () => {
    expect(patch(plainText, 'merge-patch', { gender: 'female' })).toBe(plainText.replace('male', 'female'));
  });
});

describe('media types', () => {
  it('say which kind of patch a body is', () => {
    const kinds: readonly (readonly [string, PatchKind | undefined])[] = [
      ['application/json-patch+json', 'json-patch'],
      ['Application/JSON-Patch+json; charset=utf-8', 'json-patch'],
      ['application/merge-patch+json', 'merge-patch'],
      ['application/fhir+json;fhirVersion=4.0', 'fhirpath-patch'],
      ['application/json', 'fhirpath-patch'],
      ['text/json', 'fhirpath-patch'],
      ['application/xml-patch+xml', undefined],
      ['', undefined],
    ];
    for (const [contentType, kind] of kinds) expect(patchFormatOf(contentType)).toBe(kind);
  });
});

describe('an entry of a bundle', () => {
  const bytes = Buffer.from('{}');

  it('carries Parameters, or a Binary with a JSON patch', () => {
    const parameters = patchFromBundleEntry({ resourceType: 'Parameters' }, bytes);
    expect(parameters).toEqual({ bytes, contentType: 'application/fhir+json' });
    for (const contentType of ['application/json-patch+json', 'application/merge-patch+json;charset=utf-8']) {
      const text = '[{"op":"remove","path":"/a"}]';
      const carried = patchFromBundleEntry(
        { resourceType: 'Binary', contentType, data: Buffer.from(text).toString('base64') },
        bytes,
      );
      expect(carried.contentType).toBe(contentType);
      expect(Buffer.from(carried.bytes).toString()).toBe(text);
    }
  });

  it('with anything else is 400', () => {
    const wrong = [
      { resourceType: 'Patient' },
      { resourceType: 'Binary' },
      { resourceType: 'Binary', contentType: 'application/fhir+json', data: 'e30=' },
      { resourceType: 'Binary', contentType: 'application/json-patch+json' },
      { resourceType: 'Binary', contentType: 'application/json-patch+json', data: '*' },
    ];
    for (const resource of wrong) expect(outcomeOf(() => patchFromBundleEntry(resource, bytes)).status).toBe(400);
  });
});
