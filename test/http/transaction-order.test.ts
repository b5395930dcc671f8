/** https://hl7.org/fhir/R4/http.html#trules */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Json, type TestServer, testServer } from './server.ts';
import { bundle, entry, unique } from './writing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

/** An entry as a property makes it up: identifiers and ids are small numbers, so that entries meet. */
interface Made {
  readonly kind: 'post' | 'postIf' | 'put' | 'putIf' | 'delete' | 'deleteIf' | 'reference';
  readonly identifiers: readonly number[];
  readonly criterion: number;
  readonly id: number;
  readonly active: boolean;
}

const made: fc.Arbitrary<Made> = fc.record({
  kind: fc.constantFrom('post', 'postIf', 'postIf', 'put', 'putIf', 'delete', 'deleteIf', 'reference'),
  identifiers: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }),
  criterion: fc.nat(3),
  id: fc.nat(2),
  active: fc.boolean(),
});

const stored: fc.Arbitrary<readonly (readonly number[])[]> = fc.array(fc.uniqueArray(fc.nat(3), { maxLength: 2 }), {
  maxLength: 3,
});

function patientOf(prefix: string, identifiers: readonly number[], more: Json = {}): Json {
  const identifier = identifiers.map((value) => ({ value: `${prefix}-${value}` }));
  return { resourceType: 'Patient', ...(identifier.length === 0 ? {} : { identifier }), gender: 'other', ...more };
}

function entryOf(prefix: string, { kind, identifiers, criterion, id, active }: Made): Json {
  const criteria = `identifier=${prefix}-${criterion}`;
  const logical = `${prefix}-${id}`;
  switch (kind) {
    case 'post':
      return entry('POST', 'Patient', patientOf(prefix, identifiers, { active }));
    case 'postIf':
      return entry('POST', 'Patient', patientOf(prefix, identifiers, { active }), { ifNoneExist: criteria });
    case 'put':
      return entry('PUT', `Patient/${logical}`, patientOf(prefix, identifiers, { id: logical, active }));
    case 'putIf':
      return entry('PUT', `Patient?${criteria}`, patientOf(prefix, identifiers, { active }));
    case 'delete':
      return entry('DELETE', `Patient/${logical}`);
    case 'deleteIf':
      return entry('DELETE', `Patient?${criteria}`);
    case 'reference':
      return entry('POST', 'Basic', {
        resourceType: 'Basic',
        code: { text: prefix },
        subject: { reference: `Patient?${criteria}` },
      });
  }
}

/** Stores the resources, runs the transaction, and tells what came of it without ids and without the prefix. */
async function outcomeOf(before: readonly (readonly number[])[], entries: readonly Made[]): Promise<Json> {
  const prefix = unique('order');
  for (const [n, identifiers] of before.entries()) {
    const id = `${prefix}-${n}`;
    await server.send('PUT', `/Patient/${id}`, patientOf(prefix, identifiers, { id }));
  }
  const reply = await server.send('POST', '/', bundle('transaction', ...entries.map((each) => entryOf(prefix, each))));
  const own =
    (await server.get(`/Patient?identifier=${[0, 1, 2, 3].map((n) => `${prefix}-${n}`).join(',')}`)).body.entry ?? [];
  const contents = own.map(({ resource }: Json) => {
    const { id, meta, ...rest } = resource;
    return JSON.stringify({ ...rest, version: meta.versionId, chosen: id.startsWith(prefix) ? id : '' }).replaceAll(
      prefix,
      '',
    );
  });
  const statuses = (reply.body.entry ?? []).map((each: Json) => each.response.status);
  // Which of several faults comes first is no outcome: each of them fails the whole.
  return { failed: reply.status !== 200, contents: contents.sort(), statuses: statuses.sort() };
}

test('the outcome does not depend on the order of entries', async () => {
  await fc.assert(
    fc.asyncProperty(
      stored,
      fc.array(made, { minLength: 2, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      async (before, entries, random) => {
        const shuffled = entries
          .map((each) => ({ each, rank: random.next().value }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ each }) => each);
        expect(await outcomeOf(before, shuffled)).toEqual(await outcomeOf(before, entries));
      },
    ),
    { numRuns: 150 },
  );
});

test('what a transaction makes, criteria find once: the same transaction again creates nothing by them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        made.filter(({ kind }) => kind === 'postIf'),
        { minLength: 1, maxLength: 4 },
      ),
      async (entries) => {
        const prefix = unique('again');
        // Each content matches its own criteria, as clients mean it.
        const sent = entries.map((each) => entryOf(prefix, { ...each, identifiers: [each.criterion] }));
        const first = await server.send('POST', '/', bundle('transaction', ...sent));
        if (first.status !== 200) return;
        const again = await server.send('POST', '/', bundle('transaction', ...sent));
        expect(again.body.entry.map((each: Json) => each.response.status)).toEqual(entries.map(() => '200 OK'));
        expect(again.body.entry.map((each: Json) => each.response.location)).toEqual(
          first.body.entry.map((each: Json) => each.response.location),
        );
      },
    ),
    { numRuns: 40 },
  );
});
