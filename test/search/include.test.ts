/** Includes, on a store that is a list. https://hl7.org/fhir/R4/search.html#include */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { collectIncludes, type Find, type Found, type IncludeSources } from '../../src/search/include.ts';
import { matches, type Others } from '../../src/search/match.ts';
import { extract, search } from './setup.ts';

interface Kept extends Found {
  readonly resource: Resource;
}

function kept(resource: Resource, versionId = 1): Kept {
  return { type: resource.resourceType, id: resource.id ?? '', versionId, resource };
}

const observation = (id: string, reference: string): Resource => ({
  resourceType: 'Observation',
  id,
  subject: { reference },
});
const patient = (id: string, more: Partial<Resource> = {}): Resource => ({ resourceType: 'Patient', id, ...more });

/** What a search on these resources includes, in no order; `asked` collects the searched types. */
async function include(
  resources: readonly Resource[],
  found: readonly string[],
  query: string,
  { cap = 100, versions = [] as readonly Kept[], sources = true, asked = [] as string[] } = {},
): Promise<{ readonly keys: readonly string[]; readonly capped: boolean }> {
  const all = resources.map((resource) => kept(resource));
  const key = ({ type, id, versionId }: Found): string => `${type}/${id}${versionId === 1 ? '' : `/${versionId}`}`;
  const hits = all.filter((each) => found.includes(`${each.type}/${each.id}`));
  const indexed = ({ type, id, resource }: Kept) => ({ type, id, lastUpdated: 0, entries: extract(resource) });
  const others: Others = {
    get: (type, id) => all.filter((each) => each.type === type && each.id === id).map(indexed)[0],
    of: (type) => all.filter((each) => each.type === type).map(indexed),
  };
  const find: Find<Kept> = async ({ type, criterion }, limit) => {
    asked.push(type);
    return all
      .filter((each) => each.type === type)
      .filter((each) => matches(criterion, indexed(each), others))
      .slice(0, limit);
  };
  const following: IncludeSources<Kept> = {
    entries: ({ resource }) => extract(resource),
    refersOtherwise: ({ resource }) => JSON.stringify(resource).includes('/_history/'),
    vread: async (type, id, versionId) =>
      [...versions, ...all].find(
        (each) => each.type === type && each.id === id && String(each.versionId) === versionId,
      ),
    has: (type) => all.some((each) => each.type === type),
  };
  const { includes, revincludes } = search(hits[0]?.type ?? 'Patient', query);
  const collected = sources
    ? await collectIncludes(find, hits, includes, revincludes, cap, following)
    : await collectIncludes(find, hits, includes, revincludes, cap);
  return { keys: collected.included.map(key).sort(), capped: collected.capped };
}

describe('_include', () => {
  const resources = [
    patient('1'),
    patient('2'),
    observation('a', 'Patient/1'),
    observation('b', 'Patient/1'),
    observation('c', 'Patient/gone'),
    { resourceType: 'Group', id: '1' },
  ];

  test('gives what matches refer to, once', async () => {
    const all = ['Observation/a', 'Observation/b', 'Observation/c'];
    expect(await include(resources, all, '_include=Observation:subject')).toEqual({
      keys: ['Patient/1'],
      capped: false,
    });
    expect((await include(resources, ['Observation/c'], '_include=Observation:subject')).keys).toEqual([]);
  });

  test('of a target type gives only that type', async () => {
    expect((await include(resources, ['Observation/a'], '_include=Observation:subject:Group')).keys).toEqual([]);
    expect((await include(resources, ['Observation/a'], '_include=Observation:*')).keys).toEqual(['Patient/1']);
  });

  test('asks only for types that exist', async () => {
    const asked: string[] = [];
    await include(resources, ['Observation/a'], '_include=*', { asked });
    expect(asked.sort()).toEqual(['Group', 'Observation', 'Patient']);
  });

  test('never gives a match again', async () => {
    const linked = [patient('1', { link: [{ other: { reference: 'Patient/2' } }] }), patient('2')];
    expect((await include(linked, ['Patient/1'], '_include=Patient:link')).keys).toEqual(['Patient/2']);
    expect((await include(linked, ['Patient/1', 'Patient/2'], '_include=Patient:link')).keys).toEqual([]);
  });

  test('through a versioned reference gives that version', async () => {
    const old = [kept(patient('1'), 7)];
    const versioned = [...resources, observation('v', 'Patient/1/_history/7')];
    expect(
      (await include(versioned, ['Observation/v'], '_include=Observation:subject', { versions: old })).keys,
    ).toEqual(['Patient/1/7']);
    const both = ['Observation/a', 'Observation/v'];
    expect((await include(versioned, both, '_include=Observation:subject', { versions: old })).keys).toEqual([
      'Patient/1',
      'Patient/1/7',
    ]);
    expect(
      (await include(versioned, ['Observation/v'], '_include=Observation:subject', { sources: false })).keys,
    ).toEqual(['Patient/1']);
  });

  test('follows canonicals, to the version that they name', async () => {
    const canonical = (id: string, questionnaire: string): Resource => ({
      resourceType: 'QuestionnaireResponse',
      id,
      questionnaire,
    });
    const questionnaires = [
      { resourceType: 'Questionnaire', id: 'q1', url: 'http://q', version: '1' },
      { resourceType: 'Questionnaire', id: 'q2', url: 'http://q', version: '2' },
      canonical('any', 'http://q'),
      canonical('two', 'http://q|2'),
    ];
    const query = '_include=QuestionnaireResponse:questionnaire';
    expect((await include(questionnaires, ['QuestionnaireResponse/any'], query)).keys).toEqual([
      'Questionnaire/q1',
      'Questionnaire/q2',
    ]);
    expect((await include(questionnaires, ['QuestionnaireResponse/two'], query)).keys).toEqual(['Questionnaire/q2']);
    expect(
      (await include(questionnaires, ['Questionnaire/q1'], '_revinclude=QuestionnaireResponse:questionnaire')).keys,
    ).toEqual(['QuestionnaireResponse/any']);
  });
});

describe(':iterate', () => {
  const part = (id: string, of?: string): Resource => ({
    resourceType: 'Location',
    id,
    ...(of === undefined ? {} : { partOf: { reference: `Location/${of}` } }),
  });
  const tree = [part('ward', 'house'), part('house', 'site'), part('site'), part('other')];

  test('follows a hierarchy to its end, in both directions', async () => {
    expect((await include(tree, ['Location/ward'], '_include=Location:partof')).keys).toEqual(['Location/house']);
    expect((await include(tree, ['Location/ward'], '_include:iterate=Location:partof')).keys).toEqual([
      'Location/house',
      'Location/site',
    ]);
    expect((await include(tree, ['Location/site'], '_revinclude:iterate=Location:partof')).keys).toEqual([
      'Location/house',
      'Location/ward',
    ]);
  });

  test('ends in a circle, and at the cap', async () => {
    const circle = [part('a', 'b'), part('b', 'c'), part('c', 'a')];
    expect((await include(circle, ['Location/a'], '_include:iterate=Location:partof')).keys).toEqual([
      'Location/b',
      'Location/c',
    ]);
    const chain = Array.from({ length: 10 }, (_, n) => part(`${n}`, `${n + 1}`));
    expect(await include(chain, ['Location/0'], '_include:iterate=Location:partof', { cap: 3 })).toEqual({
      keys: ['Location/1', 'Location/2', 'Location/3'],
      capped: true,
    });
  });

  test('follows what other includes brought, of types that are not searched', async () => {
    const all = [
      observation('o', 'Patient/p'),
      patient('p', { managingOrganization: { reference: 'Organization/x' } }),
      { resourceType: 'Organization', id: 'x', partOf: { reference: 'Organization/y' } },
      { resourceType: 'Organization', id: 'y' },
      { resourceType: 'Endpoint', id: 'e', managingOrganization: { reference: 'Organization/y' } },
    ];
    const query = (...more: readonly string[]) => ['_include=Observation:subject', ...more].join('&');
    const keys = async (...more: readonly string[]) => (await include(all, ['Observation/o'], query(...more))).keys;
    const up = '_include:iterate=Organization:partof';
    expect(await keys(up)).toEqual(['Patient/p']);
    expect(await keys('_include:iterate=Patient:organization')).toEqual(['Organization/x', 'Patient/p']);
    expect(await keys('_include:iterate=Patient:organization', up)).toEqual([
      'Organization/x',
      'Organization/y',
      'Patient/p',
    ]);
    expect(await keys('_include:iterate=*', '_revinclude:iterate=Endpoint:organization')).toEqual([
      'Endpoint/e',
      'Organization/x',
      'Organization/y',
      'Patient/p',
    ]);
  });

  test('is what repeated includes give, whatever refers to what', async () => {
    const ids = ['0', '1', '2', '3', '4', '5'];
    const anyForest = fc.tuple(...ids.map(() => fc.option(fc.constantFrom(...ids), { nil: undefined })));
    await fc.assert(
      fc.asyncProperty(anyForest, fc.constantFrom(...ids), fc.boolean(), async (parents, start, forward) => {
        const all = ids.map((id, n) => part(id, parents[n]));
        const plain = forward ? '_include=Location:partof' : '_revinclude=Location:partof';
        const reached = new Set([`Location/${start}`]);
        for (let size = 0; size < reached.size; ) {
          size = reached.size;
          for (const key of (await include(all, [...reached], plain)).keys) reached.add(key);
        }
        const iterated = await include(all, [`Location/${start}`], plain.replace('=', ':iterate='));
        expect([`Location/${start}`, ...iterated.keys].sort()).toEqual([...reached].sort());
      }),
    );
  });
});

describe('_revinclude', () => {
  const resources = [
    patient('1'),
    patient('2'),
    ...['a', 'b', 'c'].map((id) => observation(id, 'Patient/1')),
    observation('d', 'Patient/2'),
  ];

  test('gives what refers to matches', async () => {
    expect(await include(resources, ['Patient/1'], '_revinclude=Observation:subject')).toEqual({
      keys: ['Observation/a', 'Observation/b', 'Observation/c'],
      capped: false,
    });
    expect(
      await include(
        resources,
        ['Patient/2'],
        '_revinclude=Observation:subject:Group&_revinclude=Observation:patient',
      ).catch(() => undefined),
    ).toBeUndefined();
    expect((await include(resources, ['Patient/2'], '_revinclude=Observation:*')).keys).toEqual(['Observation/d']);
  });

  test('says when the cap cuts, and only then', async () => {
    expect(await include(resources, ['Patient/1'], '_revinclude=Observation:subject', { cap: 3 })).toMatchObject({
      capped: false,
    });
    const cut = await include(resources, ['Patient/1'], '_revinclude=Observation:subject', { cap: 2 });
    expect(cut.keys).toHaveLength(2);
    expect(cut.capped).toBe(true);
  });
});
