/** Rewriting changes links and nothing else, whatever a resource looks like. https://hl7.org/fhir/R4/http.html#trules */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { findLinks, replaceLinks, rewriteLinks } from '../../src/interactions/transaction/links.ts';

const definitions = loadDefinitions();

/** JSON written by hand: text as it is sent, and as it has to come out. */
interface Written {
  readonly before: string;
  readonly after: string;
}

const targets = new Map([
  ['urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9', 'Patient/1'],
  ['http://example.org/fhir/Patient/123', 'Patient/a-longer-id-than-before-0123456789-0123456789-0123456789'],
  ['Patient/123', 'Patient/2'],
  ['Patient?identifier=a|b', 'Patient/3'],
  ['x', 'Patient/4'],
  ['urn:é"\\😀', 'Patient/é"'],
]);
const texts = [...targets.keys(), 'urn:uuid:none', 'http://loinc.org', '#x', 'reference', '","', 'a\\"b'];

/** Strings of JSON with what they mean; where `escaping`, some of their characters are written as escapes. */
function strings(
  among: readonly string[],
  escaping: boolean,
): fc.Arbitrary<{ readonly text: string; readonly spelled: string }> {
  const escapes = escaping ? fc.array(fc.boolean(), { maxLength: 8 }) : fc.constant([]);
  return fc.tuple(fc.constantFrom(...among), escapes).map(([text, escaped]) => {
    const units = [...text].map((character, index) => {
      if (escaped[index % 8] !== true) return JSON.stringify(character).slice(1, -1);
      return [...Array(character.length).keys()]
        .map((unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`)
        .join('');
    });
    return { text, spelled: `"${units.join('')}"` };
  });
}

const literal = (text: string): fc.Arbitrary<Written> => fc.constant({ before: text, after: text });

function join(parts: readonly Written[], open: string, close: string): Written {
  return {
    before: open + parts.map((part) => part.before).join(',') + close,
    after: open + parts.map((part) => part.after).join(',') + close,
  };
}

/** An object with some of these members, in any order; `first` always and first. */
function object(
  members: Readonly<Record<string, fc.Arbitrary<Written>>>,
  first?: readonly [string, string],
): fc.Arbitrary<Written> {
  const all = Object.entries(members).map(([name, value]) =>
    value.map((written): Written => ({ before: `"${name}":${written.before}`, after: `"${name}":${written.after}` })),
  );
  const head =
    first === undefined ? [] : [{ before: `"${first[0]}":"${first[1]}"`, after: `"${first[0]}":"${first[1]}"` }];
  return fc
    .tuple(...all.map((member) => fc.option(member, { nil: undefined })))
    .chain((chosen) =>
      fc.shuffledSubarray(
        chosen.filter((member) => member !== undefined),
        { minLength: 0 },
      ),
    )
    .map((chosen) => join([...head, ...chosen], '{', '}'));
}

const array = (items: fc.Arbitrary<Written>): fc.Arbitrary<Written> =>
  fc.array(items, { minLength: 1, maxLength: 3 }).map((written) => join(written, '[', ']'));

/** Observations with links and with strings that equal them. */
function observations(string: ReturnType<typeof strings>): fc.Arbitrary<Written> {
  const plain = string.map(({ spelled }): Written => ({ before: spelled, after: spelled }));
  const link = string.map(({ text, spelled }): Written => {
    const target = targets.get(text);
    return { before: spelled, after: target === undefined ? spelled : JSON.stringify(target) };
  });
  const identifier = object({ system: link, value: plain });
  const reference = object({ display: plain, reference: link, identifier });
  const extension = object({
    url: plain,
    valueReference: reference,
    valueUri: link,
    valueString: plain,
    valueCanonical: plain,
  });
  const concept = object({ text: plain, coding: array(object({ system: link, code: plain, display: plain })) });
  const patient = object(
    {
      link: array(object({ other: reference })),
      identifier: array(identifier),
      meta: object({ profile: array(plain) }),
    },
    ['resourceType', 'Patient'],
  );
  return object(
    {
      contained: array(patient),
      extension: array(extension),
      _status: object({ extension: array(extension) }),
      status: plain,
      code: concept,
      subject: reference,
      performer: array(reference),
      valueString: plain,
      valueQuantity: object({ value: literal('1.00'), system: link, unit: plain }),
      note: array(object({ authorReference: reference, text: plain })),
      component: array(object({ code: concept, valueString: plain })),
      implicitRules: link,
    },
    ['resourceType', 'Observation'],
  );
}

const anySpelling = observations(strings(texts, true));
/** Where a link is a string too every now and then, and nothing is escaped. */
const plainSpelling = observations(
  strings(['urn:uuid:none', 'Patient/123', 'x', 'urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9'], false),
);

const parse = (text: string): Resource => JSON.parse(text);

it('links are replaced, all other bytes stay', () => {
  fc.assert(
    fc.property(fc.oneof(anySpelling, plainSpelling), ({ before, after }) => {
      const parsed = { bytes: Buffer.from(before), value: parse(before) };
      const resolve = (text: string) => targets.get(text);
      expect(Buffer.from(rewriteLinks(parsed, resolve, definitions)).toString()).toBe(after);
    }),
    { numRuns: 600 },
  );
});

it('a resolver that knows nothing, or gives each text itself, changes nothing', () => {
  fc.assert(
    fc.property(fc.oneof(anySpelling, plainSpelling), ({ before }) => {
      const parsed = { bytes: Buffer.from(before), value: parse(before) };
      expect(rewriteLinks(parsed, () => undefined, definitions)).toBe(parsed.bytes);
      expect(rewriteLinks(parsed, (text) => text, definitions)).toBe(parsed.bytes);
    }),
    { numRuns: 200 },
  );
});

it('links replaced in the parsed resource make it that of the new bytes', () => {
  fc.assert(
    fc.property(fc.oneof(anySpelling, plainSpelling), ({ before, after }) => {
      const value = parse(before);
      const found = findLinks(value, definitions);
      const resolve = (text: string) => targets.get(text);
      const narrative = found.some(({ element, text }) => element === 'narrative' && targets.has(text));
      if (replaceLinks(found, resolve)) expect(value).toEqual(parse(after));
      else expect(value).toEqual(parse(before));
      if (narrative) expect(value).toEqual(parse(before));
    }),
    { numRuns: 600 },
  );
});

it('links found before give the same bytes', () => {
  fc.assert(
    fc.property(fc.oneof(anySpelling, plainSpelling), ({ before }) => {
      const parsed = { bytes: Buffer.from(before), value: parse(before) };
      const resolve = (text: string, element: string) => (element === 'uri' ? undefined : targets.get(text));
      const found = findLinks(parsed.value, definitions);
      expect(rewriteLinks(parsed, resolve, definitions, found)).toEqual(rewriteLinks(parsed, resolve, definitions));
    }),
    { numRuns: 200 },
  );
});
