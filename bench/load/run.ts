/** Runs a job: streams of requests beside each other, timed. https://hl7.org/fhir/R4/http.html */
import { Connection, type Reply } from './connection.ts';
import type { Job, StreamPlan, StreamResult } from './job.ts';
import { Latencies } from './latencies.ts';
import { type Asked, createTraffic, type Traffic } from './traffic.ts';

/** Seconds for which a job that is over waits for the first answer of each stream. */
const patience = 60;

/** Resolves with a result for each stream; rejects when a connection breaks or a file can't be read. */
export async function runJob(job: Job): Promise<readonly StreamResult[]> {
  const streams = job.streams.map((plan) => new Stream(plan, job.port));
  const rest = stayAwake();
  try {
    await Promise.all(streams.map((stream) => stream.open()));
    const ended = streams.map((stream) => stream.run());
    const broken = Promise.all(ended);
    await Promise.race([wait(job.warmUp), broken]);
    for (const stream of streams) stream.count();
    await Promise.race(job.seconds === undefined ? [ended[0], broken] : [wait(job.seconds), broken]);
    // What takes longer than the whole job is told by its first answers.
    await Promise.race([Promise.all(streams.map((stream) => stream.counted())), broken, wait(patience)]);
    for (const stream of streams) stream.stopCounting();
    for (const stream of streams) stream.stop();
    await Promise.race([broken, wait(20)]);
    return streams.map((stream) => stream.result());
  } finally {
    rest();
    for (const stream of streams) stream.close();
  }
}

/**
 * Keeps this process asking for events without sleeping: on a virtual machine waking it would cost the server, which
 * writes what it waits for, more than the write itself, and only while this process has time to sleep.
 * Returns what ends it.
 */
function stayAwake(): () => void {
  let awake = true;
  const again = (): void => {
    if (awake) setImmediate(again);
  };
  again();
  return () => {
    awake = false;
  };
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

class Stream {
  readonly #plan: StreamPlan;
  readonly #port: number;
  readonly #traffic: Traffic;
  #connections: readonly Connection[] = [];
  #latencies = new Latencies();
  #statuses = new Map<number, number>();
  #bytes = 0;
  #unexpected = 0;
  #example: string | undefined;
  #counting = false;
  #stopped = false;
  #from = 0;
  #until = 0;
  #failed: (error: Error) => void = () => undefined;
  #first: (() => void) | undefined;

  constructor(plan: StreamPlan, port: number) {
    this.#plan = plan;
    this.#port = port;
    this.#traffic = createTraffic(plan.traffic, plan.connections);
  }

  async open(): Promise<void> {
    const opened: Promise<Connection>[] = [];
    for (let index = 0; index < this.#plan.connections; index += 1) {
      opened.push(
        new Promise((resolve, reject) => {
          const connection = new Connection(
            this.#port,
            () => resolve(connection),
            (error) => {
              reject(error);
              this.#failed(error);
            },
          );
        }),
      );
    }
    this.#connections = await Promise.all(opened);
  }

  /** Resolves when nothing is left to send, or after `stop`. */
  async run(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject;
      const running = this.#plan.rate === undefined ? this.#runInTurn() : this.#runOnTime(this.#plan.rate);
      running.then(resolve, reject);
    });
  }

  count(): void {
    this.#latencies = new Latencies();
    this.#statuses = new Map();
    this.#bytes = 0;
    this.#counting = true;
    this.#from = performance.now();
  }

  /** Resolves when an answer has been counted. */
  async counted(): Promise<void> {
    if (this.#latencies.count === 0) await new Promise<void>((resolve) => (this.#first = resolve));
  }

  stopCounting(): void {
    this.#until = performance.now();
    this.#counting = false;
  }

  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  result(): StreamResult {
    const seconds = (this.#until - this.#from) / 1000;
    const requests = this.#latencies.count;
    return {
      name: this.#plan.name,
      requests,
      seconds,
      perSecond: requests / seconds,
      p50: this.#latencies.quantile(0.5),
      p99: this.#latencies.quantile(0.99),
      max: this.#latencies.max,
      bytes: requests === 0 ? 0 : this.#bytes / requests,
      statuses: Object.fromEntries(this.#statuses),
      unexpected: this.#unexpected,
      ...(this.#example === undefined ? {} : { example: this.#example }),
    };
  }

  async #runInTurn(): Promise<void> {
    await Promise.all(this.#connections.map((connection, index) => this.#turns(connection, index)));
  }

  #turns(connection: Connection, index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (asked: Asked | undefined): void => {
        if (asked === undefined || this.#stopped) {
          resolve();
          return;
        }
        const begun = performance.now();
        connection.send(asked.bytes, false, (reply) => {
          this.#note(asked, reply, performance.now() - begun);
          this.#traffic.answered?.(index, reply);
          next();
        });
      };
      const next = (): void => {
        const asked = this.#traffic.next(index);
        if (asked instanceof Promise) asked.then(go, reject);
        else go(asked);
      };
      next();
    });
  }

  /** Begins requests when they are due, on a free connection; where none is free, a request waits and its wait counts. */
  #runOnTime(rate: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const free = this.#connections.map((_, index) => index);
      const due: number[] = [];
      let busy = 0;
      let begun = 0;
      const start = performance.now();
      const serve = (): void => {
        while (free.length > 0 && due.length > 0) {
          const index = free.pop() ?? 0;
          const at = due.shift() ?? 0;
          const connection = this.#connections[index];
          busy += 1;
          const send = (asked: Asked | undefined): void => {
            if (asked === undefined || connection === undefined) return;
            connection.send(asked.bytes, false, (reply) => {
              this.#note(asked, reply, performance.now() - at);
              this.#traffic.answered?.(index, reply);
              free.push(index);
              busy -= 1;
              serve();
            });
          };
          const asked = this.#traffic.next(index);
          if (asked instanceof Promise) asked.then(send, reject);
          else send(asked);
        }
        if (this.#stopped && busy === 0 && due.length === 0) {
          clearInterval(timer);
          resolve();
        }
      };
      const timer = setInterval(() => {
        if (!this.#stopped) {
          const now = performance.now();
          for (; start + (begun * 1000) / rate <= now; begun += 1) due.push(start + (begun * 1000) / rate);
        }
        serve();
      }, 1);
    });
  }

  #note(asked: Asked, reply: Reply, milliseconds: number): void {
    if (reply.status !== asked.expected) {
      this.#unexpected += 1;
      this.#example ??= `${reply.status} instead of ${asked.expected}: ${(reply.body?.toString() ?? '').slice(0, 600)}`;
    }
    // Answers that arrive after the end of a job that ends by time don't count; a request that was due in it does.
    if (!this.#counting && !(this.#plan.rate !== undefined && this.#stopped)) return;
    this.#latencies.add(milliseconds);
    this.#first?.();
    this.#bytes += reply.size;
    this.#statuses.set(reply.status, (this.#statuses.get(reply.status) ?? 0) + 1);
  }
}
