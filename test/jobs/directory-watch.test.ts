/** Directories that are watched. https://hl7.org/fhir/R4/profiling.html */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DirectoryWatch } from '../../src/jobs/directory-watch.ts';

let above: string;
let calls = 0;
let watching: DirectoryWatch | undefined;
const faults: unknown[] = [];

beforeEach(() => {
  above = realpathSync(mkdtempSync(join(tmpdir(), 'osteon-watch-')));
  calls = 0;
  faults.length = 0;
});
afterEach(async () => {
  await watching?.close();
  rmSync(above, { recursive: true, force: true });
  expect(faults).toEqual([]);
});

const path = (...names: readonly string[]) => join(above, ...names);

function watchOf(...names: readonly string[]): void {
  watching = new DirectoryWatch(path(...names), {
    onChange: async () => {
      calls += 1;
    },
    onFault: (error) => faults.push(error),
  });
}

/** Does something, and waits until it is told. */
async function told(act: () => void): Promise<void> {
  const before = calls;
  act();
  await vi.waitFor(() => expect(calls).toBeGreaterThan(before), { timeout: 20_000, interval: 20 });
}

const write = (...names: readonly string[]) => writeFileSync(path(...names), String(calls));

test('tells of files in the directory and below it', async () => {
  mkdirSync(path('a', 'b'), { recursive: true });
  watchOf('a');
  await told(() => write('a', 'x'));
  await told(() => write('a', 'b', 'x'));
  await told(() => mkdirSync(path('a', 'c')));
  await told(() => write('a', 'c', 'x'));
  await told(() => rmSync(path('a', 'x')));
});

test('tells of a directory that comes later, with all that leads to it', async () => {
  watchOf('a', 'b', 'c');
  await told(() => mkdirSync(path('a')));
  await told(() => mkdirSync(path('a', 'b', 'c'), { recursive: true }));
  await told(() => write('a', 'b', 'c', 'x'));
});

test('tells of one that goes and comes back, again and again', async () => {
  mkdirSync(path('a'));
  watchOf('a');
  for (let time = 0; time < 3; time++) {
    await told(() => rmSync(path('a'), { recursive: true }));
    await told(() => mkdirSync(path('a')));
    await told(() => write('a', 'x'));
  }
  await told(() => {
    rmSync(path('a'), { recursive: true });
    mkdirSync(path('a'));
  });
  await told(() => write('a', 'x'));
});

test('follows the name, not what was there: a directory, or a link, that takes the place', async () => {
  for (const name of ['a', 'next', 'one', 'other']) mkdirSync(path(name));
  symlinkSync(path('one'), path('link'));
  watchOf('a');
  await told(() => {
    renameSync(path('a'), path('before'));
    renameSync(path('next'), path('a'));
  });
  await told(() => write('a', 'x'));
  await watching?.close();
  watchOf('link');
  await told(() => {
    rmSync(path('link'));
    symlinkSync(path('other'), path('link'));
  });
  await told(() => write('other', 'x'));
});

test('follows links to directories and files, wherever they lead, also around', async () => {
  for (const name of ['a', 'away', 'next']) mkdirSync(path(name));
  write('file');
  symlinkSync(path('away'), path('a', 'link'));
  symlinkSync(join('..', 'file'), path('a', 'file'));
  symlinkSync(path('a'), path('away', 'around'));
  watchOf('a');
  await told(() => write('away', 'x'));
  await told(() => mkdirSync(path('away', 'b')));
  await told(() => write('away', 'b', 'x'));
  await told(() => write('file'));
  // What a link leads to goes, and comes back.
  await told(() => renameSync(path('away'), path('before')));
  await told(() => renameSync(path('next'), path('away')));
  await told(() => write('away', 'y'));
  await told(() => {
    rmSync(path('a', 'link'));
    symlinkSync(path('before'), path('a', 'link'));
  });
  await told(() => write('before', 'y'));
});

test('doesn’t tell of what lies beside it', async () => {
  watchOf('a');
  let others = 0;
  const onChange = async () => {
    others += 1;
  };
  const all = new DirectoryWatch(above, { onChange, onFault: (error) => faults.push(error) });
  write('x');
  mkdirSync(path('b'));
  write('b', 'x');
  await vi.waitFor(() => expect(others).toBeGreaterThan(0), { timeout: 20_000, interval: 20 });
  await all.close();
  expect(calls).toBe(0);
  await told(() => mkdirSync(path('a')));
});

test('tells of nothing after it was closed', async () => {
  mkdirSync(path('a'));
  watchOf('a');
  const first = watching;
  write('a', 'x');
  await first?.close();
  watchOf('a');
  await told(() => write('a', 'y'));
  expect(calls).toBe(1);
});

test('follows each link on the way, wherever in it, also those that links lead over', async () => {
  mkdirSync(path('a'));
  for (const version of ['v1', 'v2']) mkdirSync(path(version, 'profiles'), { recursive: true });
  symlinkSync(path('v1'), path('current'));
  symlinkSync(path('current'), path('newest'));
  symlinkSync(join('..', 'newest', 'profiles'), path('a', 'link'));
  const swap = (link: string, to: string) => {
    symlinkSync(path(to), path('next'));
    renameSync(path('next'), path(link));
  };
  watchOf('a');
  await told(() => write('v1', 'profiles', 'x'));
  await told(() => swap('current', 'v2'));
  await told(() => write('v2', 'profiles', 'x'));
  await told(() => swap('newest', 'v1'));
  await told(() => write('v1', 'profiles', 'x'));
  await watching?.close();
  watchOf('current', 'profiles');
  await told(() => swap('current', 'v1'));
  await told(() => write('v1', 'profiles', 'y'));
});

test('isn’t led around by links that lead to each other', async () => {
  mkdirSync(path('a'));
  symlinkSync(path('two', 'x'), path('one'));
  symlinkSync(path('one', 'y'), path('two'));
  symlinkSync(path('one', 'z'), path('a', 'link'));
  watchOf('a');
  await told(() => write('a', 'x'));
});
