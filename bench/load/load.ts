/** The load generator as the benchmark sees it. https://hl7.org/fhir/R4/http.html */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnNode } from '../machine.ts';
import type { Job, JobAnswer, StreamPlan, StreamResult } from './job.ts';

export class LoadGenerator {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawnNode('load', fileURLToPath(import.meta.resolve('./generator.js')), [], { ipc: true });
    this.#child.stdout?.resume();
    this.#child.stderr?.pipe(process.stderr);
  }

  /** Runs one job. One at a time. */
  run(job: Job): Promise<readonly StreamResult[]> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the load generator ended'));
      this.#child.once('exit', ended);
      this.#child.once('message', (answer: JobAnswer) => {
        this.#child.off('exit', ended);
        if (answer.kind === 'result') resolve(answer.streams);
        else reject(new Error(answer.message));
      });
      this.#child.send(job);
    });
  }

  /** Runs a job of one stream. */
  async one(port: number, plan: StreamPlan, warmUp: number, seconds?: number): Promise<StreamResult> {
    const job: Job = { port, streams: [plan], warmUp, ...(seconds === undefined ? {} : { seconds }) };
    const [result] = await this.run(job);
    if (result === undefined) throw new Error('a job without a stream');
    return result;
  }

  async stop(): Promise<void> {
    // `close` doesn't come for a child whose channel its parent has closed.
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    await ended;
  }
}
