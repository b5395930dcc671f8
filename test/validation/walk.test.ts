import { expect, it } from 'vitest';
import { BoundCodes, bindingCheck } from '../../src/validation/binding.ts';
import { Walk } from '../../src/validation/walk.ts';

const walkOf = () => new Walk({ resourceType: 'Patient' }, 'Patient', Number.POSITIVE_INFINITY);

/** A binding to a set of which the store is asked. */
function boundTo(has: () => Promise<boolean>) {
  const codes = new BoundCodes('x:set', async () => ({ has }));
  return bindingCheck('code', { strength: 'required', codes });
}

it('What could not be found out ends who waits for it, and nobody else', async () => {
  const check = boundTo(async () => Promise.reject(new Error('the store is away')));
  for (let n = 0; n < 3; n += 1) {
    const walk = walkOf();
    check('a', walk);
    // A validation whose time is over waits no more: a rejection that nobody hears of would end the process.
    await new Promise((resolve) => setImmediate(resolve));
    await expect(walk.settled()).rejects.toThrow('the store is away');
    check('a', walkOf());
  }
});

it('The store is asked a few at a time', async () => {
  let [now, most, asked] = [0, 0, 0];
  const check = boundTo(async () => {
    now += 1;
    asked += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    return true;
  });
  const walk = walkOf();
  for (let n = 0; n < 1_000; n += 1) check(`${n}`, walk);
  expect(asked).toBe(0);
  await walk.settled();
  expect(asked).toBe(1_000);
  expect(most).toBeLessThanOrEqual(16);
  expect(walk.place.issues).toEqual([]);
});
