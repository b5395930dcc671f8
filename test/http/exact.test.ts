/** Kept exactly: what comes in goes out. https://hl7.org/fhir/R4/datatypes.html#decimal, https://hl7.org/fhir/R4/json.html */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base, type TestServer } from './server.ts';
import { stores, unique } from './writing.ts';

/** A resource by every way there is, each as the text of the resource alone. */
interface Ways {
  readonly [way: string]: string;
}

describe.each(stores)('kept exactly, %s', (_name, start) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  const resourceIn = (text: string): string => {
    const at = text.indexOf('"resource":') + '"resource":'.length;
    return text.slice(at, endOfObject(text, at));
  };

  async function everyWay(type: string, id: string, text: string): Promise<Ways> {
    const put = await server.send('PUT', `/${type}/${id}`, text);
    expect(put.text).not.toContain('OperationOutcome');
    expect(put.status).toBe(201);
    const fhir = { Accept: 'application/fhir+json' };
    const ways = {
      update: put.text,
      read: (await server.get(`/${type}/${id}`, fhir)).text,
      vread: (await server.get(`/${type}/${id}/_history/1`, fhir)).text,
      'history of an instance': resourceIn((await server.get(`/${type}/${id}/_history`)).text),
      'history of a type': resourceIn((await server.get(`/${type}/_history?_count=1`)).text),
      'history of the system': resourceIn((await server.get('/_history?_count=1')).text),
      search: resourceIn((await server.get(`/${type}?_id=${id}`)).text),
      'search by POST': resourceIn(
        (
          await server.send('POST', `/${type}/_search`, `_id=${id}`, {
            'Content-Type': 'application/x-www-form-urlencoded',
          })
        ).text,
      ),
      'search of the system': resourceIn((await server.get(`/?_type=${type}&_id=${id}`)).text),
      'read in a batch': resourceIn(
        (
          await server.send('POST', '', {
            resourceType: 'Bundle',
            type: 'batch',
            entry: [{ request: { method: 'GET', url: `${type}/${id}` } }],
          })
        ).text,
      ),
    };
    const pretty = (await server.get(`/${type}/${id}?_pretty=true`, fhir)).text;
    return { ...ways, _pretty: withoutSpace(pretty) };
  }

  /** `sent` has `"meta":{"tag":…}`: the server's part goes to the beginning of it. */
  async function kept(type: string, id: string, sent: string): Promise<void> {
    for (const [way, text] of Object.entries(await everyWay(type, id, sent))) {
      expect([way, text.replace(serversPart, '"meta":{')]).toEqual([way, withoutSpace(sent)]);
    }
  }

  describe('decimals', () => {
    const decimals = [
      '1.00',
      '1e-20',
      '-0.0',
      '1.0e+3',
      '0.10',
      '100',
      '-1.50E-7',
      '1E2',
      '0',
      '-0',
      '0e0',
      '123456789012345678901234567890',
      '0.123456789012345678901234567890',
      '3.141592653589793238462643383279502884197169399375105820974944592307816406286',
      '1e400',
      '-1e-400',
      '9007199254740993',
      '0.1000000000000000055511151231257827',
    ];

    test('each keeps its text on every way', async () => {
      const values = decimals.map((value) => `{"code":{"text":"c"},"valueQuantity":{"value":${value}}}`);
      const id = unique('decimals');
      await kept(
        'Observation',
        id,
        `{"resourceType":"Observation","id":"${id}","meta":{"tag":[{"code":"t"}]},"status":"final","code":{"text":"c"},
          "component":[${values.join(' , ')}]}`,
      );
    });

    test('and any other that is one', async () => {
      const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$/);
      const decimal = fc.tuple(fc.constantFrom('', '-'), digits).map((parts) => parts.join(''));
      await fc.assert(
        fc.asyncProperty(decimal, async (value) => {
          const text = `{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":${value}}}`;
          const created = await server.send('POST', '/Observation', text);
          expect(created.status).toBe(201);
          expect(created.text).toContain(`"value":${value}}`);
          expect((await server.get(`/Observation/${created.body.id}`)).text).toBe(created.text);
        }),
        { numRuns: 60 },
      );
    });

    test('an integer stays one, in its own spelling', async () => {
      const id = unique('integer');
      await kept(
        'Patient',
        id,
        `{"resourceType":"Patient","id":"${id}","meta":{"tag":[{"code":"t"}]},"multipleBirthInteger":2}`,
      );
    });
  });

  describe('order of properties', () => {
    test('wherever id and meta stand', async () => {
      const parts = (id: string) => [
        '"resourceType":"Patient"',
        `"id":"${id}"`,
        '"meta":{"tag":[{"code":"t","system":"urn:t"}]}',
        '"name":[{"given":["G"],"family":"F"}]',
        '"active":true',
      ];
      for (let turn = 0; turn < 5; turn += 1) {
        const id = unique('order');
        const turned = [...parts(id).slice(turn), ...parts(id).slice(0, turn)];
        await kept('Patient', id, `{${turned.join(',')}}`);
        const back = unique('order');
        await kept('Patient', back, `{${parts(back).reverse().join(',')}}`);
      }
    });

    test('within elements, and with names that look like numbers elsewhere', async () => {
      const id = unique('within');
      const sent = `{"resourceType":"Basic","id":"${id}","meta":{"tag":[{"display":"d","code":"t"}]},"code":{"text":"x","coding":[{"display":"d","code":"c","system":"urn:s"}]},
        "extension":[{"valueString":"v","url":"http://example.org/1"},{"extension":[{"valueDecimal":1.0,"url":"b"},{"url":"a","valueDecimal":2.0}],"url":"http://example.org/2"}]}`;
      await kept('Basic', id, sent);
    });
  });

  describe('unicode', () => {
    test('of every plane, composed and not, written as it is or escaped', async () => {
      const texts = [
        'ä',
        'a\u0308',
        '\u{1f600}\u{10ffff}\u{20000}',
        '\\u00e4\\ud83d\\ude00',
        '\\"\\\\\\/\\n\\r\\t',
        '/ and \\/',
        '\u2028\u2029\ufeff\u200d\u202e',
        'العربية עברית 漢字 ไทย',
        '\\u0041\\u00E4',
        'e\u0301 and \\u0065\\u0301',
        '\u007f\u0080\u00a0',
      ];
      const id = unique('unicode');
      const names = texts.map((text) => `{"text":"${text}"}`).join(',');
      await kept(
        'Patient',
        id,
        `{"resourceType":"Patient","id":"${id}","meta":{"tag":[{"code":"t"}]},"name":[${names}]}`,
      );
    });

    test('white space in strings is no white space of JSON', async () => {
      const id = unique('space');
      await kept(
        'Patient',
        id,
        `{\n"resourceType" : "Patient",\r\n\t"id":"${id}", "meta" : { "tag" : [ { "code" : "t" } ] } , "name" : [ { "text" : "  a  { b : [ c , d ] }  " } ] }`,
      );
    });
  });

  test('large base64', async () => {
    const id = unique('large');
    const data = Buffer.alloc(6_000_000, Buffer.from(Array.from({ length: 251 }, (_, byte) => byte))).toString(
      'base64',
    );
    const sent = `{"resourceType":"Binary","id":"${id}","meta":{"tag":[{"code":"t"}]},"contentType":"application/octet-stream","data":"${data}"}`;
    const ways = await everyWay('Binary', id, sent);
    for (const [way, text] of Object.entries(ways)) {
      // A message with eight megabytes helps nobody.
      expect([way, text.replace(serversPart, '"meta":{') === sent]).toEqual([way, true]);
    }
    expect((await server.get(`/Binary/${id}`)).text.length).toBeGreaterThan(1_000_000);
  });

  test('deep contained resources', async () => {
    const id = unique('deep');
    let item = '{"linkId":"x","prefix":"1.00","answerOption":[{"valueInteger":0}],"type":"group"}';
    for (let depth = 0; depth < 35; depth += 1) item = `{"type":"group","item":[${item}],"linkId":"l${depth}"}`;
    const contained = Array.from(
      { length: 20 },
      (_, at) => `{"id":"c${at}","resourceType":"Questionnaire","status":"draft","item":[${item}]}`,
    );
    await kept(
      'Basic',
      id,
      `{"contained":[${contained.join(',')}],"resourceType":"Basic","id":"${id}","meta":{"tag":[{"code":"t"}]},"code":{"text":"c"},"subject":{"reference":"#c7"}}`,
    );
  });

  describe('what is around a change stays', () => {
    const sent = (id: string) =>
      `{"status":"final","resourceType":"Observation","valueQuantity":{"unit":"ä\\u00e4","value":1.00},"id":"${id}","meta":{"tag":[{"code":"t"}]},"code":{"text":"c"},"component":[{"valueQuantity":{"value":-0.0},"code":{"text":"\u{1f600}"}},{"code":{"text":"y"},"valueQuantity":{"value":1.0e+3}}],"referenceRange":[{"low":{"value":1e-20}}]}`;
    const storedAs = async (id: string) =>
      (await server.get(`/Observation/${id}`)).text.replace(serversPart, '"meta":{');

    test('in an update of one element', async () => {
      const id = unique('change');
      await server.send('PUT', `/Observation/${id}`, sent(id));
      await server.send('PUT', `/Observation/${id}`, sent(id).replace('1.00', '1.0'));
      expect(await storedAs(id)).toBe(sent(id).replace('1.00', '1.0'));
      expect((await server.get(`/Observation/${id}`)).headers.get('etag')).toBe('W/"2"');
      const first = (await server.get(`/Observation/${id}/_history/1`)).text;
      expect(first.replace(serversPart, '"meta":{')).toBe(sent(id));
    });

    const fhirpath = (path: string, decimal: string) =>
      `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"${path}"},{"name":"value","valueDecimal":${decimal}}]}]}`;

    test.each([
      ['application/json-patch+json', '[{"op":"replace","path":"/component/1/valueQuantity/value","value":2.50}]'],
      ['application/fhir+json', fhirpath('Observation.component[1].value.value', '2.50')],
    ])('in a patch: %s', async (type, patch) => {
      const id = unique('patch');
      await server.send('PUT', `/Observation/${id}`, sent(id));
      const reply = await server.send('PATCH', `/Observation/${id}`, patch, { 'Content-Type': type });
      expect(reply.status).toBe(200);
      expect(await storedAs(id)).toBe(unescaped(sent(id).replace('1.0e+3', '2.50')));
    });

    test('in a merge patch', async () => {
      const id = unique('patch');
      await server.send('PUT', `/Observation/${id}`, sent(id));
      const type = { 'Content-Type': 'application/merge-patch+json' };
      await server.send('PATCH', `/Observation/${id}`, '{"valueQuantity":{"value":7.70}}', type);
      expect(await storedAs(id)).toBe(unescaped(sent(id).replace('1.00', '7.70')));
    });

    test('in a transaction that rewrites its links', async () => {
      const id = unique('linked');
      const urn = 'urn:uuid:3f6b6f0e-4a3b-4b8c-9d55-0c3e5d3e2a11';
      const text = sent(id).replace('"code":{"text":"c"},', `"code":{"text":"c"},"subject":{"reference":"${urn}"},`);
      const entries = [
        `{"fullUrl":"${urn}","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`,
        `{"resource":${text},"request":{"method":"PUT","url":"Observation/${id}"}}`,
      ];
      const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join()}]}`;
      const reply = await server.send('POST', '', bundle);
      expect(reply.status).toBe(200);
      const [, patient] = /^(Patient\/[^/]+)/.exec(reply.body.entry[0].response.location) ?? [];
      expect(await storedAs(id)).toBe(text.replace(urn, patient ?? ''));
    });

    test.each(['_summary=true', '_summary=data', '_elements=component,referenceRange,value'])(
      'in a part: %s',
      async (query) => {
        const id = unique('part');
        await server.send('PUT', `/Observation/${id}`, sent(id));
        const ways = [
          `/Observation/${id}?${query}`,
          `/Observation?_id=${id}&${query}`,
          `/Observation/${id}/_history?${query}`,
        ];
        for (const way of ways) {
          const { text } = await server.get(way);
          const resource = text.startsWith('{"resourceType":"Bundle"') ? resourceIn(text) : text;
          const parts = [
            '"status":"final","resourceType":"Observation"',
            '"value":1.00}',
            '"value":-0.0}',
            '"value":1.0e+3}',
          ];
          for (const part of parts) expect(resource).toContain(part);
          expect(resource.includes('1e-20')).toBe(!query.includes('=true'));
          const names = Object.keys(JSON.parse(resource));
          const order = Object.keys(JSON.parse(sent(id))).filter((name) => names.includes(name));
          expect(names).toEqual(order);
        }
      },
    );
  });

  test('a reference stays as it was sent: absolute to our own base, versioned', async () => {
    const id = unique('reference');
    const sent = `{"resourceType":"Observation","id":"${id}","meta":{"tag":[{"code":"t"}]},"status":"final","code":{"text":"c"},"subject":{"reference":"${base}/Patient/x"},"focus":[{"reference":"Patient/x/_history/3"},{"reference":"Patient/x"}]}`;
    await kept('Observation', id, sent);
  });
});

const serversPart = /"meta":\{"versionId":"\d+","lastUpdated":"[^"]+",/;

/** JSON without white space outside strings. */
function withoutSpace(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/gs, '$1');
}

/** A patch reads strings and writes them anew, which may spell an escape otherwise. */
function unescaped(json: string): string {
  return json.replaceAll('\\u00e4', 'ä');
}

/** The index behind the object that begins at `start`. */
function endOfObject(json: string, start: number): number {
  let depth = 0;
  const token = /"(?:[^"\\]|\\.)*"|[{}]/gs;
  token.lastIndex = start;
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    if (match[0] === '{') depth += 1;
    if (match[0] === '}') depth -= 1;
    if (depth === 0) return token.lastIndex;
  }
  throw new Error('the object has no end');
}
