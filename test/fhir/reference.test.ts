import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../../src/fhir/reference.ts';

const BASE = 'http://127.0.0.1:8080/fhir';

describe('parseReference', () => {
  test.each([
    ['Patient/1', { kind: 'local', type: 'Patient', id: '1' }],
    ['Patient/1/_history/3', { kind: 'local', type: 'Patient', id: '1', version: '3' }],
    [`${BASE}/Patient/a.b-c`, { kind: 'local', type: 'Patient', id: 'a.b-c' }],
    [`${BASE}/Patient/1/_history/3`, { kind: 'local', type: 'Patient', id: '1', version: '3' }],
    [`${BASE}x/Patient/1`, { kind: 'absolute', url: `${BASE}x/Patient/1` }],
    [`${BASE}/Patient`, { kind: 'absolute', url: `${BASE}/Patient` }],
    [`${BASE}/Patient?identifier=1`, { kind: 'absolute', url: `${BASE}/Patient?identifier=1` }],
    ['https://127.0.0.1:8080/fhir/Patient/1', { kind: 'absolute', url: 'https://127.0.0.1:8080/fhir/Patient/1' }],
    ['http://other.org/fhir/Patient/1', { kind: 'absolute', url: 'http://other.org/fhir/Patient/1' }],
    ['ftp://other.org/x', { kind: 'absolute', url: 'ftp://other.org/x' }],
    [
      'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
      { kind: 'urn', urn: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' },
    ],
    ['URN:oid:1.2.3', { kind: 'urn', urn: 'URN:oid:1.2.3' }],
    ['#p1', { kind: 'fragment', id: 'p1' }],
    ['#', { kind: 'fragment', id: '' }],
    ['Patient?identifier=a|b', { kind: 'other', text: 'Patient?identifier=a|b' }],
    ['/Patient/1', { kind: 'other', text: '/Patient/1' }],
    ['Patient/', { kind: 'other', text: 'Patient/' }],
    ['Patient/a_b', { kind: 'other', text: 'Patient/a_b' }],
    ['patient/1', { kind: 'other', text: 'patient/1' }],
    ['Patient/1/_history', { kind: 'other', text: 'Patient/1/_history' }],
    ['Patient/1/x/2', { kind: 'other', text: 'Patient/1/x/2' }],
    ['Patient/1#x', { kind: 'other', text: 'Patient/1#x' }],
    ['', { kind: 'other', text: '' }],
  ])('of %s', (text, expected) => {
    expect(parseReference(text, BASE)).toEqual(expected);
    expect(parseReference(text, `${BASE}/`)).toEqual(expected);
  });

  test('a relative reference and the absolute one to our base mean the same', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
    fc.assert(
      fc.property(id, fc.option(id), (logicalId, version) => {
        const relative = `Observation/${logicalId}${version === null ? '' : `/_history/${version}`}`;
        expect(parseReference(`${BASE}/${relative}`, BASE)).toEqual(parseReference(relative, BASE));
        expect(parseReference(relative, BASE)).toEqual({
          kind: 'local',
          type: 'Observation',
          id: logicalId,
          ...(version === null ? {} : { version }),
        });
      }),
    );
  });
});
