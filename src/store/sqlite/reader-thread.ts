/** A thread for searches that take long, with a connection of its own. https://hl7.org/fhir/R4/search.html */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './open.ts';
import type { ReaderAnswer, ReaderMessage, ReaderStart, ReaderTask } from './reader-messages.ts';
import { Searcher } from './search.ts';
import { TerminologyReads } from './terminology-read.ts';
import { toWire } from './wire.ts';

/** Mebibytes of page cache. */
const cache = 16;

// Where they share a core, quick requests come first. Linux alone takes this for the thread, others for the process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const { path, cursorLifetime, stop }: ReaderStart = workerData;
let now = 0;
const db = openDatabase(path, { readOnly: true, cache });
const stopped = () => Atomics.load(stop, 0) !== 0;
const searcher = new Searcher(db, { clock: () => now, cursorLifetime, stopped });
const terminology = new TerminologyReads(db, stopped);

function answerTo(task: ReaderTask): ReaderAnswer {
  try {
    if (task.kind === 'search') return { kind: 'search', page: searcher.search(task.query, task.query.budget, false) };
    if (task.kind === 'explain') return { kind: 'explain', explanation: searcher.explain(task.query) };
    if (task.kind === 'tally') return { kind: 'tally', tally: searcher.tally(task.query) };
    if (task.kind === 'concepts') return { kind: 'concepts', answer: terminology.ask(task.query, task.budget) };
    const { type, criterion, limit, budget } = task;
    return { kind: 'matches', ids: searcher.matches(type, criterion, limit, budget) };
  } catch (error) {
    return { kind: 'failed', error: toWire(error) };
  }
}

parentPort?.on('message', (message: ReaderMessage) => {
  if (message.kind === 'close') {
    db.close();
    parentPort?.close();
    return;
  }
  now = message.now;
  parentPort?.postMessage(answerTo(message.task));
});
