/** Searches that take long, each in one of a few threads. https://hl7.org/fhir/R4/search.html */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreUnavailable, TooCostly } from '../errors.ts';
import type { ReaderAnswer, ReaderMessage, ReaderStart, ReaderTask } from './reader-messages.ts';
import { fromWire } from './wire.ts';

export interface ReaderOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds. */
  readonly cursorLifetime: number;
  /** A thread answered: it may have seen what was written since something else was read. */
  readonly onAnswer?: () => void;
}

/** Threads at most: they compete with the main one for processors. */
const mostThreads = 2;
/** Milliseconds after which a thread without a task ends, so that it holds no memory. */
const restLength = 30_000;
/** Milliseconds for which closing waits for what is being read. */
const patience = 2_000;

interface Waiting {
  readonly task: ReaderTask;
  /** When it is too late, by the clock of `performance`. */
  readonly deadline: number;
  /** Goes off then, unless a thread has taken the task. */
  readonly late: NodeJS.Timeout;
  readonly resolve: (answer: ReaderAnswer) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  busy: Waiting | undefined;
  rest: NodeJS.Timeout | undefined;
}

export class Readers {
  readonly #path: string;
  readonly #options: ReaderOptions;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #closed = false;

  constructor(path: string, options: ReaderOptions) {
    this.#path = path;
    this.#options = options;
  }

  /**
   * Runs a task in a thread, within a budget (milliseconds) that counts the waiting for one too.
   * @throws TooCostly, CursorExpired, StoreUnavailable.
   */
  run(task: ReaderTask, budget: number): Promise<ReaderAnswer> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('The store is closing.'));
    return new Promise<ReaderAnswer>((resolve, reject) => {
      const late = setTimeout(() => this.#giveUp(waiting), budget);
      const waiting: Waiting = { task, deadline: performance.now() + budget, late, resolve, reject };
      this.#queue.push(waiting);
      this.#next();
    });
  }

  /** Ends the threads; what is still being read after a moment fails. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject, late } of this.#queue.splice(0)) {
      clearTimeout(late);
      reject(new StoreUnavailable('The store is closing.'));
    }
    const stopping = setTimeout(() => Atomics.store(this.#stop, 0, 1), patience);
    const ended = [...this.#threads].map((thread) => {
      this.#end(thread);
      return thread.ended;
    });
    await Promise.all(ended);
    clearTimeout(stopping);
  }

  /** Gives what waits to threads that are free. */
  #next(): void {
    while (this.#queue.length > 0) {
      const free = [...this.#threads].find(({ busy }) => busy === undefined) ?? this.#start();
      if (free === undefined) return;
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      clearTimeout(waiting.late);
      clearTimeout(free.rest);
      const left = Math.max(1, waiting.deadline - performance.now());
      free.busy = waiting;
      const { task } = waiting;
      const now = this.#options.clock();
      post(free, { kind: 'task', now, task: within(task, left) });
    }
  }

  /** No thread was free in time. */
  #giveUp(waiting: Waiting): void {
    const place = this.#queue.indexOf(waiting);
    if (place < 0) return;
    this.#queue.splice(place, 1);
    waiting.reject(new TooCostly('The server is busy with other long searches: try again in a moment.'));
  }

  /** A new thread; undefined where there are enough. */
  #start(): Thread | undefined {
    if (this.#threads.size >= mostThreads || this.#closed) return undefined;
    const { cursorLifetime } = this.#options;
    const start: ReaderStart = { path: this.#path, cursorLifetime, stop: this.#stop };
    // From the sources in tests, from dist otherwise: the entry beside this file has its extension.
    const entry = new URL(`./reader-thread${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { workerData: start, name: 'reader' });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const thread: Thread = { worker, ended, busy: undefined, rest: undefined };
    this.#threads.add(thread);
    worker.on('message', (answer: ReaderAnswer) => this.#answered(thread, answer));
    worker.on('error', (error) => {
      thread.busy?.reject(new StoreUnavailable(`A reader failed: ${error.message}`));
      thread.busy = undefined;
    });
    worker.once('exit', () => {
      this.#threads.delete(thread);
      thread.busy?.reject(new StoreUnavailable('A reader ended.'));
      if (!this.#closed) this.#next();
    });
    return thread;
  }

  #answered(thread: Thread, answer: ReaderAnswer): void {
    const waiting = thread.busy;
    thread.busy = undefined;
    this.#options.onAnswer?.();
    if (answer.kind === 'failed') waiting?.reject(fromWire(answer.error));
    else waiting?.resolve(answer);
    this.#next();
    if (thread.busy === undefined && !this.#closed)
      thread.rest = setTimeout(() => this.#end(thread), restLength).unref();
  }

  /** Ends by message: a worker that is terminated during a statement takes the whole process with it. */
  #end(thread: Thread): void {
    clearTimeout(thread.rest);
    this.#threads.delete(thread);
    post(thread, { kind: 'close' });
  }
}

function post({ worker }: Thread, message: ReaderMessage): void {
  worker.postMessage(message);
}

/** A task that has only these milliseconds left. */
function within(task: ReaderTask, budget: number): ReaderTask {
  switch (task.kind) {
    case 'matches':
    case 'concepts':
      return { ...task, budget };
    case 'tally':
      return { ...task, query: { ...task.query, budget } };
    default:
      return { ...task, query: { ...task.query, budget } };
  }
}
