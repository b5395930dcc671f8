/**
 * Writes to a store until it is killed, and says on stdout what was acknowledged; started by crash.test.ts.
 * https://hl7.org/fhir/R4/http.html#transaction
 *
 * Every commit ends with a Basic resource that carries the commit's number and how many versions it made.
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { makeBody } from '../../src/fhir/body.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import type { Condition, Put, Write } from '../../src/store/write.ts';
import { identifiedBy, type Named, namedEntries, namedParameters } from './crash-content.ts';

const [, , path = '', first = '0'] = argv;
/** Commits that wait for an answer at a time. */
const lanes = 6;

const store = await openSqliteStore(`sqlite:${path}`, {
  cursorLifetime: 86_400_000,
  timezone: 'UTC',
  parameters: namedParameters,
});

function put(type: string, id: string, content: Named): Put {
  const compact = Buffer.from(JSON.stringify({ resourceType: type, id, ...content }));
  return { kind: 'put', method: 'PUT', type, id, body: makeBody(compact, id), entries: namedEntries(compact) };
}

/** The writes of commit `n`, before the one that ends it. */
function writesOf(n: number): readonly Write[] {
  const text = `${n} ${'filling '.repeat(n % 40)}`;
  switch (n % 5) {
    case 0:
      return [put('Patient', `p${n}`, { tag: n, name: text, of: `Patient/p${n - 5}` })];
    case 1:
      return [
        put('Patient', `p${n - 1}`, { tag: n, name: text }),
        put('Patient', `q${n}`, { tag: n, name: 'q', of: 'Patient/p0' }),
      ];
    case 2:
      return Array.from({ length: 30 }, (_, i) =>
        put('Patient', `r${n}-${i}`, { tag: n, name: text, of: `Patient/p${n - 2}` }),
      );
    case 3:
      return [{ kind: 'delete', type: 'Patient', id: `r${n - 1}-3` }, put('Patient', `p0`, { tag: n, name: text })];
    default:
      return [put('Patient', `s${n}`, { tag: n, name: `unique ${n}` })];
  }
}

async function lane(start: number): Promise<void> {
  for (let n = start; ; n += lanes) {
    const conditions: Condition[] = [
      { type: 'Patient', criterion: identifiedBy(`unique ${n}`), matches: [], limit: 2 },
    ];
    const writes = writesOf(n);
    // What a deletion would find missing would be no version.
    const found = await Promise.all(
      writes.map(
        async (write) => write.kind !== 'delete' || (await store.read(write.type, write.id))?.method === 'PUT',
      ),
    );
    const effective = writes.filter((_, index) => found[index] === true);
    const end = put('Basic', `m${n}`, { tag: n, versions: effective.length + 1 });
    await store.commit({ writes: [...effective, end], conditions, audit: [] });
    writeSync(1, `${n}\n`);
  }
}

// A walk is alive, so that replaced versions are kept.
const everyone = { type: 'Patient', criterion: { kind: 'and', of: [] }, sort: [] } as const;
await store.commit({
  writes: ['x', 'y'].map((id) => put('Patient', `${id}${first}`, { tag: -1, name: id })),
  conditions: [],
  audit: [],
});
await store.search({ parts: [everyone], count: 1, total: 'none', totalBound: 1, budget: 10_000 });
writeSync(1, 'open\n');
await Promise.all(Array.from({ length: lanes }, (_, n) => lane(Number(first) + n)));
