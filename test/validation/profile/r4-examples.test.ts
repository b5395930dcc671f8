/** R4's examples hold to the profiles that they name and to the definitions of their extensions. */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { isResource, type JsonValue } from '../../../src/fhir/resource.ts';
import { ProfileChecks } from '../../../src/validation/profile/checks.ts';
import { CheckTime } from '../../../src/validation/time.ts';
import { haveR4Examples, r4Examples } from '../../r4-examples.ts';
import { filed, sourceOf } from './source.ts';

/** File → elements at fault, without indexes, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  // The extension is for texts and codes, and stands beside one there.
  'Bundle-valueset-expansions.json': 'Bundle.entry.resource.expansion.contains.extension',
};

const have = await haveR4Examples();

describe.skipIf(!have)('examples of R4', () => {
  it('hold to their profiles and extensions', async () => {
    const checks = new ProfileChecks(loadDefinitions(), sourceOf(filed()));
    const faulty: Record<string, string> = {};
    for await (const { file, bytes } of r4Examples()) {
      const resource: JsonValue = JSON.parse(bytes.toString('utf8'));
      if (!isResource(resource)) continue;
      const time = new CheckTime(60_000);
      const issues = await checks.check({ resource, path: resource.resourceType, profiles: [], named: true, time });
      const errors = issues.filter(({ severity }) => severity === 'error');
      const elements = errors
        .flatMap(({ expression }) => expression ?? [])
        .map((each) => each.replace(/\[[0-9]+\]/g, ''));
      if (errors.length > 0) faulty[file] = [...new Set(elements)].join(', ');
    }
    expect(faulty).toEqual(exceptions);
  }, 120_000);
});
