/** When bulk commits go to the writer. https://hl7.org/fhir/R4/http.html#transaction */
import { expect, it } from 'vitest';
import { Gathering } from '../../src/store/sqlite/gathering.ts';

function gathering() {
  let gone = 0;
  const made: Gathering = new Gathering(() => {
    gone += 1;
    made.end();
  });
  return { made, gone: () => gone };
}

it('bulk commits go when the thread has nothing else to do', async () => {
  const { made, gone } = gathering();
  made.add(1);
  made.add(1);
  expect(gone()).toBe(0);
  await expect.poll(gone).toBe(1);
  made.add(1);
  await expect.poll(gone).toBe(2);
});

it('bulk commits go at once when they are enough', async () => {
  const { made, gone } = gathering();
  made.add(600);
  made.add(600);
  await new Promise((resolve) => setImmediate(resolve));
  expect(gone()).toBe(1);
});

it('bulk commits do not wait for ever while the thread is busy', async () => {
  const { made, gone } = gathering();
  made.add(1);
  // Only ends what hangs.
  const until = performance.now() + 20_000;
  while (gone() === 0 && performance.now() < until) {
    const busy = performance.now() + 5;
    while (performance.now() < busy);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(gone()).toBe(1);
});
