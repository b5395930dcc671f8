/** The algebra of sets of codes. https://hl7.org/fhir/R4/valueset.html#compositions */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Codes, difference, has, intersection, union } from '../../src/terminology/codes.ts';

const systems = ['s', 't'] as const;
const codes = ['a', 'b', 'c', 'd'] as const;

const arbitraryCodes: fc.Arbitrary<Codes> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...systems), fc.boolean(), fc.subarray([...codes])), {
    selector: ([system]) => system,
    maxLength: 2,
  })
  .map((parts) => new Map(parts.map(([system, others, listed]) => [system, { others, codes: new Set(listed) }])));

test('a code is in a combination as its membership in the parts says', () => {
  fc.assert(
    fc.property(arbitraryCodes, arbitraryCodes, arbitraryCodes, (a, b, c) => {
      const all = union([a, b, c]);
      for (const system of systems) {
        for (const code of codes) {
          const [inA, inB, inC] = [a, b, c].map((set) => has(set, system, code));
          expect(has(all, system, code)).toBe(inA || inB || inC);
          expect(has(intersection(a, b), system, code)).toBe(inA && inB);
          expect(has(difference(a, b), system, code)).toBe(inA && !inB);
        }
      }
    }),
  );
});
