/**
 * The one writer: all changes go through it, on its own thread or, for a store in memory, on the calling one.
 * https://hl7.org/fhir/R4/http.html#transaction
 */
import { extname } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { AuditRecord } from '../audit-record.ts';
import { Conflict, StoreUnavailable } from '../errors.ts';
import type { Commit, Committed } from '../write.ts';
import { Packer, packRecords } from './audit-pack.ts';
import type { Engine } from './engine.ts';
import { Gathering } from './gathering.ts';
import type { IndexWork, Owners } from './index-work.ts';
import { type PackedWrites, type ParameterNumbers, packWrites } from './pack.ts';
import { type CommitTask, type Task, type TaskResult, unpackWritten } from './tasks.ts';
import type { TerminologyWork } from './terminology-write.ts';
import { fromWire, type NumberedTask, type WriterAnswer, type WriterMessage, type WriterStart } from './wire.ts';

export interface Writer {
  commit(commit: Commit): Promise<Committed>;
  /** Appends packed audit records (`audit-pack.ts`) of interactions that wrote nothing. */
  appendAudit(parts: readonly Uint8Array[]): Promise<void>;
  /** `until`: milliseconds. */
  note(key: string, text: string, until: number): Promise<void>;
  /** Resolves when replaced versions are kept for walks that may be alive up to `until` (milliseconds). */
  walks(until: number): Promise<void>;
  /** Takes so many changes into the full-text index. */
  words(limit: number): Promise<void>;
  /** @returns whether states of parameters are others now. */
  index(work: IndexWork): Promise<boolean>;
  /** Writes the entries of resources anew. @returns how many had others. */
  rewrite(type: number, owners: Owners): Promise<number>;
  /** Takes a step of loading or removing a code system. @returns what it gives. */
  terminology(work: TerminologyWork): Promise<number>;
  /** From now on these are the numbers of the entries' parameters. A commit that was packed in part with others is a Conflict. */
  useParameters(parameters: ParameterNumbers): void;
  /** Throws StoreUnavailable when it can't write any more. */
  check(): void;
  /** Finishes what was given, then ends. */
  close(): Promise<void>;
}

/** Writes that are packed in one go: a few milliseconds of the main thread. */
const partSize = 256;

/** The writer of a store in memory. */
export class InlineWriter implements Writer {
  readonly #engine: Engine;
  readonly #packer = new Packer();
  #parameters: ParameterNumbers;
  #closed = false;

  constructor(engine: Engine, parameters: ParameterNumbers = new Map()) {
    this.#engine = engine;
    this.#parameters = parameters;
  }

  async commit(commit: Commit): Promise<Committed> {
    const writes = packWrites(commit.writes, 0, commit.writes.length, this.#parameters);
    const result = this.#run(commitTask(commit, [writes], packRecords(commit.audit, this.#packer)));
    return { written: unpackWritten(result) };
  }

  async appendAudit(parts: readonly Uint8Array[]): Promise<void> {
    this.#run({ kind: 'audit', parts });
  }

  async note(key: string, text: string, until: number): Promise<void> {
    this.#run({ kind: 'note', key, text, until });
  }

  async walks(until: number): Promise<void> {
    this.#run({ kind: 'walks', until });
  }

  async words(limit: number): Promise<void> {
    this.#run({ kind: 'words', limit });
  }

  async index(work: IndexWork): Promise<boolean> {
    return this.#run({ kind: 'index', work })[1] === 1;
  }

  async rewrite(type: number, owners: Owners): Promise<number> {
    return this.#run({ kind: 'index', work: { kind: 'rewrite', type, owners } })[0] ?? 0;
  }

  async terminology(work: TerminologyWork): Promise<number> {
    return this.#run({ kind: 'terminology', work })[0] ?? 0;
  }

  useParameters(parameters: ParameterNumbers): void {
    this.#parameters = parameters;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#engine.close();
  }

  check(): void {
    if (this.#closed) throw new StoreUnavailable('The store is closed.');
  }

  #run(task: Task): Float64Array {
    this.check();
    const result: TaskResult | undefined = this.#engine.run([task])[0];
    if (result === undefined) throw new Error('the engine gave no result');
    if (!result.ok) throw result.error;
    return result.written;
  }
}

/** What the writer's thread tells beside answers. */
export interface WriterHearing {
  /** Milliseconds that a transaction took. */
  readonly onGroup?: ((milliseconds: number) => void) | undefined;
  /** The newest hash (hexadecimal) of the audit chain. */
  readonly onAuditHead?: ((process: string, sequence: number, hash: string) => void) | undefined;
  /** What went wrong and was passed over. */
  readonly report?: ((text: string) => void) | undefined;
}

interface Waiting {
  readonly resolve: (written: Float64Array) => void;
  readonly reject: (error: Error) => void;
}

/** The writer of a file, on a thread of its own. */
export class ThreadWriter implements Writer {
  readonly #worker: Worker;
  readonly #packer = new Packer();
  readonly #clock: () => number;
  readonly #hearing: WriterHearing;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  /** Bulk commits in the outbox. */
  readonly #gathering = new Gathering(() => this.#flush());
  #parameters: ParameterNumbers = new Map();
  #outbox: NumberedTask[] = [];
  #transfers: ArrayBuffer[] = [];
  #next = 1;
  #unavailable: string | undefined;

  private constructor(worker: Worker, clock: () => number, hearing: WriterHearing) {
    this.#worker = worker;
    this.#clock = clock;
    this.#hearing = hearing;
    worker.on('message', (answer: WriterAnswer) => this.#receive(answer));
    this.#ended = new Promise((resolve) => {
      worker.on('error', (error) => this.#fail(`The writer failed: ${error.message}`));
      worker.on('exit', () => {
        this.#fail('The store is closed.');
        resolve();
      });
    });
  }

  /**
   * Starts the thread and waits until it can write.
   * @throws StoreUnavailable when it can't.
   */
  static async start(start: WriterStart, clock: () => number, hearing: WriterHearing): Promise<ThreadWriter> {
    // From the sources in tests, from dist otherwise: the entry beside this file has its extension.
    const entry = new URL(`./writer-thread${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { workerData: start, name: 'writer' });
    const writer = new ThreadWriter(worker, clock, hearing);
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', (error) => reject(new StoreUnavailable(`The writer failed: ${error.message}`)));
    });
    return writer;
  }

  async commit(commit: Commit): Promise<Committed> {
    const { writes, audit } = commit;
    const gathered = commit.bulk === true ? writes.length : undefined;
    if (writes.length <= partSize) {
      const packed = packWrites(writes, 0, writes.length, this.#parameters);
      const task = commitTask(commit, [packed], this.#packAudit(audit));
      return { written: unpackWritten(await this.#send(task, this.#next++, [packed.bytes.buffer], gathered)) };
    }
    const id = this.#next++;
    try {
      await this.#sendParts(id, commit);
    } catch (error) {
      this.#post({ kind: 'drop', id }, []);
      throw error;
    }
    return { written: unpackWritten(await this.#send(commitTask(commit, [], []), id, [], gathered)) };
  }

  async #sendParts(id: number, { writes, audit }: Commit): Promise<void> {
    const parameters = this.#parameters;
    const parts = Math.ceil(Math.max(writes.length, audit.length) / partSize);
    for (let part = 0; part < parts; part++) {
      this.check();
      const start = part * partSize;
      const packed = packWrites(writes, start, start + partSize, this.#parameters);
      const some = this.#packAudit(audit.slice(start, start + partSize));
      this.#post({ kind: 'part', id, writes: [packed], audit: some }, [packed.bytes.buffer]);
      // Requests that arrived meanwhile are answered between the parts.
      await turn();
      if (parameters !== this.#parameters) throw new Conflict('parameters', 0);
    }
  }

  async appendAudit(parts: readonly Uint8Array[]): Promise<void> {
    await this.#send({ kind: 'audit', parts }, this.#next++, []);
  }

  async note(key: string, text: string, until: number): Promise<void> {
    await this.#send({ kind: 'note', key, text, until }, this.#next++, []);
  }

  async walks(until: number): Promise<void> {
    await this.#send({ kind: 'walks', until }, this.#next++, []);
  }

  async words(limit: number): Promise<void> {
    await this.#send({ kind: 'words', limit }, this.#next++, []);
  }

  async index(work: IndexWork): Promise<boolean> {
    return (await this.#send({ kind: 'index', work }, this.#next++, []))[1] === 1;
  }

  async rewrite(type: number, owners: Owners): Promise<number> {
    const work = { kind: 'rewrite', type, owners } as const;
    return (await this.#send({ kind: 'index', work }, this.#next++, []))[0] ?? 0;
  }

  async terminology(work: TerminologyWork): Promise<number> {
    return (await this.#send({ kind: 'terminology', work }, this.#next++, []))[0] ?? 0;
  }

  useParameters(parameters: ParameterNumbers): void {
    this.#parameters = parameters;
  }

  async close(): Promise<void> {
    if (this.#unavailable === undefined) {
      this.#flush();
      this.#unavailable = 'The store is closed.';
      this.#post({ kind: 'close' }, []);
    }
    await this.#ended;
  }

  /** Copies, since a part that shares its memory with others would take all of it along. */
  #packAudit(records: readonly AuditRecord[]): readonly Uint8Array[] {
    return records.length === 0 ? [] : packRecords(records, this.#packer).map((part) => new Uint8Array(part));
  }

  /** @param gathered how many writes a bulk commit has; undefined: the task goes with this turn of the event loop. */
  #send(task: Task, id: number, transfers: readonly ArrayBuffer[], gathered?: number): Promise<Float64Array> {
    this.check();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // What requests of the same turn send goes in one message.
      if (gathered !== undefined) this.#gathering.add(gathered);
      else setImmediate(() => this.#flush());
      this.#outbox.push({ id, task });
      this.#transfers.push(...transfers);
    });
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    this.#gathering.end();
    const [tasks, transfers] = [this.#outbox, this.#transfers];
    this.#outbox = [];
    this.#transfers = [];
    this.#post({ kind: 'tasks', now: this.#clock(), tasks }, transfers);
  }

  #post(message: WriterMessage, transfers: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfers);
  }

  check(): void {
    if (this.#unavailable !== undefined) throw new StoreUnavailable(this.#unavailable);
  }

  #receive(answer: WriterAnswer): void {
    if (answer.kind === 'head') this.#hearing.onAuditHead?.(answer.process, answer.sequence, answer.hash);
    if (answer.kind === 'report') this.#hearing.report?.(answer.text);
    if (answer.kind !== 'results') return;
    this.#hearing.onGroup?.(answer.milliseconds);
    for (const { id, written, error } of answer.results) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error !== undefined) waiting?.reject(fromWire(error));
      else if (written !== undefined) waiting?.resolve(written);
    }
  }

  #fail(message: string): void {
    this.#unavailable ??= message;
    for (const { reject } of this.#waiting.values()) reject(new StoreUnavailable(message));
    this.#waiting.clear();
  }
}

function commitTask(commit: Commit, writes: readonly PackedWrites[], audit: readonly Uint8Array[]): CommitTask {
  const { conditions, mustExist = [], mustBeUnreferenced = [], notes = [], times } = commit;
  const required: string[] = [];
  for (const { type, id } of mustExist) required.push(type, id);
  const task = {
    kind: 'commit',
    writes,
    conditions,
    mustExist: required,
    mustBeUnreferenced,
    audit,
    notes,
  } as const;
  return times === undefined ? task : { ...task, times };
}
