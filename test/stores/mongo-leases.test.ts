/** Leases: what only one process does at a time. https://hl7.org/fhir/R4/async.html */
import type { Collection } from 'mongodb';
import { expect, test } from 'vitest';
import { type LeaseDocument, type LeaseOptions, Leases } from '../../src/store/mongo/leases.ts';
import { databaseName, databases } from './mongo-database.ts';

const own = databases();

/** Leases of a database of their own. */
function leases(): Collection<LeaseDocument> {
  return own.client().db(databaseName(own.url())).collection('leases');
}

/** Processes that share leases. */
function processes(documents = leases()): (holder: string, options?: Partial<LeaseOptions>) => Leases {
  return (holder, options = {}) => new Leases(documents, { holder, pause: 2, ...options });
}

/** Something that goes on until it is told to end. */
function lasting() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const act = () => {
    begin();
    return ended;
  };
  return { act, begun, end };
}

test('while one process acts, another does not', async () => {
  const open = processes();
  const [one, other] = [open('one'), open('other')];
  const work = lasting();
  const working = one.ifAlone('work', work.act);
  await work.begun;
  expect(await other.ifAlone('work', async () => 'no')).toBeUndefined();
  expect(await other.ifAlone('other work', async () => 'yes')).toEqual({ result: 'yes' });
  work.end();
  await working;
  expect(await other.ifAlone('work', async () => 'yes')).toEqual({ result: 'yes' });
});

test('`alone` waits for its turn, and no two act at once', async () => {
  const open = processes();
  let acting = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      open(`p${n}`).alone('work', async () => {
        acting += 1;
        expect(acting).toBe(1);
        await own.client().db('admin').command({ ping: 1 });
        order.push(n);
        acting -= 1;
      }),
    ),
  );
  expect(order.sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

test('within a process what acts under a name holds it together', async () => {
  const open = processes();
  const [one, other] = [open('one'), open('other')];
  const [first, second] = [lasting(), lasting()];
  const both = [one.alone('work', first.act), one.alone('work', second.act)];
  await Promise.all([first.begun, second.begun]);
  first.end();
  await both[0];
  expect(await other.ifAlone('work', async () => 'no')).toBeUndefined();
  second.end();
  await Promise.all(both);
  expect(await other.ifAlone('work', async () => 'yes')).toEqual({ result: 'yes' });
});

test('the lease of a process that shows no sign of life ends, that of one that does goes on', async () => {
  const documents = leases();
  const open = processes(documents);
  const work = lasting();
  // A process that was killed: its next sign of life would come in an hour.
  void open('dead', { lifetime: 3_600_000 }).ifAlone('work', work.act);
  await work.begun;
  const other = open('other', { lifetime: 40 });
  expect(await other.ifAlone('work', async () => 'no')).toBeUndefined();
  expect(await other.alone('work', async () => 'yes')).toBe('yes');
  const living = lasting();
  const working = open('living', { lifetime: 40 }).ifAlone('other work', living.act);
  await living.begun;
  const third = open('third', { lifetime: 1 });
  const beat = async () => (await documents.findOne({ _id: 'other work' }))?.beat;
  for (let look = 0; look < 3; look++) {
    expect(await third.ifAlone('other work', async () => 'no')).toBeUndefined();
    const seen = (await beat()) ?? 0;
    await expect.poll(beat).toBeGreaterThan(seen);
  }
  await expect(
    open('fourth', { lifetime: 3_600_000, patience: 20 }).alone('other work', async () => 'no'),
  ).rejects.toThrow(/other work/);
  living.end();
  await working;
});

test('what fails gives its lease back', async () => {
  const open = processes();
  const failing = open('one').ifAlone('work', async () => {
    throw new Error('a failure');
  });
  await expect(failing).rejects.toThrow('a failure');
  expect(await open('other').ifAlone('work', async () => 'yes')).toEqual({ result: 'yes' });
});
