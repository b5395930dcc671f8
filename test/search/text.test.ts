/** Words of resources, and queries on them. https://hl7.org/fhir/R4/search.html#content */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { describe as inWords } from '../../src/search/describe.ts';
import { matches } from '../../src/search/match.ts';
import { textOfNarrative } from '../../src/search/narrative-text.ts';
import { normaliseString } from '../../src/search/normalise.ts';
import { allWordsIn, boundary, wordsIn, wordsOf } from '../../src/search/words.ts';
import { search } from './setup.ts';

function criterion(query: string) {
  const [part] = search('Condition', query).parts;
  if (part === undefined) throw new Error('one type is searched');
  return part.criterion;
}

function finds(query: string, resource: Resource): boolean {
  const { resourceType: type } = resource;
  return matches(criterion(query), { type, id: 'a', lastUpdated: 0, entries: [], words: wordsOf(resource) });
}

function narrated(text: string): Resource {
  return { resourceType: 'Condition', text: { status: 'generated', div: `<div>${text}</div>` } };
}

const noted = (...texts: readonly string[]): Resource => {
  return { resourceType: 'Condition', note: texts.map((text) => ({ text })) };
};

describe('words', () => {
  it.each([
    ['Bone, liver', 'bone liver'],
    ["O'Neil’s Straße", 'oneils strasse'],
    ['Müller ÉTUDE', 'muller etude'],
    ['8480-6', '8480 6'],
    ['2024-01-31', '2024 01 31'],
    ['骨折 knee', '骨 折 knee'],
    ['… & !', ''],
    ['ΣΊΣΥΦΟΣ', 'σισυφοσ'],
    ['हिन्दी', 'हिन्दी'],
  ])('of "%s" are "%s"', (text, words) => {
    expect(wordsIn(text).join(' ')).toBe(words);
  });

  it('are the same of what they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const words = wordsIn(text);
        expect(wordsIn(words.join(' '))).toEqual(words);
        expect(words).not.toContain(boundary);
        // What FTS5's tokenizer takes for the ends of words, and what its queries give a meaning to.
        expect(words.join('')).not.toMatch(/[\0-/:-@A-Z[-`{-\x7f]/);
      }),
    );
  });

  it('of plain texts, which are read in a way of their own, are those of any text', () => {
    const piece = fc.constantFrom(
      'a',
      'Zz',
      'M',
      '09',
      "'",
      '`',
      ' ',
      '-',
      '_',
      '\0',
      '@[`{',
      '/:',
      'é',
      'K',
      'İ',
      'ß',
      'q'.repeat(63),
      'q'.repeat(64),
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (each) => void expect(wordsIn(each)).toEqual(allWordsIn(each))),
      { numRuns: 2000 },
    );
  });

  it('of a narrative are without tags, comments and attributes', () => {
    expect(
      wordsIn(textOfNarrative('<div title="no">A<b>b</b>c<br/>d<!-- e --> <p class=\'x > y\'>f</p>g</div>')),
    ).toEqual(['abc', 'd', 'f', 'g']);
    expect(wordsIn(textOfNarrative('M&uuml;ller &amp; S&#246;hne&nbsp;&#x41;G &lt;x&gt; &nosuch;'))).toEqual([
      'muller',
      'sohne',
      'ag',
      'x',
    ]);
    expect(wordsIn(textOfNarrative('a < b'))).toEqual(['a', 'b']);
  });

  it('of a hostile narrative take no time', () => {
    for (const piece of ['<a ', '<!-- ', '<a b="', '&#', '<', 'a', '>"']) {
      const before = performance.now();
      textOfNarrative(`<${piece.repeat(200_000)}`);
      expect(performance.now() - before, piece).toBeLessThan(2000);
    }
  });

  it('of tags and words of megabytes are found as of others', () => {
    const long = 12_000_000;
    for (const filling of [' ', `a="${'<'.repeat(1000)}" `]) {
      const div = `<div><a ${filling.repeat(long / filling.length)}>b</a>c<p>d</p></div>`;
      expect(wordsIn(textOfNarrative(div)), filling.slice(0, 4)).toEqual(['bc', 'd']);
    }
    expect(wordsIn(`a ${'x'.repeat(long)} b`)).toEqual(['a', 'x'.repeat(64), 'b']);
    expect(normaliseString('X x '.repeat(long / 4))).toHaveLength(long - 1);
  });

  it('of long words are their beginnings alone, as words are that stand beside others', () => {
    const piece = fc.constantFrom('a', '漢', ' ', '𝒳', 'b'.repeat(63), 'c'.repeat(64), 'd'.repeat(65), '𝒳'.repeat(64));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const whole = /\p{sc=Han}|(?:(?!\p{sc=Han})[\p{L}\p{N}])+/gu;
        const wanted = pieces.join('').match(whole) ?? [];
        expect(wordsIn(pieces.join(''))).toEqual(wanted.map((word) => word.slice(0, 64)));
      }),
    );
  });

  it('of a resource are those of its strings, without ids, uris, references and base64', () => {
    const resource: Resource = {
      resourceType: 'Observation',
      id: 'x1',
      meta: { versionId: '3', lastUpdated: '2024-01-01T00:00:00Z', profile: ['http://x/profile'] },
      text: { status: 'generated', div: '<div>story</div>' },
      contained: [
        { resourceType: 'Patient', id: 'c', text: { div: '<div>inner</div>' }, name: [{ family: 'Arendt' }] },
      ],
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8480-6', display: 'Systolic' }], text: 'Pressure' },
      subject: { reference: 'Patient/zzz', display: 'Ann' },
      identifier: [{ system: 'urn:oid:1.2', value: 'MRN-7' }],
      valueQuantity: { value: 5.4, unit: 'mmHg' },
      extension: [{ url: 'http://x/e', valueBase64Binary: 'QUJD' }],
      photo: { data: 'REVG', title: 'Picture' },
    };
    const { narrative, content } = wordsOf(resource);
    expect(narrative).toEqual(['story']);
    expect(content.filter((word) => word !== boundary).join(' ')).toBe(
      'generated inner arendt final 8480 6 systolic pressure ann mrn 7 mmhg picture',
    );
  });
});

describe('_text', () => {
  it.each([
    ['bone', 'a broken bone', true],
    ['BONE', 'a broken bone', true],
    ['bon', 'a broken bone', false],
    ['bon*', 'a broken bone', true],
    ['"broken bone"', 'a broken bone', true],
    ['"broken a"', 'a broken bone', false],
    ['"broken bo"*', 'a broken bone', true],
    ['broken-bone', 'a broken bone', true],
    ['a bone', 'a broken bone', true],
    ['a liver', 'a broken bone', false],
    ['bone AND liver', 'a broken bone', false],
    ['bone OR liver', 'a broken bone', true],
    ['bone or liver and knee', 'a broken bone', true],
    ['(bone or liver) and knee', 'a broken bone', false],
    ['bone NOT broken', 'a broken bone', false],
    ['bone AND NOT liver', 'a broken bone', true],
    ['NOT liver', 'a broken bone', true],
    ['liver OR NOT knee', 'a broken bone', true],
    ['liver OR NOT bone', 'a broken bone', false],
    ['NOT (liver OR bone)', 'a broken bone', false],
    ['not not bone', 'a broken bone', true],
    ['liver,bone', 'a broken bone', true],
    ['"broken,bone"', 'a broken bone', true],
    ['(knee,bone) broken', 'a broken bone', true],
    ['broken\\,bone', 'a broken bone', true],
    ['"not" broken', 'not a broken bone', true],
  ])('%s of "%s": %s', (query, text, expected) => {
    const written = `_text=${encodeURIComponent(query)}`;
    expect(finds(written, narrated(text))).toBe(expected);
    expect(finds(written.replace('_text', '_content'), noted(text))).toBe(expected);
  });

  it('looks at the narrative alone, _content at everything', () => {
    expect(finds('_text=bone', noted('bone'))).toBe(false);
    expect(finds('_content=bone', narrated('bone'))).toBe(true);
    expect(finds('_content=bone broken', { ...narrated('bone'), note: [{ text: 'broken' }] })).toBe(true);
  });

  it('finds no phrase over the end of a text', () => {
    expect(finds('_content="broken bone"', noted('broken', 'bone'))).toBe(false);
    expect(finds('_content=broken bone', noted('broken', 'bone'))).toBe(true);
  });

  it.each([
    ['(bone', /begins here has no end \(character 1, at "\(bone"\)/],
    ['bone)', /never begun \(character 5/],
    ['bone AND', /a word was expected \(character 9, at the end\)/],
    ['OR bone', /a word was expected \(character 1/],
    ['"bone', /the quote .* \(character 1/],
    ['bone ()', /a word was expected \(character 7/],
    ['bo*ne', /\* goes only to the end .* \(character 3/],
    ['*', /no letter or digit .* \(character 1/],
    ['bone &', /no letter or digit .* \(character 6/],
    ['bone \\', /backslash/],
    ['NOT', /a word was expected/],
    [Array(300).fill('a').join(' '), /more than 200 words/],
    ['('.repeat(5000), /more than 30 deep/],
  ])('%s is 400 with its place', (query, text) => {
    const refused = () => criterion(`_content=${encodeURIComponent(query)}`);
    expect(refused).toThrow(OutcomeError);
    expect(refused).toThrow(text);
    expect(refused).toThrow(/^_content: /);
  });

  it('is told in words', () => {
    expect(inWords(criterion('_text=(bone OR liver) and metasta* NOT "old case"'))).toBe(
      '_text has ((("bone" or "liver") and "metasta*") but not "old case")',
    );
  });
});
