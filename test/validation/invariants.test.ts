/** Each error-level invariant of R4, broken and kept. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import { describe, expect, it } from 'vitest';
import { administration } from './invariants/administration.ts';
import { brokenRules, names, rules } from './invariants/broken.ts';
import { conformance } from './invariants/conformance.ts';
import { dataTypes } from './invariants/data-types.ts';
import { structures, tests } from './invariants/structures.ts';

const rows = [...dataTypes, ...administration, ...conformance, ...structures(), ...tests()];
const errors = rules.filter(({ severity }) => severity === 'error');

describe('invariants of R4', () => {
  it('has a row for each error-level invariant, and for nothing else', () => {
    const wanted = new Set(errors.map(({ key, expression }) => names.get(`${key} ${expression}`)));
    expect(wanted.size).toBe(205);
    expect(rows.map(([rule]) => rule).sort()).toEqual([...wanted].sort());
  });

  it.each(rows)('%s is broken and kept by resources of type %s', (rule, type, breaks, keeps) => {
    const key = rule.split(' ')[0] ?? '';
    expect(brokenRules({ resourceType: type, ...breaks })).toContain(key);
    expect(brokenRules({ resourceType: type, ...keeps })).not.toContain(key);
  });
});
