/** What the tests of terminology over HTTP share. https://hl7.org/fhir/R4/terminology-service.html */
import { expect } from 'vitest';
import type { LoadedConcept, LoadedSystem } from '../../src/store/terminology.ts';
import type { Json, Reply, TestServer } from './server.ts';

export const joints = 'http://example.org/CodeSystem/joints';

/** A code system that is loaded: joints and what is done to them. */
export const jointSystem: LoadedSystem = {
  url: joints,
  version: '2022',
  title: 'Joints',
  caseSensitive: true,
  properties: [
    { code: 'billable', type: 'boolean' },
    { code: 'replaces', type: 'code' },
    { code: 'weight', type: 'integer' },
  ],
};
export const jointConcepts: readonly LoadedConcept[] = [
  { code: 'J', display: 'Joint', parents: [], abstract: true },
  { code: 'J1', display: 'Knee', parents: ['J'], definition: 'Between thigh and shin' },
  {
    code: 'J1.1',
    display: 'Left knee',
    parents: ['J1'],
    properties: [
      ['billable', 'true'],
      ['weight', '3'],
    ],
    designations: [{ value: 'Linkes Knie', language: 'de', use: 'synonym' }],
  },
  { code: 'J1.2', display: 'Right knee', parents: ['J1'], properties: [['billable', 'true']] },
  { code: 'J1.9', display: 'Knee, formerly', parents: ['J1'], inactive: true, properties: [['replaces', 'J1.1']] },
  { code: 'J2', display: 'Hip', parents: ['J'] },
  { code: 'J2.1', display: 'Left hip', parents: ['J2'], properties: [['billable', 'true']] },
];

/** Loads it. */
export async function loadJoints(server: TestServer, concepts = jointConcepts, version = '2022'): Promise<void> {
  await server.context.store.terminology.load({ ...jointSystem, version }, async function* () {
    yield concepts;
  });
}

export const bones = 'http://example.org/CodeSystem/bones';

/** A code system in a resource. */
export const boneSystem: Json = {
  resourceType: 'CodeSystem',
  id: 'bones',
  url: bones,
  version: '1',
  name: 'Bones',
  title: 'Bones of the leg',
  status: 'active',
  content: 'complete',
  property: [
    { code: 'inactive', type: 'boolean', uri: 'http://hl7.org/fhir/concept-properties#inactive' },
    { code: 'notSelectable', type: 'boolean', uri: 'http://hl7.org/fhir/concept-properties#notSelectable' },
    { code: 'side', type: 'code' },
  ],
  concept: [
    {
      code: 'leg',
      display: 'Leg bones',
      property: [{ code: 'notSelectable', valueBoolean: true }],
      concept: [
        {
          code: 'femur',
          display: 'Femur',
          definition: 'The bone of the thigh',
          designation: [{ language: 'de', value: 'Oberschenkelknochen' }],
        },
        { code: 'tibia', display: 'Tibia', property: [{ code: 'side', valueCode: 'inner' }] },
        { code: 'splint', display: 'Splint bone', property: [{ code: 'inactive', valueBoolean: true }] },
      ],
    },
  ],
};

export const valueSet = (id: string, include: readonly Json[], more: Json = {}): Json => ({
  resourceType: 'ValueSet',
  id,
  url: `http://example.org/ValueSet/${id}`,
  status: 'active',
  compose: { include, ...more },
});

/** The parameters of an answer by name: values, and parts of those that have some. */
export function outOf(reply: Reply): Json {
  expect(reply.status, reply.text).toBe(200);
  const out: Record<string, Json[]> = {};
  for (const parameter of reply.body.parameter)
    out[parameter.name] = [...(out[parameter.name] ?? []), valueIn(parameter)];
  return Object.fromEntries(
    Object.entries(out).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
}

function valueIn({ name: _name, part, ...value }: Json): Json {
  if (part === undefined) return Object.values(value)[0];
  return Object.fromEntries(part.map((each: Json) => [each.name, valueIn(each)]));
}

/** The issue of a refusal: its status, code and text. */
export function refusedWith(reply: Reply): string {
  const [issue] = reply.body.issue;
  return `${reply.status} ${issue.code}: ${issue.diagnostics}`;
}

/** Parameters that carry these. */
export const parameters = (...parameter: readonly Json[]): Json => ({ resourceType: 'Parameters', parameter });
