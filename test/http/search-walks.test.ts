/** Walks of pages while others write. https://hl7.org/fhir/R4/http.html#paging */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, idsOf, link, load, observation, pagesFrom, patient, type Reply, search } from './searching.ts';
import { type Json, type TestServer, testServer } from './server.ts';
import { lastingStore, onMongo } from './stores.ts';

/** `Type/id/version` of a page's matches. */
const shownOn = (reply: Reply): readonly string[] =>
  entriesOf(reply).map(({ resource: { resourceType, id, meta } }) => `${resourceType}/${id}/${meta.versionId}`);

const ids = Array.from({ length: 14 }, (_, n) => `w${n}`);
const families = ['Ann', 'Ben', 'ann', 'Zoë', 'Lee'];

const arbitraryPatient = fc.record(
  {
    resourceType: fc.constant('Patient'),
    id: fc.constantFrom(...ids),
    name: fc.array(fc.record({ family: fc.constantFrom(...families) }), { minLength: 1, maxLength: 2 }),
    gender: fc.constantFrom('male', 'female', 'other'),
    birthDate: fc.constantFrom('1970', '1970-03', '1980-01-01', '1990'),
    identifier: fc.array(
      fc.record({ system: fc.constantFrom('urn:a', 'urn:b'), value: fc.constantFrom('1', '2', '3') }),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    generalPractitioner: fc.constantFrom('a', 'b').map((id) => [{ reference: `Practitioner/${id}` }]),
  },
  { requiredKeys: ['resourceType', 'id'] },
);

const arbitraryWrite = fc.oneof(
  { weight: 3, arbitrary: arbitraryPatient.map((resource): Json => ({ put: resource })) },
  { weight: 1, arbitrary: fc.constantFrom(...ids).map((id): Json => ({ remove: id })) },
);

const queries = [
  'gender=male,female',
  'gender:not=other',
  'name=a,z',
  'name:contains=n',
  'name:missing=false',
  'birthdate=ge1970',
  'birthdate=1970,1990',
  'identifier=1,2',
  'identifier=urn:a|',
  'general-practitioner=Practitioner/a',
  'general-practitioner=Practitioner/a,Practitioner/b&gender=male',
  `_id=${ids.join()}`,
  '_lastUpdated=gt2000',
  '',
];
const sorts = ['', '_id', '-_id', '_lastUpdated', '-_lastUpdated', 'name', '-name', 'birthdate', '-birthdate'].concat([
  'gender,-name',
  '-identifier',
  'identifier,birthdate',
  'general-practitioner,_id',
  'name,-_lastUpdated',
]);

const arbitraryWalk = fc.record({
  before: fc.uniqueArray(arbitraryPatient, { minLength: 4, maxLength: 14, selector: ({ id }) => id }),
  query: fc.constantFrom(...queries),
  sort: fc.constantFrom(...sorts),
  count: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(fc.record({ writes: fc.array(arbitraryWrite, { maxLength: 4 }), backwards: fc.boolean() }), {
    minLength: 3,
    maxLength: 12,
  }),
});

async function write(server: TestServer, { put, remove }: Json): Promise<void> {
  if (put !== undefined) expect((await server.send('PUT', `/Patient/${put.id}`, put)).status).toBeLessThan(300);
  else expect((await server.send('DELETE', `/Patient/${remove}`)).status).toBe(204);
}

/** Walks to and fro while writing, and compares each page with what the state of the first page says. */
async function walkWhileWriting(server: TestServer, plan: Json): Promise<void> {
  const { before, query, sort, count, steps } = plan;
  for (const id of ids) await server.send('DELETE', `/Patient/${id}`);
  await load(server, before);
  const path = `/Patient?_count=${count}&${query}&_sort=${sort}`;
  const whole = await pagesFrom(server, await server.get(path));
  const expected = whole.flatMap(shownOn);
  const total = whole[0]?.body.total;
  expect(expected.length).toBe(total);
  const gone = new Set<string>();
  const alive = () =>
    expected.map((each, place) => ({ each, place })).filter(({ each }) => !gone.has(each.split('/')[1] ?? ''));

  let page = await server.get(path);
  let from = 0;
  for (const { writes, backwards } of steps) {
    for (const one of writes) {
      await write(server, one);
      if (one.remove !== undefined) gone.add(one.remove);
    }
    const shown = shownOn(page);
    if (shown.length === 0) break;
    from = expected.indexOf(shown[0] ?? '');
    const to = expected.indexOf(shown.at(-1) ?? '');
    const url = link(page, backwards ? 'previous' : 'next');
    const wanted = backwards
      ? alive()
          .filter(({ place }) => place < from)
          .slice(-count)
      : alive()
          .filter(({ place }) => place > to)
          .slice(0, count);
    if (url === undefined) {
      // Links are made when a page is: what it leads to may only have become fewer.
      expect(wanted, `${path} has no link ${backwards ? 'back' : 'on'}`).toEqual([]);
      continue;
    }
    page = await server.get(url);
    expect(shownOn(page), path).toEqual(wanted.map(({ each }) => each));
    expect(page.body.total).toBe(total);
    const first = await server.get(link(page, 'first') ?? '');
    expect(shownOn(first), path).toEqual(
      alive()
        .slice(0, count)
        .map(({ each }) => each),
    );
  }
}

function walks(name: string, flags: () => Record<string, string>, runs: number): void {
  describe(name, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await testServer({ AUDIT: 'off', ...flags() });
    });
    afterAll(() => server.close());

    it('shows the state of its first page', async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryWalk, (plan) => walkWhileWriting(server, plan)),
        { numRuns: runs },
      );
    }, 120_000);

    it('shows what has since been changed, deleted and created as it was, not at all, and not', async () => {
      for (const sort of ['', 'name', '-name', '_lastUpdated']) {
        const some = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) =>
          patient(`s${letter}`, { name: [{ family: `Sam ${letter}` }], gender: 'other' }),
        );
        await load(server, some);
        const first = await server.get(`/Patient?name=sam&_count=2&_sort=${sort}`);
        expect(first.body.total).toBe(6);
        const shown = idsOf(first);
        const left = some.filter(({ id }) => !shown.includes(id));
        const [resorted, unmatched, deleted, kept] = left;
        const [seen] = some.filter(({ id }) => shown.includes(id));
        await load(server, [
          { ...resorted, name: [{ family: 'Sam 0' }, { family: 'Sam z' }] },
          { ...unmatched, name: [{ family: 'Tim' }] },
          { ...seen, name: [{ family: 'Sam zz' }] },
          patient('snew', { name: [{ family: 'Sam cc' }] }),
        ]);
        await server.send('DELETE', `/Patient/${deleted.id}`);
        const pages = await pagesFrom(server, first);
        const all = pages.flatMap((page) => entriesOf(page).map(({ resource }) => resource));
        expect(all.map(({ id }) => id).sort()).toEqual([...shown, resorted.id, unmatched.id, kept.id].sort());
        expect(all.map(({ name: [{ family }] }) => family).every((text) => /^Sam [a-f]$/.test(text))).toBe(true);
        expect(pages.map((page) => page.body.total)).toEqual(pages.map(() => 6));
        const now = await server.get('/Patient?name=sam');
        expect([...idsOf(now)].sort()).toEqual([...shown, resorted.id, kept.id, 'snew'].sort());
        for (const id of [...some.map((each) => each.id), 'snew']) await server.send('DELETE', `/Patient/${id}`);
      }
    });

    it('of several types shows each as it was', async () => {
      await load(server, [
        ...['1', '3', '5'].map((n) => patient(`t${n}`, { gender: 'male' })),
        ...['2', '4', '6'].map((n) => observation(`t${n}`)),
      ]);
      for (const sort of ['', '_id', '-_id', '-_lastUpdated']) {
        const path = `?_type=Patient,Observation&_id=t1,t2,t3,t4,t5,t6&_count=2&_sort=${sort}`;
        const before = (await pagesFrom(server, await server.get(path))).flatMap(shownOn);
        const first = await server.get(path);
        await load(server, [
          ...['1', '3', '5'].map((n) => patient(`t${n}`, { gender: 'female', language: `x-${sort}` })),
          observation('t2', { language: `y-${sort}` }),
          patient('t2', { gender: 'male' }),
        ]);
        expect((await pagesFrom(server, first)).flatMap(shownOn), sort).toEqual(before);
        await server.send('DELETE', '/Patient/t2');
      }
    });

    it('begun by POST shows the state of its first page', async () => {
      await load(
        server,
        ['1', '2', '3', '4'].map((n) => patient(`v${n}`, { gender: 'unknown' })),
      );
      const first = await search(server, '/Patient/_search', { gender: 'unknown', _count: '1', _sort: '-_id' });
      await load(
        server,
        ['1', '2', '3', '4'].map((n) => patient(`v${n}`, { gender: 'other' })),
      );
      const pages = await pagesFrom(server, first);
      expect(pages.flatMap(shownOn)).toEqual(['4', '3', '2', '1'].map((n) => `Patient/v${n}/1`));
    });

    it('that runs beside concurrent writers gives each match once', async () => {
      const many = Array.from({ length: 60 }, (_, n) =>
        patient(`c${n}`, { name: [{ family: 'Conc' }], gender: 'male' }),
      );
      await load(server, many);
      const before = (await pagesFrom(server, await server.get('/Patient?name=conc&_count=7&_sort=gender'))).flatMap(
        idsOf,
      );
      let writing = true;
      let turn = 0;
      const writer = async () => {
        while (writing) {
          turn += 1;
          const id = `c${turn % 60}`;
          const gender = turn % 2 === 0 ? 'female' : 'other';
          await server.send('PUT', `/Patient/${id}`, patient(id, { name: [{ family: `Other${turn}` }], gender }));
        }
      };
      const first = await server.get('/Patient?name=conc&_count=7&_sort=gender');
      const writers = [writer(), writer()];
      const pages = await pagesFrom(server, first);
      writing = false;
      await Promise.all(writers);
      expect(pages.flatMap(idsOf)).toEqual(before);
      expect(pages.flatMap(shownOn).every((each) => each.endsWith('/1'))).toBe(true);
    });
  });
}

walks(onMongo ? 'a walk on MongoDB' : 'a walk in memory', () => ({}), onMongo ? 15 : 60);
if (!onMongo) walks('a walk on a file, with its threads', () => ({ STORE_URL: lastingStore().url }), 15);
