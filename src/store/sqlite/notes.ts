/** Texts that page links are too short for: given back at once, on disk a moment later. https://hl7.org/fhir/R4/http.html#paging */
import { BoundedCache } from './bounded-cache.ts';
import type { Writer } from './writer.ts';

interface Note {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Milliseconds that notes wait for others at most: a crash loses the links of so long, which then answer 410. */
const delay = 500;
/** Milliseconds that a note lives longer than it has to, so that one that is asked for over and over is seldom written. */
const ahead = 600_000;
/** Characters that aren't on disk yet beyond which who brings more waits for them. */
const mostWaiting = 4 * 1024 * 1024;
/** Notes of which it is remembered that they are on disk, at least. */
const remembered = 1000;

/**
 * A commit to the file makes the other connections forget what pages they have read. So searches whose query is long only leave
 * it here, and what comes within a moment is one commit.
 */
export class Notes {
  readonly #writer: Pick<Writer, 'note'>;
  readonly #clock: () => number;
  readonly #report: (text: string, error?: unknown) => void;
  readonly #waiting = new Map<string, Note>();
  /** Until when those are kept that are on disk. */
  readonly #written = new BoundedCache<number>(remembered);
  #size = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  /**
   * @param clock milliseconds since 1970.
   * @param report hears of notes that could not be written; they are tried again.
   */
  constructor(
    writer: Pick<Writer, 'note'>,
    clock: () => number,
    report: (text: string, error?: unknown) => void = () => undefined,
  ) {
    this.#writer = writer;
    this.#clock = clock;
    this.#report = report;
  }

  /** Keeps a text until an instant at least; the same key again prolongs it. Throws StoreUnavailable where others can't be written. */
  async keep(key: string, text: string, until: number): Promise<void> {
    const known = this.#waiting.get(key);
    if ((known?.until ?? this.#written.get(key) ?? 0) >= until) return;
    if (this.#size > 0 && this.#size + text.length > mostWaiting) await this.write();
    this.#forget(key);
    this.#waiting.set(key, { text, until: until + ahead });
    this.#size += text.length;
    this.#soon();
  }

  /** The text of a key that isn't on disk yet. */
  kept(key: string): string | undefined {
    const note = this.#waiting.get(key);
    return note !== undefined && note.until > this.#clock() ? note.text : undefined;
  }

  /** Resolves when all that waits is on disk. Throws StoreUnavailable; what isn't then waits on. */
  async write(): Promise<void> {
    // One that runs already may not have what came last.
    await this.#writing?.catch(() => undefined);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Writes once more what waits, and no further; what can't be written is reported, and its links answer 410. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#attempt();
  }

  #soon(): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#attempt();
    }, delay).unref();
  }

  async #attempt(): Promise<void> {
    try {
      await this.write();
    } catch (error) {
      this.#report('Queries of page links could not be written.', error);
      this.#soon();
    }
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = this.#clock();
    for (const [key, { until }] of this.#waiting) if (until <= now) this.#forget(key);
    const notes = [...this.#waiting];
    await Promise.all(notes.map(([key, { text, until }]) => this.#writer.note(key, text, until)));
    for (const [key, note] of notes) {
      this.#written.set(key, note.until);
      // Meanwhile it may have been kept for longer.
      if (this.#waiting.get(key) === note) this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#size -= this.#waiting.get(key)?.text.length ?? 0;
    this.#waiting.delete(key);
  }
}
