/** `:above` and `:below` that go by the values themselves: urls, versions, MIME types. https://hl7.org/fhir/R4/search.html#uri */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { find, search } from '../setup.ts';

const sets = (...urls: readonly string[]): readonly Resource[] =>
  urls.map((url) => ({ resourceType: 'ValueSet', url }));

describe('uri', () => {
  const urls = sets(
    'http://a/b',
    'http://a/b/c',
    'http://a/bc',
    'http://a/b/c/d',
    'http://a/',
    'http://a',
    'urn:oid:1.2',
    'HTTP://a/b/c',
  );

  test.each<[string, readonly number[]]>([
    ['url:below=http://a/b', [0, 1, 3]],
    ['url:below=http://a/b/', [1, 3]],
    ['url:below=http://a/', [0, 1, 2, 3, 4]],
    ['url:below=http://a', [0, 1, 2, 3, 4, 5]],
    ['url:below=http://nobody', []],
    ['url:below=http://a/b/c,http://a/bc', [1, 2, 3]],
    ['url:above=http://a/b/c', [0, 1, 4, 5]],
    ['url:above=http://a/b/c/', [0, 1, 4, 5]],
    ['url:above=http://a/b', [0, 4, 5]],
    ['url:above=http://a/bc/d', [2, 4, 5]],
    ['url:above=http://a', [5]],
    ['url:above=test', []],
  ])('%s', (query, expected) => {
    expect(find(urls, query)).toEqual(expected);
  });

  test('a URN has no path: 400', () => {
    for (const value of ['urn:oid:1.2', 'URN:oid:1', 'urn://localhost/test']) {
      expect(() => search('ValueSet', `url:below=${value}`)).toThrow(/url:below.*not a URL/);
      expect(() => search('ValueSet', `url:above=${value}`)).toThrow(/url:above.*not a URL/);
    }
  });

  test('a path of very many segments is too costly above', () => {
    expect(() => search('ValueSet', `url:above=http://a${'/b'.repeat(200)}`)).toThrow(/segments/);
  });

  test('one URL is above another exactly if that one is below it', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '');
    const url = fc.array(segment, { maxLength: 4 }).map((path) => ['http://x', ...path].join('/'));
    fc.assert(
      fc.property(url, url, (one, other) => {
        const below = find(sets(other), `url:below=${one}`);
        expect(find(sets(one), `url:above=${other}`)).toEqual(below);
      }),
    );
  });
});

describe('canonical', () => {
  const versions = [
    'http://q',
    'http://q|1',
    'http://q|1.2',
    'http://q|1.2.3',
    'http://q|10',
    'http://q|2',
    'http://q/r',
  ];
  const responses: readonly Resource[] = versions.map((questionnaire) => ({
    resourceType: 'QuestionnaireResponse',
    questionnaire,
  }));

  test.each<[string, readonly number[]]>([
    ['questionnaire:below=http://q|1', [1, 2, 3]],
    ['questionnaire:below=http://q|1.2', [2, 3]],
    ['questionnaire:below=http://q|3', []],
    ['questionnaire:below=http://q', [0, 1, 2, 3, 4, 5]],
    ['questionnaire:above=http://q|1.2.3', [0, 1, 2, 3]],
    ['questionnaire:above=http://q|1', [0, 1]],
    ['questionnaire:above=http://q', [0]],
    ['questionnaire:below=http://q|1,http://q|2', [1, 2, 3, 5]],
  ])('%s: by version', (query, expected) => {
    expect(find(responses, query)).toEqual(expected);
  });

  test('of a uri parameter: by version where one is named, else by path segments in any version', () => {
    const patients: readonly Resource[] = ['http://p', 'http://p|1', 'http://p|1.1', 'http://p/q|2', 'http://pq'].map(
      (profile) => ({ resourceType: 'Patient', meta: { profile: [profile] } }),
    );
    expect(find(patients, '_profile:below=http://p')).toEqual([0, 1, 2, 3]);
    expect(find(patients, '_profile:below=http://p|1')).toEqual([1, 2]);
    expect(find(patients, '_profile:above=http://p|1.1')).toEqual([0, 1, 2]);
    expect(find(patients, '_profile:above=http://p/q')).toEqual([0, 1, 2, 3]);
  });
});

describe('MIME types', () => {
  const documents: readonly Resource[] = [
    'image/png',
    'image/jpeg',
    'text/xml',
    'text/xml;charset=UTF-8',
    'imagery/x',
  ].map((contentType) => ({ resourceType: 'DocumentReference', content: [{ attachment: { contentType } }] }));

  test.each<[string, readonly number[]]>([
    ['contenttype:below=image', [0, 1]],
    ['contenttype:below=IMAGE', [0, 1]],
    ['contenttype:below=image/png', [0]],
    ['contenttype:below=text/xml', [2, 3]],
    ['contenttype:below=urn:ietf:bcp:13|text', [2, 3]],
    ['contenttype:above=text/xml;charset=UTF-8', [2, 3]],
    ['contenttype:above=image/png', [0]],
    ['contenttype:below=image,text', [0, 1, 2, 3]],
    ['contenttype:below=video', []],
  ])('%s', (query, expected) => {
    expect(find(documents, query.replaceAll(';', '%3B'))).toEqual(expected);
  });

  test('languages go by their tags', () => {
    const patients: readonly Resource[] = ['en', 'en-US', 'eng', 'de-CH'].map((code) => ({
      resourceType: 'Patient',
      communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code }] } }],
    }));
    expect(find(patients, 'language:below=urn:ietf:bcp:47|en')).toEqual([0, 1]);
    expect(find(patients, 'language:above=urn:ietf:bcp:47|en-US')).toEqual([0, 1]);
  });
});

describe('a hierarchy of references', () => {
  const at = (id: string, whole?: string): Resource => ({
    resourceType: 'Location',
    id,
    ...(whole !== undefined && { partOf: { reference: `Location/${whole}` } }),
  });

  test('leads by what makes the whole: its own parameter, or that of the type it leads to', () => {
    const [location] = search('Procedure', 'location:below=Location/42').parts;
    expect(location?.criterion).toMatchObject({
      kind: 'hierarchy',
      parameter: { type: 'Procedure', code: 'location' },
      by: { type: 'Location', code: 'partof' },
      direction: 'below',
      from: ['42'],
    });
    const [organization] = search('Patient', 'organization:above=a,b').parts;
    expect(organization?.criterion).toMatchObject({ by: { type: 'Organization', code: 'partof' }, from: ['a', 'b'] });
    const [derived] = search('Observation', 'derived-from:below=Observation/1').parts;
    expect(derived?.criterion).toMatchObject({ by: { type: 'Observation', code: 'derived-from' } });
    const [task] = search('Task', 'part-of:below=1').parts;
    expect(task?.criterion).toMatchObject({ by: { type: 'Task', code: 'part-of' } });
  });

  test('what has no hierarchy is found by itself, where the parameter leads to one as well', () => {
    const [subject] = search('Observation', 'subject:below=Patient/1,Location/2').parts;
    expect(subject?.criterion).toMatchObject({
      kind: 'or',
      of: [
        { kind: 'hierarchy', by: { type: 'Location' }, from: ['2'] },
        { kind: 'value', anyOf: [{ kind: 'reference', type: 'Patient', id: '1' }] },
      ],
    });
  });

  test('a parameter that leads to no hierarchy refuses them', () => {
    expect(() => search('Condition', 'subject:below=Patient/1')).toThrow(/subject:below.*hierarchy/);
  });

  test('the place itself is found without asking for others', () => {
    expect(find([at('1', '0'), at('2', '1'), at('3')], 'partof:below=Location/0')).toEqual([0]);
  });
});

describe('codes', () => {
  test('a parameter without codes refuses them', () => {
    for (const query of ['identifier:in=http://v', '_id:not-in=http://v', 'active:below=urn:s|true']) {
      expect(() => search('Patient', query), query).toThrow(/has no codes/);
    }
  });

  test('a code needs a system', () => {
    expect(() => search('Observation', 'code:below=8480-6')).toThrow(/write system\|code/);
    expect(() => search('Observation', 'code:below=urn:s|')).toThrow(/write system\|code/);
  });
});
