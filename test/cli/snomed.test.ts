/** What a release of SNOMED CT is held in while it is read. https://hl7.org/fhir/R4/snomedct.html */
import { describe, expect, it } from 'vitest';
import { SnomedIds } from '../../src/cli/terminology/snomed-ids.ts';
import { SnomedTexts } from '../../src/cli/terminology/snomed-texts.ts';

/** Short and long ones, also some that differ in one half alone. */
const ids = Array.from({ length: 5000 }, (_, n) => [
  `${n + 1}`,
  `${n + 1}000000000`,
  `${n + 1}000207${108 + n}`,
]).flat();

describe('identifiers', () => {
  it('have a number each, and are told by it', () => {
    const known = new SnomedIds();
    const distinct = [...new Set(ids)];
    for (const id of [...distinct, ...distinct.toReversed()]) known.add(id);
    expect(known.count).toBe(distinct.length);
    expect(distinct.map((id) => known.numberOf(id))).toEqual([...distinct.keys()]);
    expect([...distinct.keys()].map((number) => known.textOf(number))).toEqual(distinct);
    expect(known.textOf(known.add('900000000000207008'))).toBe('900000000000207008');
    expect([known.has('999999999999999999'), known.has(''), known.has('01')]).toEqual([false, false, false]);
  });

  it('are refused where they are none', () => {
    for (const wrong of ['', '0', '01', 'x', '12a', '1234567890123456789'])
      expect(() => new SnomedIds().add(wrong)).toThrow('is no identifier of SNOMED CT');
  });
});

describe('texts', () => {
  it('are given back as they were added, however long, and forgotten', () => {
    const texts = new SnomedTexts();
    const long = 'Großzehengrundgelenk '.repeat(100_000);
    texts.add(2, 'fullySpecified', 'Knie');
    texts.add(0, 'synonym', long);
    texts.add(2, 'definition', '膝 😀');
    expect(texts.of(2, 3)).toEqual([
      ['fullySpecified', 'Knie'],
      ['definition', '膝 😀'],
    ]);
    expect(texts.of(0, 3)).toEqual([['synonym', long]]);
    expect([texts.of(1, 3), texts.of(9, 3)]).toEqual([[], []]);
    texts.clear();
    expect(texts.of(2, 3)).toEqual([]);
    texts.add(2, 'preferred', 'Hüfte');
    texts.add(1, 'preferred', long);
    expect([texts.of(2, 3), texts.of(1, 3)]).toEqual([[['preferred', 'Hüfte']], [['preferred', long]]]);
  });
});
