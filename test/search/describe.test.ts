/** Criteria in words. https://hl7.org/fhir/R4/search.html */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeSort, describe as inWords } from '../../src/search/describe.ts';
import { arbitraryCriterion, arbitrarySort } from './arbitraries.ts';
import { search } from './setup.ts';

const meaning = (type: string, query: string): string | undefined => {
  const [part] = search(type, query).parts;
  return part && inWords(part.criterion);
};

describe('a criterion in words', () => {
  it.each([
    ['Patient', '', 'any'],
    ['Patient', 'name=Ann', 'name starts with "ann"'],
    ['Patient', 'name:exact=Ann&gender:not=male', 'name is exactly "Ann" and not (gender is male)'],
    ['Patient', 'identifier=urn:s|1,|2', 'identifier is urn:s|1 or is (no system)|2'],
    ['Patient', 'birthdate=ge2000', 'birthdate ends > 2000-12-31T23:00:00.000Z or starts >= 1999-12-31T23:00:00.000Z'],
    ['Patient', 'email:missing=true', 'email has no value'],
    ['Observation', 'value-quantity=5.4||mg', 'value-quantity starts >= 5.35 and ends < 5.45 in mg'],
    ['Observation', 'subject:Patient.name=a', 'subject leads to a Patient with (name starts with "a")'],
    ['Patient', '_has:Observation:patient:_id=1', 'a Observation with (_id is 1) refers to it by patient'],
  ])('%s?%s', (type, query, words) => {
    expect(meaning(type, query)).toBe(words);
  });

  it('shows the first of many alternatives', () => {
    const ids = Array.from({ length: 30 }, (_, n) => `i${n}`);
    expect(meaning('Patient', `_id=${ids.join()}`)).toMatch(/^_id is i0 or i1 .* or i9 or 20 more$/);
  });

  it('is there for every criterion and sort', () => {
    fc.assert(
      fc.property(arbitraryCriterion('Patient'), arbitrarySort('Patient'), (criterion, sort) => {
        expect(inWords(criterion)).toMatch(/\S/);
        for (const key of sort) expect(describeSort(key)).toMatch(/^-?\S+$/);
      }),
    );
  });
});
