/** Each error-level invariant of R4 shows in what a validation finds. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { check } from './checking.ts';
import { administration } from './invariants/administration.ts';
import { conformance } from './invariants/conformance.ts';
import { dataTypes } from './invariants/data-types.ts';
import { structures, tests } from './invariants/structures.ts';

const rows = [...dataTypes, ...administration, ...conformance, ...structures(), ...tests()];

/** Checked by its JSON structure, before a validation: an element without anything is 400. */
const elsewhere: ReadonlySet<string> = new Set(['ele-1']);

async function broken(type: string, content: JsonObject): Promise<readonly (string | undefined)[]> {
  const issues = await check({ resourceType: type, ...content });
  return issues.filter(({ severity }) => severity === 'error').map(({ details }) => details?.coding[0].code);
}

describe('a validation', () => {
  it.each(rows.filter(([rule]) => !elsewhere.has(rule)))(
    'finds what breaks %s in a %s',
    async (rule, type, breaks, keeps) => {
      const key = rule.split(' ')[0] ?? '';
      expect(await broken(type, breaks)).toContain(key);
      expect(await broken(type, keeps)).not.toContain(key);
    },
  );
});
