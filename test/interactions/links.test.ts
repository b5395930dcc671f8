/** Links of a transaction's resources. https://hl7.org/fhir/R4/http.html#trules */
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { isResource, type Resource } from '../../src/fhir/resource.ts';
import { findLinks, type LinkResolver, resolveLink, rewriteLinks } from '../../src/interactions/transaction/links.ts';

const definitions = loadDefinitions();
const urn = 'urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9';

function parsed(text: string): { bytes: Uint8Array; value: Resource } {
  const value: unknown = JSON.parse(text);
  if (!isResource(value as Resource)) throw new Error('no resource');
  return { bytes: Buffer.from(text), value: value as Resource };
}

const resolver =
  (links: Readonly<Record<string, string>>): LinkResolver =>
  (text) =>
    links[text];

const rewrite = (resource: unknown, links: Readonly<Record<string, string>> = { [urn]: 'Patient/1' }): string => {
  const text = typeof resource === 'string' ? resource : JSON.stringify(resource);
  return Buffer.from(rewriteLinks(parsed(text), resolver(links), definitions)).toString();
};

const found = (resource: Resource) =>
  findLinks(resource, definitions).map(({ element, text, expression }) => [element, text, expression]);

describe('what equals a fullUrl is replaced', () => {
  it('in references, wherever they are', () => {
    expect(
      rewrite({
        resourceType: 'Observation',
        contained: [{ resourceType: 'Patient', id: 'p', link: [{ other: { reference: urn } }] }],
        extension: [{ url: 'http://example.org/e', valueReference: { reference: urn } }],
        subject: { reference: urn, display: 'x' },
        performer: [{ reference: 'Practitioner/1' }, { reference: urn }],
        _status: { extension: [{ url: 'http://example.org/e', valueReference: { reference: urn } }] },
      }).match(/"reference":"Patient\/1"/g),
    ).toHaveLength(5);
  });

  it('in elements of type uri, url, oid and uuid', () => {
    const oid = 'urn:oid:1.2.3';
    const links = { [urn]: 'Patient/1', [oid]: 'Device/2' };
    expect(
      rewrite(
        {
          resourceType: 'Patient',
          implicitRules: urn,
          extension: [
            { url: 'a', valueUri: urn },
            { url: 'b', valueUrl: urn },
            { url: 'c', valueUuid: urn },
            { url: 'd', valueOid: oid },
          ],
          identifier: [{ system: urn }],
          photo: [{ url: urn }],
        },
        links,
      ),
    ).toBe(
      '{"resourceType":"Patient","implicitRules":"Patient/1","extension":[{"url":"a","valueUri":"Patient/1"},{"url":"b","valueUrl":"Patient/1"},{"url":"c","valueUuid":"Patient/1"},{"url":"d","valueOid":"Device/2"}],"identifier":[{"system":"Patient/1"}],"photo":[{"url":"Patient/1"}]}',
    );
    expect(rewrite({ resourceType: 'Provenance', policy: ['http://example.org', urn] })).toContain(
      '["http://example.org","Patient/1"]',
    );
  });

  it('in href and src of narratives, in any quotes, and nowhere else in them', () => {
    const div = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${urn}">${urn}</a><img alt="${urn}" src='${urn}'/><br/><!-- <a href="${urn}"/> --> href="${urn}" é<a class="x" title='a > b' href = "${urn}"/></div>`;
    const expected = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="Patient/1">${urn}</a><img alt="${urn}" src='Patient/1'/><br/><!-- <a href="${urn}"/> --> href="${urn}" é<a class="x" title='a > b' href = "Patient/1"/></div>`;
    expect(rewrite({ resourceType: 'Patient', text: { status: 'generated', div } })).toBe(
      JSON.stringify({ resourceType: 'Patient', text: { status: 'generated', div: expected } }),
    );
    expect(rewrite({ resourceType: 'Composition', section: [{ text: { status: 'generated', div } }] })).toBe(
      JSON.stringify({ resourceType: 'Composition', section: [{ text: { status: 'generated', div: expected } }] }),
    );
  });

  it('with character references in a narrative', () => {
    const div = '<div><a href="http://x/Patient?a=1&amp;b=2"/></div>';
    expect(rewrite({ resourceType: 'Patient', text: { div } }, { 'http://x/Patient?a=1&b=2': 'Patient/"&' })).toBe(
      JSON.stringify({ resourceType: 'Patient', text: { div: '<div><a href="Patient/&#34;&#38;"/></div>' } }),
    );
  });
});

describe('never replaced', () => {
  it('canonicals, strings, codes, markdown, identifier values, fragments', () => {
    const kept = [
      { resourceType: 'Patient', meta: { profile: [urn] } },
      {
        resourceType: 'Observation',
        valueString: urn,
        code: { text: urn, coding: [{ code: urn, display: urn, version: urn }] },
      },
      { resourceType: 'Patient', identifier: [{ value: urn }] },
      {
        resourceType: 'Patient',
        id: urn,
        extension: [
          { url: 'a', valueMarkdown: urn },
          { url: 'b', valueId: urn },
        ],
      },
      {
        resourceType: 'Patient',
        extension: [
          { url: 'c', valueCanonical: urn },
          { url: 'd', valueString: urn },
        ],
      },
      { resourceType: 'Observation', subject: { reference: `#${urn}`, display: urn, identifier: { value: urn } } },
      { resourceType: 'CarePlan', instantiatesCanonical: [urn] },
      { resourceType: 'Patient', text: { div: `<div>${urn}<a name="${urn}" data-href="${urn}"/></div>` } },
    ];
    for (const resource of kept) expect(rewrite(resource)).toBe(JSON.stringify(resource));
  });

  it('the names that canonicals go by', () => {
    const kept = [
      { resourceType: 'StructureDefinition', url: urn, baseDefinition: urn },
      { resourceType: 'Patient', extension: [{ url: urn, valueString: 'x' }] },
    ];
    for (const resource of kept) expect(rewrite(resource)).toBe(JSON.stringify(resource));
  });

  it('what a Bundle inside has', () => {
    const bundle = {
      resourceType: 'Bundle',
      entry: [{ fullUrl: urn, resource: { resourceType: 'List', subject: { reference: urn } } }],
    };
    expect(rewrite(bundle)).toBe(JSON.stringify(bundle));
    const parameters = {
      resourceType: 'Parameters',
      parameter: [{ resource: bundle }, { valueReference: { reference: urn } }],
    };
    expect(rewrite(parameters)).toBe(
      JSON.stringify(parameters).replace(/"valueReference.*/, '"valueReference":{"reference":"Patient/1"}}]}'),
    );
  });

  it('a string that equals a link beside it', () => {
    expect(rewrite({ resourceType: 'Observation', subject: { display: urn, reference: urn }, valueString: urn })).toBe(
      `{"resourceType":"Observation","subject":{"display":"${urn}","reference":"Patient/1"},"valueString":"${urn}"}`,
    );
  });
});

describe('parts of references', () => {
  const links = { 'http://x/Patient/123': 'Patient/new', 'Patient/123': 'Patient/new', [urn]: 'Patient/1' };

  it('a fragment and a version stay', () => {
    const resolve = resolver(links);
    expect(resolveLink('http://x/Patient/123#part', 'reference', resolve)).toBe('Patient/new#part');
    expect(resolveLink('http://x/Patient/123/_history/4', 'reference', resolve)).toBe('Patient/new/_history/4');
    expect(resolveLink('Patient/123/_history/4', 'narrative', resolve)).toBe('Patient/new/_history/4');
    expect(resolveLink('#part', 'reference', resolve)).toBeUndefined();
    expect(resolveLink('http://y/Patient/123#part', 'reference', resolve)).toBeUndefined();
  });

  it('elements of type uri are compared whole', () => {
    expect(resolveLink('http://x/Patient/123', 'uri', resolver(links))).toBe('Patient/new');
    expect(resolveLink('http://x/Patient/123#part', 'uri', resolver(links))).toBeUndefined();
  });
});

describe('bytes', () => {
  it('are the same array where nothing is replaced', () => {
    const input = parsed('{"resourceType":"Observation","subject":{"reference":"Patient/9"}}');
    expect(rewriteLinks(input, resolver({}), definitions)).toBe(input.bytes);
    expect(rewriteLinks(input, (text) => text, definitions)).toBe(input.bytes);
  });

  it('around a link stay, however they are spelled', () => {
    const text = `{"resourceType":"Observation","code":{"text":"\\u00e9 \\/ é 😀"},"valueQuantity":{"value":1.00},"subject":{"re\\u0066erence":"urn:uuid:\\u0030${urn.slice(10)}"},"note":[{"text":"a\\\\"}]}`;
    expect(rewrite(text)).toBe(text.replace(/urn:uuid:[^"]*/, 'Patient/1'));
  });

  it('of a slice of a larger buffer are read where they are', () => {
    const text = `{"resourceType":"Observation","subject":{"reference":"${urn}"}}`;
    const bytes = Buffer.from(`xx${text}yy`).subarray(2, 2 + text.length);
    const result = rewriteLinks({ bytes, value: parsed(text).value }, resolver({ [urn]: 'Patient/1' }), definitions);
    expect(Buffer.from(result).toString()).toBe('{"resourceType":"Observation","subject":{"reference":"Patient/1"}}');
  });

  it('take a target that JSON has to escape', () => {
    expect(rewrite({ resourceType: 'Observation', subject: { reference: urn } }, { [urn]: 'é"\\' })).toBe(
      '{"resourceType":"Observation","subject":{"reference":"é\\"\\\\"}}',
    );
  });
});

describe('links found', () => {
  it('come in the order of the text, with their places', () => {
    expect(
      found({
        resourceType: 'Observation',
        text: { status: 'generated', div: '<div><a href="a"/><img src="b"/></div>' },
        contained: [{ resourceType: 'Patient', link: [{ other: { reference: 'c' } }] }],
        _effectiveDateTime: { extension: [{ url: 'x', valueUri: 'd' }] },
        subject: { reference: 'Patient?identifier=e' },
        valueCodeableConcept: { coding: [{ system: 'f', code: 'z' }] },
        hasMember: [{ reference: 'g' }, { reference: '#h' }],
      }),
    ).toEqual([
      ['narrative', 'a', 'Observation.text.div'],
      ['narrative', 'b', 'Observation.text.div'],
      ['reference', 'c', 'Observation.contained[0].link[0].other.reference'],
      ['uri', 'd', 'Observation.effective.extension[0].value'],
      ['reference', 'Patient?identifier=e', 'Observation.subject.reference'],
      ['uri', 'f', 'Observation.value.coding[0].system'],
      ['reference', 'g', 'Observation.hasMember[0].reference'],
      ['reference', '#h', 'Observation.hasMember[1].reference'],
    ]);
  });

  it('are none in what is no R4', () => {
    expect(found({ resourceType: 'Nothing', subject: { reference: urn } })).toEqual([]);
    expect(
      found({
        resourceType: 'Observation',
        subject: 'x',
        nonsense: { reference: urn },
        hasMember: [null, 3, [{ reference: urn }]],
      }),
    ).toEqual([]);
  });
});
