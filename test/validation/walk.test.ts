import { expect, it } from 'vitest';
import { Walk } from '../../src/validation/walk.ts';

it('What could not be found out ends who waits for it, and nobody else', async () => {
  const walk = new Walk({ resourceType: 'Patient' }, 'Patient', Number.POSITIVE_INFINITY);
  walk.later(Promise.reject(new Error('the store is away')), () => undefined);
  // A validation whose time is over waits no more: a rejection that nobody hears of would end the process.
  await new Promise((resolve) => setImmediate(resolve));
  await expect(walk.settled()).rejects.toThrow('the store is away');
});
