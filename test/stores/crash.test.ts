/** Nothing acknowledged is lost when the process is killed at any moment. https://hl7.org/fhir/R4/http.html#transaction */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkStore } from '../../src/store/sqlite/check.ts';
import { openForReading } from '../../src/store/sqlite/path.ts';
import { contentOf, reextractNamed } from './crash-content.ts';
import { directory } from './files.ts';
import { transpile } from './transpiled.ts';

const at = directory();
/** Stores that are written to and killed at the same time, kills of each, and kills after which a store starts anew. */
const lanes = 2;
const killsEach = 26;
const killsAStore = 7;
/** Milliseconds of writing at most. */
const longest = 120;

beforeAll(() => {
  transpile(at('js'), [
    'src/store',
    'src/fhir',
    'src/search',
    'test/stores/crash-writer.ts',
    'test/stores/crash-content.ts',
  ]);
});

/** Starts a writer, kills it at a random moment while it writes, and gives the numbers of the acknowledged commits. */
async function writeAndKill(path: string, first: number): Promise<readonly number[]> {
  const writer: ChildProcess = spawn(process.execPath, [at('js/test/stores/crash-writer.js'), path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: number[] = [];
  if (writer.stdout === null) throw new Error('the writer has no stdout');
  const lines = createInterface({ input: writer.stdout });
  lines.on('line', (line) => {
    if (line === 'open') setTimeout(() => writer.kill('SIGKILL'), Math.random() * longest);
    else acknowledged.push(Number(line));
  });
  const [[code, signal]] = await Promise.all([once(writer, 'exit'), once(lines, 'close')]);
  // It never ends by itself: that would be a failure it has printed.
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  return acknowledged;
}

/** Checks that every commit is whole and every acknowledged one there; gives how many there are. */
function verify(path: string, acknowledged: readonly number[]): number {
  const db = openForReading(path);
  const versions = db
    .prepare<[number, number, Uint8Array | null]>('SELECT vid, updated, body FROM version ORDER BY vid')
    .all();
  const commits = new Set<number>();
  let open: { readonly tag: number; readonly updated: number }[] = [];
  let last = 0;
  for (const [index, [vid, updated, body]] of versions.entries()) {
    expect(vid).toBe(index + 1);
    expect(updated).toBeGreaterThanOrEqual(last);
    last = updated;
    const content = body === null ? undefined : contentOf(body);
    // What the writer stores at its start.
    if (content?.tag === -1) continue;
    open.push({ tag: content?.tag ?? Number.NaN, updated });
    if (content?.versions === undefined) continue;
    expect(open).toHaveLength(content.versions);
    expect(open.every((one) => one.updated === updated && (Number.isNaN(one.tag) || one.tag === content.tag))).toBe(
      true,
    );
    expect(commits.has(content.tag)).toBe(false);
    commits.add(content.tag);
    open = [];
  }
  expect(open).toEqual([]);
  expect(acknowledged.filter((tag) => !commits.has(tag))).toEqual([]);
  expect([...checkStore(db, reextractNamed)].filter(({ kind }) => kind === 'finding')).toEqual([]);
  db.close();
  return commits.size;
}

describe('a process that is killed', () => {
  it.concurrent.each(Array.from({ length: lanes }, (_, lane) => lane))(
    'leaves every acknowledged commit, none by half, and a sound index (%i)',
    async (lane) => {
      let all: number[] = [];
      let commits = 0;
      for (let kill = 0; kill < killsEach; kill++) {
        if (kill % killsAStore === 0) all = [];
        const path = at(`crash-${lane}-${Math.floor(kill / killsAStore)}.db`);
        all.push(...(await writeAndKill(path, kill * 100_000)));
        commits += verify(path, all);
      }
      expect(commits).toBeGreaterThan(killsEach);
    },
    300_000,
  );
});
