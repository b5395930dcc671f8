/** Which codes are kept between searches. https://hl7.org/fhir/R4/valueset-operation-expand.html */
import { expect, test } from 'vitest';
import { keepCodes, keptCodes, type Made } from '../../src/interactions/kept-codes.ts';
import { directory, openAt } from '../stores/files.ts';

const at = directory();
const made = (found: string, count = 1): Made => ({
  result: [{ system: 'urn:s', codes: ['a'] }],
  of: Array.from({ length: count }, (_, n) => ({ type: 'ValueSet', canonical: `urn:${n}`, found })),
});

test('those that were asked for last, while what they were made of is the same', async () => {
  const store = await openAt(at('kept.db'));
  const now = async () => 'v1';
  for (let n = 0; n < 100; n++) keepCodes(store, `r${n}`, made('v1'));
  expect(await keptCodes(store, 'r0', now)).toEqual(made('v1'));
  keepCodes(store, 'r100', made('v1'));
  expect(await keptCodes(store, 'r0', now)).toEqual(made('v1'));
  expect(await keptCodes(store, 'r1', now)).toBeUndefined();
  expect(await keptCodes(store, 'r2', async () => 'v2')).toBeUndefined();
  expect(await keptCodes(store, 'r2', async () => undefined)).toBeUndefined();
  keepCodes(store, 'many', made('v1', 1001));
  keepCodes(store, 'l'.repeat(2001), made('v1'));
  expect(await keptCodes(store, 'many', now)).toBeUndefined();
  expect(await keptCodes(store, 'l'.repeat(2001), now)).toBeUndefined();
  await store.close();
});
