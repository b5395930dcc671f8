/** The thread of the writer of a file. https://hl7.org/fhir/R4/http.html#transaction */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { collectGarbage } from '../garbage.ts';
import { Checkpoints } from './checkpoints.ts';
import { openDatabase } from './open.ts';
import type { PackedWrites } from './pack.ts';
import type { Task, TaskResult } from './tasks.ts';
import {
  type NumberedResult,
  type NumberedTask,
  toWire,
  type WriterAnswer,
  type WriterMessage,
  type WriterStart,
} from './wire.ts';
import { writerEngine, writerOpening } from './writer-engine.ts';

/** Writes beyond which a group takes no further task, so that small commits don't wait for a large one behind them. */
const groupSize = 2000;
/** Milliseconds without a task after which the writer tidies up. */
const restAfter = 250;
/** Milliseconds from then until it looks again for what has expired. */
const restLength = 60_000;

const start: WriterStart = workerData;
const port = parentOf();
const answer = (message: WriterAnswer, transfers: readonly ArrayBuffer[] = []) => port.postMessage(message, transfers);

let now = Date.now();
const clock = start.systemClock ? Date.now : () => now;
const queue: NumberedTask[] = [];
const parts = new Map<number, { writes: PackedWrites[]; audit: Uint8Array[] }>();
let closing = false;
let rest: NodeJS.Timeout | undefined;
let rested = false;
/** Whether a commit of several parts has left its messages behind. */
let littered = false;

const db = openDatabase(start.path, writerOpening);
const engine = writerEngine(db, {
  ...start,
  clock,
  report: (text) => answer({ kind: 'report', text }),
  onAuditHead: (process, sequence, hash) => answer({ kind: 'head', process, sequence, hash }),
});
const checkpoints = new Checkpoints(db, start.path);

function parentOf(): MessagePort {
  if (parentPort === null) throw new Error('writer-thread.ts runs as a worker only');
  return parentPort;
}

function take(message: WriterMessage): void {
  switch (message.kind) {
    case 'tasks':
      now = message.now;
      queue.push(...message.tasks);
      break;
    case 'part': {
      const known = parts.get(message.id) ?? { writes: [], audit: [] };
      known.writes.push(...message.writes);
      known.audit.push(...message.audit);
      parts.set(message.id, known);
      break;
    }
    case 'drop':
      parts.delete(message.id);
      break;
    case 'close':
      closing = true;
  }
}

/** Tasks for one transaction, with their parts. */
function nextGroup(): { readonly ids: readonly number[]; readonly tasks: readonly Task[] } {
  const ids: number[] = [];
  const tasks: Task[] = [];
  let size = 0;
  for (const [index, { id, task }] of queue.entries()) {
    const whole = wholeTask(id, task);
    size += whole.kind === 'commit' ? 1 + whole.writes.reduce((sum, run) => sum + run.count, 0) : 1;
    if (index > 0 && size > groupSize) break;
    ids.push(id);
    tasks.push(whole);
  }
  queue.splice(0, ids.length);
  for (const id of ids) parts.delete(id);
  return { ids, tasks };
}

function wholeTask(id: number, task: Task): Task {
  const part = parts.get(id);
  return part !== undefined && task.kind === 'commit' ? { ...task, ...part } : task;
}

function numbered(id: number, result: TaskResult): NumberedResult {
  return result.ok ? { id, written: result.written } : { id, error: toWire(result.error) };
}

/** Takes what has arrived since, without waiting for a turn of the event loop. */
function drain(): void {
  for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
    take(more.message);
  }
}

function work(): void {
  clearTimeout(rest);
  rested = false;
  drain();
  while (queue.length > 0) {
    const { ids, tasks } = nextGroup();
    const before = performance.now();
    const results = engine.run(tasks).map((result, index) => numbered(ids[index] ?? 0, result));
    if (tasks.some((task) => task.kind === 'commit' && task.writes.length > 1)) littered = true;
    answer({ kind: 'results', results, milliseconds: performance.now() - before });
    checkpoints.afterGroup();
    drain();
  }
  if (closing) close();
  else rest = setTimeout(tidy, restAfter);
}

/** Removes what has expired in small steps, each on a turn of its own so that tasks come first. */
function tidy(): void {
  const more = engine.tidy();
  if (more) checkpoints.afterGroup();
  else checkpoints.atRest();
  if (!more && littered) {
    littered = false;
    db.exec('PRAGMA shrink_memory');
    collectGarbage();
  }
  // After a long rest the pages that the last load needed give their memory back.
  if (!more && rested) db.exec('PRAGMA shrink_memory');
  rested = true;
  rest = setTimeout(tidy, more ? 0 : restLength);
}

function close(): void {
  clearTimeout(rest);
  engine.close();
  checkpoints.atRest();
  db.close();
  port.close();
}

port.on('message', (message: WriterMessage) => {
  take(message);
  work();
});
answer({ kind: 'ready' });
