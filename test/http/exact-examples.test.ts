/** All examples of R4 through create, read, update and vread. https://hl7.org/fhir/R4/downloads.html */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haveR4Examples, r4Examples } from '../r4-examples.ts';
import { type Json, type Reply, type TestServer, testServer } from './server.ts';
import { onMongo } from './stores.ts';
import { idOf } from './writing.ts';

/** These are not stored as they are, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  // Its id has 69 characters, and an id has at most 64: https://hl7.org/fhir/R4/datatypes.html#id
  'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json': '400 SearchParameter.id',
};

const have = await haveR4Examples();
/** What is kept of bytes doesn't depend on what they say, so that on MongoDB, where it takes longer, some of them are enough. */
const every = onMongo ? 10 : 1;

describe.skipIf(!have)(every === 1 ? 'all examples of R4' : `every ${every}th example of R4`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  test('come back as they were sent, by create, read, update and vread', { timeout: 300_000 }, async () => {
    const refused: Record<string, string> = {};
    const changed: string[] = [];
    let compared = 0;
    let seen = 0;
    for await (const { file, bytes } of r4Examples()) {
      seen += 1;
      if (seen % every !== 0 && !(file in exceptions)) continue;
      const source = bytes.toString('utf8');
      const parsed = JSON.parse(source) as Json;
      const { resourceType: type, meta } = parsed;
      if (type === 'Parameters') continue;
      const sent = membersOf(source, parsed);
      const fhir = { Accept: 'application/fhir+json' };
      const created = await server.send('POST', `/${type}`, source);
      if (created.status !== 201) {
        const [issue] = created.body.issue;
        refused[file] = `${created.status} ${issue.expression ?? issue.diagnostics}`;
        continue;
      }
      compared += 1;
      const id = idOf(created);
      const url = `/${type}/${id}`;
      const read = await server.get(url, fhir);
      const same = [created.text === read.text, read.text === storedText(sent, id, storedMeta(read, meta))];
      if (type !== 'AuditEvent') {
        const again = { ...meta, tag: [...(meta?.tag ?? []), { code: 'again' }] };
        const tagged = new Map(sent).set('id', `"${id}"`).set('meta', JSON.stringify(again));
        const updated = await server.send('PUT', url, `{${[...tagged].map(([name, text]) => `"${name}":${text}`)}}`);
        same.push(updated.status === 200, updated.headers.get('etag') === 'W/"2"');
        same.push(updated.text === storedText(tagged, id, storedMeta(updated, again)));
        same.push((await server.get(`${url}/_history/2`, fhir)).text === updated.text);
      }
      same.push((await server.get(`${url}/_history/1`, fhir)).text === read.text);
      if (same.includes(false)) changed.push(`${file}: ${same.join()}`);
    }
    expect(refused).toEqual(exceptions);
    expect(changed).toEqual([]);
    expect(compared).toBeGreaterThan(5000 / every);
  });
});

/** The `meta` that an answer should have: the server's part by its headers, and what was sent. */
function storedMeta({ headers, text }: Reply, sent: Json): Json {
  const { versionId: _versionId, lastUpdated: _lastUpdated, ...content } = sent ?? {};
  const versionId = headers.get('etag')?.slice(3, -1);
  const second = new Date(headers.get('last-modified') ?? '').toISOString().slice(0, 19);
  const lastUpdated = new RegExp(`"lastUpdated":"(${second}\\.\\d{3}Z)"`).exec(text)?.[1];
  return { versionId, lastUpdated, ...content };
}

/** The members of a JSON object in their order: their text without white space outside strings. */
function membersOf(json: string, parsed: Json): ReadonlyMap<string, string> {
  const compact = json.replace(/("(?:[^"\\]|\\.)*")|\s+/gs, '$1');
  const members = new Map<string, string>();
  let at = 1;
  for (const [name, value] of Object.entries(parsed)) {
    const start = at + name.length + 3;
    const end = endOfValue(compact, start, value);
    members.set(name, compact.slice(start, end));
    at = end + 1;
  }
  return members;
}

/** The index behind a value; most are spelled as JSON.stringify does. */
function endOfValue(json: string, start: number, value: Json): number {
  const usual = JSON.stringify(value);
  const next = json[start + usual.length];
  if ((next === ',' || next === '}') && json.startsWith(usual, start)) return start + usual.length;
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},]/gs;
  token.lastIndex = start;
  let depth = 0;
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    const [text] = match;
    if (depth === 0 && (text === ',' || text === '}')) return match.index;
    if (text === '{' || text === '[') depth += 1;
    if (text === '}' || text === ']') depth -= 1;
  }
  throw new Error('the value has no end');
}

/** What is stored of these members: where there is no `meta`, it comes after the id. */
function storedText(members: ReadonlyMap<string, string>, id: string, meta: Json): string {
  const texts = [...members].map(([name, text]) => {
    if (name === 'meta') return `"meta":${JSON.stringify(meta)}`;
    if (name !== 'id') return `"${name}":${text}`;
    return members.has('meta') ? `"id":"${id}"` : `"id":"${id}","meta":${JSON.stringify(meta)}`;
  });
  return `{${texts.join()}}`;
}
