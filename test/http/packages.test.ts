/** FHIR packages in `PROFILES`. https://hl7.org/fhir/R4/packages.html */
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, silent, type TestServer, testServer } from './server.ts';

const published = ['us-core/hl7.fhir.us.core-6.1.0.tgz', 'ips/hl7.fhir.uv.ips-1.1.0.tgz'].map((name) =>
  fileURLToPath(new URL(`../../../shared/data/${name}`, import.meta.url)),
);
const usCore = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient';
const ips = 'http://hl7.org/fhir/uv/ips/StructureDefinition/Patient-uv-ips';

const compose = { include: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender' }] };

describe.skipIf(!published.every((path) => existsSync(path)))('packages as they are published', () => {
  let directory: string;
  let server: TestServer;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'osteon-packages-'));
    for (const path of published) copyFileSync(path, join(directory, basename(path)));
    server = await testServer({ PROFILES: directory, VALIDATION: 'profiles' });
  });
  afterAll(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('are in the capability statement: guides, and the profiles of each type', async () => {
    const { body } = await server.get('/metadata');
    expect(body.implementationGuide).toEqual(
      ['http://hl7.org/fhir/uv/ips|1.1.0', 'http://hl7.org/fhir/us/core|6.1.0'].sort(),
    );
    const [patient] = body.rest[0].resource.filter(({ type }: Json) => type === 'Patient');
    expect(patient.supportedProfile).toEqual([usCore, ips].sort());
  });

  test('are what resources that name their profiles are checked against', async () => {
    const patient = { resourceType: 'Patient', meta: { profile: [usCore] }, name: [{ family: 'Holm' }] };
    const reply = await server.send('POST', '/Patient', patient);
    expect(reply.status, reply.text).toBe(422);
    const places = reply.body.issue.filter(({ severity }: Json) => severity === 'error');
    expect(places.flatMap(({ expression }: Json) => expression).sort()).toEqual([
      'Patient.gender',
      'Patient.identifier',
    ]);
    const identifier = [{ system: 'http://example.org/ids', value: '1' }];
    const sound = { ...patient, gender: 'female', identifier };
    expect((await server.send('POST', '/Patient', sound)).status).toBe(201);
  });

  test('are named where a definition that they use is deleted', async () => {
    const url = 'http://hl7.org/fhir/us/core/ValueSet/birthsex';
    const set = { resourceType: 'ValueSet', id: 'birthsex', url, status: 'active', compose };
    expect((await server.send('PUT', '/ValueSet/birthsex', set)).status).toBe(201);
    const reply = await server.send('DELETE', '/ValueSet/birthsex');
    expect(reply.status).toBe(200);
    expect(reply.text).toContain('http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex');
  });

  test('that can’t be read are left out and told, and the rest counts', async () => {
    writeFileSync(join(directory, 'broken.tgz'), 'no package');
    const told: string[] = [];
    const error = (fields: object) => told.push(JSON.stringify(fields));
    const other = await testServer({ PROFILES: directory }, { ...silent, error });
    try {
      expect((await other.get('/metadata')).body.implementationGuide).toHaveLength(2);
      expect(told).toEqual([expect.stringMatching(/broken\.tgz: .*; it is left out/)]);
    } finally {
      await other.close();
      rmSync(join(directory, 'broken.tgz'));
    }
  });
});
