/** `:in` and `:not-in`: what a value set's codes mean as tests. https://hl7.org/fhir/R4/search.html#token */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Resource } from '../../../src/fhir/resource.ts';
import { matches } from '../../../src/search/match.ts';
import type { SystemCodes, TermRequest } from '../../../src/search/terms.ts';
import { extract, now, search } from '../setup.ts';

const systems = ['urn:s', 'urn:t', 'http://loinc.org'] as const;
const codes = ['a', 'A', 'b', '8480-6'] as const;

const arbitrarySet: fc.Arbitrary<readonly SystemCodes[]> = fc.uniqueArray(
  fc.record({ system: fc.constantFrom(...systems), codes: fc.option(fc.subarray([...codes]), { nil: undefined }) }),
  { selector: ({ system }) => system },
);
const arbitraryResource: fc.Arbitrary<Resource> = fc
  .array(fc.record({ system: fc.constantFrom(...systems), code: fc.constantFrom(...codes) }), { maxLength: 2 })
  .map((coding) => ({ resourceType: 'Observation', ...(coding.length > 0 && { code: { coding } }) }));

function found(resources: readonly Resource[], query: string, set: readonly SystemCodes[]): readonly number[] {
  const [part] = search('Observation', query, { terms: () => set }).parts;
  return resources.flatMap((resource, n) => {
    const indexed = { type: 'Observation', id: String(n), lastUpdated: now, entries: extract(resource) };
    return part !== undefined && matches(part.criterion, indexed) ? [n] : [];
  });
}

describe('a value set', () => {
  test(':in finds what any of its codes does, :not-in all else', () => {
    fc.assert(
      fc.property(fc.array(arbitraryResource, { maxLength: 6 }), arbitrarySet, (resources, set) => {
        const within = found(resources, 'code:in=http://v', set);
        const spelled = set.flatMap(({ system, codes: some }) => (some ?? ['']).map((code) => `${system}|${code}`));
        expect(within).toEqual(spelled.length === 0 ? [] : found(resources, `code=${spelled.join()}`, []));
        const without = resources.flatMap((_, n) => (within.includes(n) ? [] : [n]));
        expect(found(resources, 'code:not-in=http://v', set)).toEqual(without);
      }),
    );
  });

  test('is asked for as it was written, once for each alternative', () => {
    const asked: TermRequest[] = [];
    const terms = (request: TermRequest) => {
      asked.push(request);
      return [];
    };
    search('Observation', 'code:in=http://v|1,ValueSet/x&code:below=urn:s|a\\,b', { terms });
    expect(asked).toEqual([
      { kind: 'in', parameter: 'code:in', valueSet: 'http://v|1' },
      { kind: 'in', parameter: 'code:in', valueSet: 'ValueSet/x' },
      { kind: 'below', parameter: 'code:below', system: 'urn:s', code: 'a,b' },
    ]);
  });

  test('a code element whose binding has several systems is indexed without one', () => {
    const terms = () => [{ system: 'http://hl7.org/fhir/request-intent', codes: ['order'] }];
    const [part] = search('Task', 'intent:in=http://v', { terms }).parts;
    const entries = extract({ resourceType: 'Task', intent: 'order' });
    expect(part !== undefined && matches(part.criterion, { type: 'Task', id: '1', lastUpdated: now, entries })).toBe(
      true,
    );
  });

  test('an empty set finds nothing', () => {
    expect(search('Observation', 'code:in=http://v', { terms: () => [] }).parts[0]?.criterion).toEqual({
      kind: 'or',
      of: [],
    });
  });
});
