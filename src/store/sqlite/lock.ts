/**
 * One writing process a file. https://hl7.org/fhir/R4/http.html#concurrency
 *
 * An exclusive transaction on a small database beside the store, held as long as the process lives: the operating
 * system gives it up when the process is killed. A text beside it names the holder for people.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { StoreUnavailable } from '../errors.ts';
import { type Database, openDatabase } from './open.ts';

export interface Lock {
  release(): void;
}

/**
 * Takes the lock of the store at `path`.
 * @throws StoreUnavailable naming the process that holds it, or saying why it can't be taken.
 */
export function takeLock(path: string): Lock {
  const holder = `${path}.holder`;
  let db: Database | undefined;
  try {
    db = openDatabase(`${path}.lock`, { lock: true });
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (!isBusy(error)) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StoreUnavailable(`${path}.lock can't be written, and a store needs it: ${reason}.`);
    }
    throw new StoreUnavailable(`${path} is open for writing in another process: ${describe(holder)}.`);
  }
  const held = db;
  writeFileSync(
    holder,
    JSON.stringify({ pid: process.pid, command: commandLine(), started: new Date().toISOString() }),
  );
  return {
    release() {
      rmSync(holder, { force: true });
      held.close();
    },
  };
}

/** The command as a person typed it, without what configuration may hold. */
function commandLine(): string {
  const name = process.argv[1]?.split(/[\\/]/).at(-1) ?? 'node';
  return [name, ...process.argv.slice(2, 3)].join(' ');
}

function describe(holder: string): string {
  try {
    const found: unknown = JSON.parse(readFileSync(holder, 'utf8'));
    if (typeof found === 'object' && found !== null && 'pid' in found && 'command' in found && 'started' in found) {
      return `process ${found.pid} (${found.command}), since ${found.started}`;
    }
  } catch {
    // The holder has the lock but has not written its name yet.
  }
  return 'one that has not said its name yet';
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && /locked|busy/i.test(error.message);
}
