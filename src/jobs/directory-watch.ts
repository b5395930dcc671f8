/** Tells when something in a directory, or below it, has changed. https://hl7.org/fhir/R4/profiling.html */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { directoriesBelow, idOf, linksOnTheWay, nearestAbove } from './directories.ts';

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
  readonly id: string;
  /** The names of what matters in it; undefined: everything does. */
  only: Set<string> | undefined;
}

/**
 * Each directory is watched by itself, so that it works the same on all systems. The one that is meant, and what links lead to, may come,
 * go and come back: what it is to lie in tells.
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
    this.#watchWay(this.#directory, present);
    try {
      const inside = directoriesBelow(this.#directory, (path) => this.#watch(path, undefined, present));
      for (const { links } of inside) for (const target of links) this.#watchWay(target, present);
    } catch (error) {
      this.#options.onFault(error);
    }
    this.#keep(present);
  }

  /** The same, also for a link on the way to it to lead elsewhere. */
  #watchWay(path: string, present: Set<string>): void {
    this.#watchAbove(path, present);
    for (const link of linksOnTheWay(path)) this.#watch(dirname(link), basename(link), present);
  }

  /** Watches for something to come, go, or be another: where it lies, or is to lie. */
  #watchAbove(path: string, present: Set<string>): void {
    let above = nearestAbove(path);
    for (;;) {
      this.#watch(above.path, above.next, present);
      const now = nearestAbove(path);
      if (now.path === above.path) return;
      above = now;
    }
  }

  /** `only`: the name of what matters in it; undefined: everything does. */
  #watch(path: string, only: string | undefined, present: Set<string>): void {
    const id = idOf(path);
    if (id === undefined) return;
    present.add(path);
    const known = this.#watched.get(path);
    if (known?.id === id) {
      if (only === undefined) known.only = undefined;
      else known.only?.add(only);
      return;
    }
    if (known !== undefined) this.#leave(path, known.watcher);
    try {
      const watcher = watch(path, { persistent: false }, (_, name) => {
        // By its own name it tells that it is gone, or elsewhere: it is watched anew, if it is there.
        const itself = name === null || name === basename(path);
        if (itself) this.#leave(path, watcher);
        if (itself || watched.only === undefined || watched.only.has(name)) this.#changed();
      });
      const watched: Watched = { watcher, id, only: only === undefined ? undefined : new Set([only]) };
      // It is gone: what it lay in tells.
      watcher.on('error', () => this.#leave(path, watcher));
      this.#watched.set(path, watched);
    } catch (error) {
      // It may have gone away meanwhile.
      if (idOf(path) !== undefined) this.#options.onFault(error);
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
