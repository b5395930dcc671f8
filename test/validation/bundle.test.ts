/** Bundles: their full URLs, their resources, the references of documents. https://hl7.org/fhir/R4/bundle.html */
import { describe, expect, it } from 'vitest';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { check, shown } from './checking.ts';

const patient = { resourceType: 'Patient', id: '1' };

function collection(...entry: readonly JsonObject[]): Resource {
  return { resourceType: 'Bundle', type: 'collection', entry };
}

function document(composition: JsonObject, ...entry: readonly JsonObject[]): Resource {
  const base = {
    ...{ resourceType: 'Composition', id: 'c', status: 'final', date: '2020', title: 'x', type: { text: 'x' } },
    ...{ author: [{ reference: 'Practitioner/1' }] },
  };
  return {
    ...{ resourceType: 'Bundle', type: 'document', timestamp: '2020-01-01T00:00:00Z' },
    identifier: { system: 'http://example.org', value: '1' },
    entry: [
      { fullUrl: 'http://example.org/r4/Composition/c', resource: { ...base, ...composition } },
      { fullUrl: 'http://example.org/r4/Practitioner/1', resource: { resourceType: 'Practitioner', id: '1' } },
      ...entry,
    ],
  };
}

const observation = (versionId: string): JsonObject => ({
  fullUrl: 'http://example.org/r4/Observation/o',
  resource: { resourceType: 'Observation', id: 'o', meta: { versionId }, status: 'final', code: { text: 'x' } },
});

describe('a Bundle', () => {
  it('has full URLs that agree with their resources', async () => {
    const sound = collection(
      { fullUrl: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520', resource: { resourceType: 'Patient' } },
      { fullUrl: 'http://example.org/r4/Patient/1', resource: patient },
      { fullUrl: 'http://example.org/canonical/1', resource: patient },
    );
    expect(shown(await check(sound))).toEqual([]);
    const faulty = collection(
      { fullUrl: 'Patient/1', resource: patient },
      { fullUrl: 'http://example.org/r4/Patient/2', resource: patient },
      { fullUrl: 'http://example.org/r4/Group/1', resource: patient },
    );
    expect(shown(await check(faulty))).toEqual([
      'error bundle-full-url Bundle.entry[0].fullUrl',
      'error bundle-full-url Bundle.entry[1].fullUrl',
      'error bundle-full-url Bundle.entry[2].fullUrl',
    ]);
  });

  it('of a document has them for all', async () => {
    const practitioner = { resource: { resourceType: 'Practitioner', id: '2' } };
    expect(shown(await check(document({}, practitioner)))).toEqual(['error bundle-full-url Bundle.entry[2].fullUrl']);
    expect(shown(await check(collection(practitioner)))).toEqual([]);
  });

  it('has no version in a full URL, and one entry for each', async () => {
    const url = 'http://example.org/r4/Patient/1';
    const twice = collection({ fullUrl: url, resource: patient }, { fullUrl: url, resource: patient });
    expect(shown(await check(twice))).toEqual(['error bdl-7 Bundle']);
    const versioned = collection({ fullUrl: `${url}/_history/1`, resource: patient });
    expect(shown(await check(versioned))).toEqual(['error bdl-8 Bundle.entry[0]']);
  });

  it('has resources that are checked as such', async () => {
    const contained = [{ resourceType: 'Practitioner', id: 'p' }];
    const faulty = collection(
      { resource: { ...patient, gender: 'x' } },
      { resource: { ...patient, contained, generalPractitioner: [{ reference: '#p' }] } },
      { resource: { ...patient, contained } },
      { resource: { ...patient, generalPractitioner: [{ reference: '#p' }] } },
    );
    expect([...shown(await check(faulty))].sort()).toEqual([
      'error binding Bundle.entry[0].resource.gender',
      'error dom-3 Bundle.entry[2].resource.contained[0]',
      'error ref-1 Bundle.entry[3].resource.generalPractitioner[0].reference',
    ]);
  });

  it('that a search found has ids, and outcomes where it says so', async () => {
    const found: Resource = {
      ...{ resourceType: 'Bundle', type: 'searchset' },
      entry: [
        { resource: { resourceType: 'Patient' }, search: { mode: 'match' } },
        { resource: patient, search: { mode: 'outcome' } },
      ],
    };
    expect(shown(await check(found))).toEqual([
      'error bundle-search Bundle.entry[0].resource.id',
      'error bundle-search Bundle.entry[1].resource',
    ]);
  });

  it('that is a document has what its Composition refers to', async () => {
    const sound = document(
      {
        subject: { reference: 'http://example.org/r4/Patient/1' },
        section: [{ entry: [{ reference: 'Observation/o/_history/2' }] }],
      },
      { fullUrl: 'http://example.org/r4/Patient/1', resource: patient },
      observation('1'),
      observation('2'),
    );
    expect(shown(await check(sound))).toEqual([]);
    const faulty = document(
      {
        subject: { reference: 'Patient/1' },
        attester: [{ mode: 'legal', party: { reference: 'http://example.com/r4/Practitioner/1' } }],
        section: [
          { section: [{ entry: [{ reference: 'Observation/o' }, { reference: 'Observation/o/_history/3' }] }] },
        ],
      },
      observation('1'),
      observation('2'),
    );
    const composition = 'error document-reference Bundle.entry[0].resource';
    expect(shown(await check(faulty))).toEqual([
      `${composition}.subject.reference`,
      `${composition}.attester[0].party.reference`,
      `${composition}.section[0].section[0].entry[0].reference`,
      `${composition}.section[0].section[0].entry[1].reference`,
    ]);
  });
});
