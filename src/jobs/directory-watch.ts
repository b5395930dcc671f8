/** Tells when something in a directory, or below it, has changed. https://hl7.org/fhir/R4/profiling.html */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Milliseconds without a change after which what has changed is looked at: a file may be written in several pieces. */
const settled = 100;

interface DirectoryWatchOptions {
  /** Called once for changes that come together, and never while the last call is not over; it doesn't reject. */
  readonly onChange: () => Promise<void>;
  /** Hears of a directory that can't be watched. */
  readonly onFault: (error: unknown) => void;
}

interface Watched {
  readonly watcher: FSWatcher;
  /** Another one when another directory has taken the place. */
  readonly inode: number;
}

/**
 * Each directory is watched by itself, so that it works the same on all systems. The one that is meant may come, go and come back: what
 * it is to lie in tells.
 */
export class DirectoryWatch {
  readonly #directory: string;
  readonly #options: DirectoryWatchOptions;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(directory: string, options: DirectoryWatchOptions) {
    this.#directory = resolve(directory);
    this.#options = options;
    this.#follow();
  }

  /** Resolves when the call that is in work is over; none comes after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#keep(new Set());
    await this.#running;
  }

  readonly #changed = (): void => {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(async () => {
        if (this.#isClosed) return;
        // New directories are watched before they are read, so that nothing is missed.
        this.#follow();
        await this.#options.onChange();
      });
    }, settled).unref();
  };

  /** Watches what is there now: each directory before it is looked into. */
  #follow(): void {
    const present = new Set<string>();
    let above = nearestAbove(this.#directory);
    for (;;) {
      this.#watch(above.path, above.next);
      const now = nearestAbove(this.#directory);
      if (now.path === above.path) break;
      above = now;
    }
    present.add(above.path);
    const inside = [this.#directory];
    for (const path of inside) {
      if (inodeOf(path) === undefined) continue;
      present.add(path);
      this.#watch(path, undefined);
      inside.push(...directoriesIn(path));
    }
    this.#keep(present);
  }

  /** `only`: the name of what matters in it; undefined: everything does. */
  #watch(path: string, only: string | undefined): void {
    const inode = inodeOf(path);
    const known = this.#watched.get(path);
    if (inode === undefined || known?.inode === inode) return;
    if (known !== undefined) this.#leave(path, known.watcher);
    try {
      const watcher = watch(path, { persistent: false }, (_, name) => {
        // By its own name it tells that it is gone, or elsewhere: it is watched anew, if it is there.
        const itself = name === null || name === basename(path);
        if (itself) this.#leave(path, watcher);
        if (itself || only === undefined || name === only) this.#changed();
      });
      // It is gone: what it lay in tells.
      watcher.on('error', () => this.#leave(path, watcher));
      this.#watched.set(path, { watcher, inode });
    } catch (error) {
      // It may have gone away meanwhile.
      if (inodeOf(path) !== undefined) this.#options.onFault(error);
    }
  }

  /** Leaves alone what isn't among these. */
  #keep(paths: ReadonlySet<string>): void {
    for (const [path, { watcher }] of this.#watched) if (!paths.has(path)) this.#leave(path, watcher);
  }

  #leave(path: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watched.get(path)?.watcher === watcher) this.#watched.delete(path);
  }
}

/** The nearest directory that a path lies in, and is there; `next`: the name in it that leads to the path. */
function nearestAbove(path: string): { readonly path: string; readonly next: string } {
  let next = path;
  let above = dirname(path);
  while (inodeOf(above) === undefined && dirname(above) !== above) {
    next = above;
    above = dirname(above);
  }
  return { path: above, next: basename(next) };
}

/** undefined where there is no such directory. */
function inodeOf(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isDirectory() ? found.ino : undefined;
  } catch {
    return undefined;
  }
}

function directoriesIn(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => join(path, name));
  } catch {
    // It went away meanwhile, or isn't ours to read: reading the files tells.
    return [];
  }
}
