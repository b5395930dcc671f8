/** Tells when something in a directory, or below it, has changed. https://hl7.org/fhir/R4/profiling.html */
import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Milliseconds without a change after which what has changed is looked at: a file may be written in several pieces. */
const settled = 100;

/**
 * Each directory is watched by itself, so that it works the same on all systems. One that isn't there when this begins is not waited for.
 */
export class DirectoryWatch {
  readonly #directory: string;
  readonly #onChange: () => Promise<void>;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @param onChange is called once for changes that come together, and never while the last call is not over; it doesn't reject. */
  constructor(directory: string, onChange: () => Promise<void>) {
    this.#directory = directory;
    this.#onChange = onChange;
    this.#follow();
  }

  /** Resolves when the call that is in work is over; none comes after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#running;
  }

  readonly #changed = (): void => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(async () => {
        if (this.#isClosed) return;
        // New directories are watched before they are read, so that nothing is missed.
        this.#follow();
        await this.#onChange();
      });
    }, settled).unref();
  };

  #follow(): void {
    const present = new Set(directoriesOf(this.#directory));
    for (const [path, watcher] of this.#watchers) {
      if (present.has(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of present) if (!this.#watchers.has(path)) this.#watch(path);
  }

  #watch(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, this.#changed);
      // It is gone: its parent tells.
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(path);
      });
      this.#watchers.set(path, watcher);
    } catch {
      // It went away meanwhile.
    }
  }
}

/** A directory and all below it. */
function directoriesOf(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const inside = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((each) => each.isDirectory());
  return [directory, ...inside.map(({ parentPath, name }) => join(parentPath, name))];
}
