/** https://hl7.org/fhir/R4/bundle.html#references */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, found, idOf, issueOf, patient, unique, versions } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const post = (...entries: readonly Json[]) => server.send('POST', '/', bundle('transaction', ...entries));
const uuid = (n: number) => `urn:uuid:33333333-3333-4333-8333-${String(n).padStart(12, '0')}`;
const div = (inside: string) => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`;

/** Posts a Patient under a fullUrl and a resource beside it; the resource as stored, and the Patient's reference. */
async function beside(
  fullUrl: string,
  resource: Json,
  more: readonly Json[] = [],
): Promise<{ stored: Json; target: string; text: string }> {
  const reply = await post(
    entry('POST', resource.resourceType, resource, {}, uuid(900)),
    entry('POST', 'Patient', patient(unique()), {}, fullUrl),
    ...more,
  );
  expect([reply.status, reply.text]).toEqual([200, reply.text]);
  const stored = await server.get(`/${reply.body.entry[0].response.location}`);
  return { stored: stored.body, text: stored.text, target: `Patient/${idOf(reply.body.entry[1])}` };
}

describe('whatever equals an entry’s fullUrl becomes Type/id', () => {
  test('Reference.reference, wherever it stands', async () => {
    const reference = uuid(1);
    const { stored, target } = await beside(reference, {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x', extension: [{ url: 'http://e', valueReference: { reference } }] },
      subject: { reference },
      performer: [{ reference: 'Practitioner/1' }, { reference }],
      note: [{ text: 't', authorReference: { reference } }],
      contained: [{ resourceType: 'Encounter', id: 'e', subject: { reference } }],
      _status: { extension: [{ url: 'http://e', valueReference: { reference } }] },
    });
    expect(stored.subject.reference).toBe(target);
    expect(stored.performer.map((each: Json) => each.reference)).toEqual(['Practitioner/1', target]);
    expect(stored.note[0].authorReference.reference).toBe(target);
    expect(stored.contained[0].subject.reference).toBe(target);
    expect(stored.code.extension[0].valueReference.reference).toBe(target);
    expect(stored._status.extension[0].valueReference.reference).toBe(target);
    expect(await found(server, `Observation?subject=${target}`)).toEqual([stored.id]);
  });

  test('elements of type uri, url, oid and uuid, in contained resources and extensions too', async () => {
    const link = uuid(2);
    const { stored, target } = await beside(link, {
      resourceType: 'DocumentReference',
      status: 'current',
      content: [{ attachment: { url: link, title: link } }],
      extension: [
        { url: 'http://e', valueUri: link },
        { url: 'http://e', valueUrl: link },
        { url: 'http://e', valueUuid: link },
      ],
      contained: [{ resourceType: 'Binary', id: 'b', implicitRules: link }],
    });
    expect(stored.content[0].attachment.url).toBe(target);
    expect(stored.extension.map((each: Json) => each.valueUri ?? each.valueUrl ?? each.valueUuid)).toEqual([
      target,
      target,
      target,
    ]);
    expect(stored.contained[0].implicitRules).toBe(target);
    const oid = 'urn:oid:1.2.36.146.595.217';
    const byOid = await beside(oid, { resourceType: 'Basic', extension: [{ url: 'http://e', valueOid: oid }] });
    expect(byOid.stored.extension[0].valueOid).toBe(byOid.target);
  });

  test('href and src in narratives', async () => {
    const link = uuid(3);
    const { stored, target } = await beside(link, {
      resourceType: 'Basic',
      code: { text: 'x' },
      text: {
        status: 'additional',
        div: div(`<a href="${link}">${link}</a><img src='${link}' alt="${link}"/><a href="${link}#part">p</a>`),
      },
      contained: [
        {
          resourceType: 'Basic',
          id: 'c',
          code: { text: 'x' },
          text: { status: 'additional', div: div(`<a href="${link}">c</a>`) },
        },
      ],
    });
    expect(stored.text.div).toBe(
      div(`<a href="${target}">${link}</a><img src='${target}' alt="${link}"/><a href="${target}#part">p</a>`),
    );
    expect(stored.contained[0].text.div).toBe(div(`<a href="${target}">c</a>`));
  });

  test('never canonical, #fragment, strings, Identifier.value', async () => {
    const link = uuid(4);
    const { stored } = await beside(link, {
      resourceType: 'Questionnaire',
      status: 'draft',
      url: link,
      title: link,
      derivedFrom: [link],
      identifier: [{ value: link }],
      subjectType: ['Patient'],
      contained: [{ resourceType: 'Basic', id: 'x', subject: { reference: '#' } }],
      extension: [
        { url: link, valueString: link },
        { url: 'http://e', valueCanonical: link },
        { url: 'http://e', valueMarkdown: link },
        { url: 'http://e', valueReference: { reference: '#x', display: link } },
      ],
      meta: { profile: [link] },
    });
    expect(stored.title).toBe(link);
    expect(stored.url).toBe(link);
    expect(stored.derivedFrom).toEqual([link]);
    expect(stored.identifier[0].value).toBe(link);
    expect(stored.extension[0]).toEqual({ url: link, valueString: link });
    expect(stored.extension[1].valueCanonical).toBe(link);
    expect(stored.extension[2].valueMarkdown).toBe(link);
    expect(stored.extension[3].valueReference).toEqual({ reference: '#x', display: link });
    expect(stored.contained[0].subject.reference).toBe('#');
    expect(stored.meta.profile).toEqual([link]);
  });

  test('a version-specific reference stays version-specific', async () => {
    const { stored, target } = await beside(uuid(5), {
      resourceType: 'Basic',
      subject: { reference: `${uuid(5)}/_history/1` },
    });
    expect(stored.subject.reference).toBe(`${target}/_history/1`);
  });

  test('circular references and references of a resource to itself', async () => {
    const reply = await post(
      entry(
        'POST',
        'Patient',
        patient(unique(), {
          link: [
            { other: { reference: uuid(11) }, type: 'seealso' },
            { other: { reference: uuid(10) }, type: 'seealso' },
          ],
        }),
        {},
        uuid(10),
      ),
      entry(
        'POST',
        'Patient',
        patient(unique(), { link: [{ other: { reference: uuid(10) }, type: 'seealso' }] }),
        {},
        uuid(11),
      ),
    );
    const [one, other] = reply.body.entry.map(idOf);
    const { body } = await server.get(`/Patient/${one}`);
    expect(body.link.map((each: Json) => each.other.reference)).toEqual([`Patient/${other}`, `Patient/${one}`]);
    expect((await server.get(`/Patient/${other}`)).body.link[0].other.reference).toBe(`Patient/${one}`);
  });

  test('the spelling of everything else stays: decimals, escapes, order', async () => {
    const text = `{"resourceType":"Observation","valueQuantity":{"value":1.00},"code":{"text":"\\u00e4\\/ä"},"subject":{"display":"a","reference":"${uuid(6)}"},"status":"final"}`;
    const reply = await server.send(
      'POST',
      '/',
      `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Observation"},"resource":${text}},{"fullUrl":"${uuid(6)}","request":{"method":"POST","url":"Patient"},"resource":{"resourceType":"Patient"}}]}`,
    );
    const target = `Patient/${idOf(reply.body.entry[1])}`;
    const stored = await server.get(`/Observation/${idOf(reply.body.entry[0])}`);
    expect(stored.text.replace(/"id":"[^"]*","meta":\{[^}]*\},/, '')).toBe(text.replace(uuid(6), target));
  });
});

describe('absolute and relative references', () => {
  const old = 'http://source.example.org/fhir';

  test('to a POST entry follow it to its new id', async () => {
    const { stored, target } = await beside(`${old}/Patient/123`, {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: `${old}/Patient/123` },
      performer: [
        { reference: 'Patient/123' },
        { reference: 'Patient/1234' },
        { reference: `${old}/Patient/123/_history/4` },
      ],
    });
    expect(stored.subject.reference).toBe(target);
    expect(stored.performer.map((each: Json) => each.reference)).toEqual([
      target,
      'Patient/1234',
      `${target}/_history/4`,
    ]);
  });

  test('to our own base too', async () => {
    const { stored, target } = await beside(`${base}/Patient/123`, {
      resourceType: 'Basic',
      subject: { reference: 'Patient/123' },
      author: { reference: `${base}/Patient/123` },
    });
    expect([stored.subject.reference, stored.author.reference]).toEqual([target, target]);
  });

  test('a relative one means the server of its own entry’s fullUrl, where two have the same id', async () => {
    const reply = await post(
      entry('POST', 'Patient', patient(unique()), {}, 'http://a.example.org/fhir/Patient/1'),
      entry('POST', 'Patient', patient(unique()), {}, 'http://b.example.org/fhir/Patient/1'),
      entry(
        'POST',
        'Basic',
        { resourceType: 'Basic', subject: { reference: 'Patient/1' } },
        {},
        'http://b.example.org/fhir/Basic/1',
      ),
      entry(
        'POST',
        'Basic',
        { resourceType: 'Basic', subject: { reference: 'Patient/1' } },
        {},
        'http://a.example.org/fhir/Basic/1',
      ),
    );
    const [a, b, ofB, ofA] = reply.body.entry.map(idOf);
    expect((await server.get(`/Basic/${ofB}`)).body.subject.reference).toBe(`Patient/${b}`);
    expect((await server.get(`/Basic/${ofA}`)).body.subject.reference).toBe(`Patient/${a}`);
  });

  test('to a PUT entry become local', async () => {
    const id = unique();
    const reply = await post(
      entry('PUT', `Patient/${id}`, patient(id, { id }), {}, `${old}/Patient/${id}`),
      entry('POST', 'Basic', {
        resourceType: 'Basic',
        subject: { reference: `${old}/Patient/${id}` },
        author: { reference: `Patient/${id}` },
      }),
    );
    const { body } = await server.get(`/Basic/${idOf(reply.body.entry[1])}`);
    expect([body.subject.reference, body.author.reference]).toEqual([`Patient/${id}`, `Patient/${id}`]);
  });

  test('to what is not part of the bundle are left untouched', async () => {
    const { stored } = await beside(uuid(7), {
      resourceType: 'Basic',
      subject: { reference: 'Patient/not-in-it' },
      author: { reference: 'http://elsewhere.org/fhir/Patient/1' },
    });
    expect([stored.subject.reference, stored.author.reference]).toEqual([
      'Patient/not-in-it',
      'http://elsewhere.org/fhir/Patient/1',
    ]);
  });
});

describe('where the entry is conditional and matched, links lead to the match', () => {
  test('a conditional create', async () => {
    const value = unique();
    await server.send('PUT', `/Patient/${value}`, patient(value, { id: value }));
    const reply = await post(
      entry('POST', 'Basic', { resourceType: 'Basic', subject: { reference: uuid(8) } }),
      entry('POST', 'Patient', patient(value), { ifNoneExist: `identifier=${value}` }, uuid(8)),
    );
    expect((await server.get(`/Basic/${idOf(reply.body.entry[0])}`)).body.subject.reference).toBe(`Patient/${value}`);
  });

  test('a conditional update, matched or not', async () => {
    const value = unique();
    const send = () =>
      post(
        entry('POST', 'Basic', { resourceType: 'Basic', subject: { reference: uuid(9) } }),
        entry('PUT', `Patient?identifier=${value}`, patient(value), {}, uuid(9)),
      );
    const [first, second] = [await send(), await send()];
    const [id] = await found(server, `Patient?identifier=${value}`);
    for (const reply of [first, second]) {
      expect((await server.get(`/Basic/${idOf(reply.body.entry[0])}`)).body.subject.reference).toBe(`Patient/${id}`);
    }
  });

  test('a conditional update, by the absolute and relative references to its resource elsewhere', async () => {
    const value = unique();
    const old = `http://source.example.org/fhir/Patient/${value}`;
    const basic = {
      resourceType: 'Basic',
      subject: { reference: old },
      author: { reference: `Patient/${value}` },
    };
    for (let round = 0; round < 2; round += 1) {
      const reply = await post(
        entry('PUT', `Basic?identifier=${value}`, { ...basic, identifier: [{ value }] }),
        entry('PUT', `Patient?identifier=${value}`, patient(value), {}, old),
      );
      const [id] = await found(server, `Patient?identifier=${value}`);
      const { body } = await server.get(`/Basic/${idOf(reply.body.entry[0])}`);
      expect([body.subject.reference, body.author.reference]).toEqual([`Patient/${id}`, `Patient/${id}`]);
    }
  });

  test('a patch', async () => {
    const id = unique();
    await server.send('PUT', `/Patient/${id}`, patient(id, { id }));
    const patch = {
      resourceType: 'Binary',
      contentType: 'application/merge-patch+json',
      data: Buffer.from('{"active":true}').toString('base64'),
    };
    const reply = await post(
      entry('POST', 'Basic', { resourceType: 'Basic', subject: { reference: uuid(12) } }),
      entry('PATCH', `Patient?identifier=${id}`, patch, {}, uuid(12)),
    );
    expect((await server.get(`/Basic/${idOf(reply.body.entry[0])}`)).body.subject.reference).toBe(`Patient/${id}`);
  });
});

describe('a urn:uuid reference that no entry has', () => {
  test('is 400 with its expression', async () => {
    const before = await versions(server);
    const reply = await post(
      entry('POST', 'Patient', patient(unique())),
      entry('POST', 'Observation', {
        resourceType: 'Observation',
        performer: [{ display: 'x' }, { reference: uuid(404) }],
        contained: [{ resourceType: 'Basic', id: 'b', subject: { reference: uuid(405) } }],
      }),
    );
    expect(reply.status).toBe(400);
    expect(reply.body.issue.map((issue: Json) => issue.expression)).toEqual([
      ['Bundle.entry[1].resource.performer[1].reference'],
      ['Bundle.entry[1].resource.contained[0].subject.reference'],
    ]);
    expect(await versions(server)).toEqual(before);
  });

  test('is 400 also where the entry with that fullUrl only reads or deletes', async () => {
    for (const [method, url] of [
      ['GET', 'Patient/1'],
      ['DELETE', 'Patient/1'],
    ] as const) {
      const reply = await post(
        entry(method, url, undefined, {}, uuid(13)),
        entry('POST', 'Basic', { resourceType: 'Basic', subject: { reference: uuid(13) } }),
      );
      expect([method, reply.status, issueOf(reply).expression]).toEqual([
        method,
        400,
        ['Bundle.entry[1].resource.subject.reference'],
      ]);
    }
  });

  test('elsewhere than in a Reference is no fault', async () => {
    const { stored } = await beside(uuid(14), {
      resourceType: 'Basic',
      extension: [{ url: 'http://e', valueUri: uuid(404) }],
      identifier: [{ system: uuid(405), value: uuid(406) }],
    });
    expect(stored.extension[0].valueUri).toBe(uuid(404));
  });
});

describe('in a batch nothing is rewritten', () => {
  test('neither urn:uuid nor absolute references', async () => {
    const reply = await server.send(
      'POST',
      '/',
      bundle(
        'batch',
        entry('POST', 'Patient', patient(unique()), {}, uuid(15)),
        entry('POST', 'Basic', { resourceType: 'Basic', subject: { reference: uuid(15) } }),
        entry('POST', 'Patient', patient(unique()), {}, 'http://x.org/fhir/Patient/1'),
        entry('POST', 'Basic', {
          resourceType: 'Basic',
          subject: { reference: 'http://x.org/fhir/Patient/1' },
          author: { reference: 'Patient/1' },
        }),
      ),
    );
    const [one, other] = [reply.body.entry[1], reply.body.entry[3]].map(idOf);
    expect((await server.get(`/Basic/${one}`)).body.subject.reference).toBe(uuid(15));
    const { body } = await server.get(`/Basic/${other}`);
    expect([body.subject.reference, body.author.reference]).toEqual(['http://x.org/fhir/Patient/1', 'Patient/1']);
  });
});
