/** What Synthea makes keeps R4's own rules, but for languages of another code system. https://hl7.org/fhir/R4/validation.html */
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { check } from './checking.ts';

const folder = join(process.env.OSTEON_TEST_DATA ?? '../shared/data', 'synthea');
const files = ['smart-2019-617-bundles.ndjson.gz', 'blaze-2021-122-bundles.ndjson.gz'];
/** Of each file: some 15,000 resources. */
const bundles = 40;

async function* resources(file: string): AsyncGenerator<Resource> {
  const input = createReadStream(join(folder, file)).pipe(createGunzip());
  let read = 0;
  for await (const line of createInterface({ input })) {
    const { entry }: { entry: readonly { resource: Resource }[] } = JSON.parse(line);
    for (const { resource } of entry) yield resource;
    read += 1;
    if (read === bundles) return;
  }
}

describe('data of Synthea', () => {
  for (const file of files) {
    const absent = !existsSync(join(folder, file));
    it.skipIf(absent)(
      `is valid: ${file}`,
      async () => {
        const faults = new Set<string>();
        let checked = 0;
        for await (const resource of resources(file)) {
          for (const { severity, diagnostics } of await check(resource))
            if (severity === 'error') faults.add(diagnostics);
          checked += 1;
        }
        expect(checked).toBeGreaterThan(5_000);
        // Arabic and Hindi are coded in ISO 639-1 as the Library of Congress has it; R4: "limited to AllLanguages", BCP 47.
        const languages =
          'Patient.communication[0].language must be a code of the value set http://hl7.org/fhir/ValueSet/all-languages';
        expect([...faults].filter((fault) => fault !== languages)).toEqual([]);
      },
      120_000,
    );
  }
});
