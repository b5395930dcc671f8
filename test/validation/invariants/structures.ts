/** Invariants of StructureDefinition, TestScript and TestReport. https://hl7.org/fhir/R4/structuredefinition.html */
import type { Row } from './row.ts';

type Content = Row[2];

const identified = (path: string, more: Content = {}): Content => ({ id: path, path, ...more });

export function structures(): readonly Row[] {
  const row = (rule: string, breaks: Content, keeps: Content): Row => [rule, 'StructureDefinition', breaks, keeps];
  const differential = (...element: readonly Content[]): Content => ({ differential: { element } });
  const snapshot = (...element: readonly Content[]): Content => ({ snapshot: { element } });
  const root = identified('Patient');
  const described = { definition: 'a', min: 0, max: '*' };
  const base = { base: { path: 'Patient', min: 0, max: '*' } };
  const url = 'http://hl7.org/fhir/StructureDefinition/a';
  return [
    row(
      'sdf-1',
      { derivation: 'specialization', ...snapshot(root, identified('Patient')) },
      { derivation: 'constraint', ...snapshot(root, identified('Patient')) },
    ),
    row('sdf-2', { mapping: [{ identity: 'a' }] }, { mapping: [{ identity: 'a', name: 'b' }] }),
    row('sdf-3', snapshot(identified('Patient', { min: 0, max: '*' })), snapshot(identified('Patient', described))),
    row('sdf-4', { abstract: false }, { abstract: true }),
    row(
      'sdf-5',
      { type: 'Extension', derivation: 'constraint' },
      { type: 'Extension', derivation: 'constraint', context: [{ type: 'element', expression: 'Patient' }] },
    ),
    row('sdf-6', { kind: 'resource' }, differential(root)),
    row(
      'sdf-8',
      { type: 'Group', kind: 'resource', ...snapshot(root) },
      { type: 'Patient', kind: 'resource', ...snapshot(root, identified('Patient.name')) },
    ),
    row(
      'sdf-8a',
      { type: 'Patient', kind: 'resource', ...differential(identified('Group.name')) },
      { type: 'Patient', kind: 'resource', ...differential(root, identified('Patient.name')) },
    ),
    row('sdf-8b', snapshot(root), snapshot(identified('Patient', base))),
    row(
      'sdf-9',
      differential(identified('Patient', { label: 'a' })),
      differential(root, identified('Patient.name', { label: 'a' })),
    ),
    row(
      'sdf-10',
      snapshot(identified('Patient.name', { binding: { strength: 'example' } })),
      snapshot(identified('Patient.name', { binding: { strength: 'example', description: 'a' } })),
    ),
    row(
      'sdf-11',
      { kind: 'resource', type: 'Group', ...snapshot(root) },
      { kind: 'resource', type: 'Patient', ...snapshot(root) },
    ),
    row('sdf-14', differential({ path: 'Patient' }), differential(root)),
    row(
      'sdf-15',
      { kind: 'resource', ...snapshot(identified('Patient', { type: [{ code: 'Patient' }] })) },
      { kind: 'logical', ...snapshot(identified('Patient', { type: [{ code: 'Patient' }] })) },
    ),
    row(
      'sdf-15a',
      { kind: 'resource', ...differential(identified('Patient', { type: [{ code: 'Patient' }] })) },
      { kind: 'resource', ...differential(identified('Patient.name', { type: [{ code: 'HumanName' }] })) },
    ),
    row('sdf-16', snapshot(root, root), snapshot(root, identified('Patient.name'))),
    row('sdf-17', differential(root, root), differential(root, identified('Patient.name'))),
    row('sdf-18', { type: 'Patient', contextInvariant: ['true'] }, { type: 'Extension', contextInvariant: ['true'] }),
    row(
      'sdf-19',
      { url, ...differential(identified('Patient.name', { type: [{ code: 'http://example.org/a' }] })) },
      {
        url,
        ...differential(identified('Patient.name', { type: [{ code: 'http://hl7.org/fhirpath/System.String' }] })),
      },
    ),
    row(
      'sdf-20',
      differential(identified('Patient', { slicing: { rules: 'open', description: 'a' } })),
      differential(identified('Patient.name', { slicing: { rules: 'open', description: 'a' } })),
    ),
    row(
      'sdf-21',
      { derivation: 'constraint', ...differential(identified('Patient.active', { defaultValueBoolean: true })) },
      { derivation: 'specialization', ...differential(identified('Patient.active', { defaultValueBoolean: true })) },
    ),
    row(
      'sdf-22',
      { url, ...differential(identified('Patient.active', { defaultValueBoolean: true })) },
      { url: 'http://example.org/a', ...differential(identified('Patient.active', { defaultValueBoolean: true })) },
    ),
    row(
      'sdf-23',
      differential(identified('Patient', { sliceName: 'a' })),
      differential(root, identified('Patient.name', { sliceName: 'a' })),
    ),
  ];
}

export function tests(): readonly Row[] {
  const script = (content: Content): Content => ({ setup: { action: [content] } });
  const testing = (content: Content): Content => ({ test: [{ action: [content] }] });
  const check = { assert: { contentType: 'json', warningOnly: false } };
  const operation = { operation: { encodeRequestUrl: true, sourceId: 'a' } };
  const two = { operation: { encodeRequestUrl: true, url: 'a', params: 'b' } };
  const both = { ...operation, ...check };
  const several = { assert: { warningOnly: false, contentType: 'json', expression: 'true' } };
  const compared = { assert: { warningOnly: false, compareToSourceId: 'a' } };
  const comparedTo = { assert: { warningOnly: false, compareToSourceId: 'a', compareToSourcePath: 'b' } };
  const directed = { assert: { warningOnly: false, direction: 'request', response: 'okay' } };
  const responded = { assert: { warningOnly: false, direction: 'response', response: 'okay' } };
  const result = { result: 'pass' };
  const reported = { operation: result, assert: result };
  return [
    ['inv-1 of TestReport', 'TestReport', script(reported), script({ operation: result })],
    ['inv-2', 'TestReport', testing(reported), testing({ assert: result })],
    ['tst-1', 'TestScript', script(both), script(check)],
    ['tst-2', 'TestScript', testing(both), testing(operation)],
    [
      'tst-3',
      'TestScript',
      { variable: [{ name: 'a', expression: 'b', headerField: 'c', path: 'd' }] },
      { variable: [{ name: 'a', expression: 'b', headerField: 'c' }] },
    ],
    [
      'tst-4',
      'TestScript',
      { metadata: { capability: [{ capabilities: 'urn:a', description: 'a' }] } },
      { metadata: { capability: [{ capabilities: 'urn:a', required: true, validated: false }] } },
    ],
    ['tst-5', 'TestScript', script(several), script(check)],
    ['tst-6', 'TestScript', testing(several), testing(check)],
    ['tst-7', 'TestScript', script(two), script(operation)],
    ['tst-8', 'TestScript', testing(two), testing(operation)],
    ['tst-9', 'TestScript', { teardown: { action: [two] } }, { teardown: { action: [operation] } }],
    ['tst-10', 'TestScript', script(compared), script(comparedTo)],
    ['tst-11', 'TestScript', testing(compared), testing(comparedTo)],
    ['tst-12', 'TestScript', script(directed), script(responded)],
    ['tst-13', 'TestScript', testing(directed), testing(responded)],
  ];
}
