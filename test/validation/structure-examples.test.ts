/** Every example of R4 has a sound structure, but for faults that R4's own text condemns. */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { checkStructure } from '../../src/validation/structure.ts';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';

/** File → expression of its fault, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  // Its id has 69 characters, and an id has at most 64: https://hl7.org/fhir/R4/datatypes.html#id
  'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json': 'SearchParameter.id',
};

const have = await haveR4Examples();

describe.skipIf(!have)('examples of R4', () => {
  it('are sound', async () => {
    const definitions = loadDefinitions();
    const faulty: Record<string, string> = {};
    let examples = 0;
    for await (const { file, bytes } of r4Examples()) {
      const issues = checkStructure(JSON.parse(bytes.toString('utf8')), definitions);
      if (issues.length > 0) faulty[file] = issues.flatMap(({ expression }) => expression ?? []).join(', ');
      examples += 1;
    }
    expect(examples).toBe(5306);
    expect(faulty).toEqual(exceptions);
  }, 120_000);
});
