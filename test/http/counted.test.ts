/** The bytes of a streamed answer are told once, however it ends. https://hl7.org/fhir/R4/http.html */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { counted } from '../../src/http/counted.ts';

async function* pieces(fails = false): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(3);
  yield new Uint8Array(4);
  if (fails) throw new Error('broken');
}

test('when there are no more, one fails, or nobody wants more', async () => {
  const told: number[] = [];
  const tell = (bytes: number) => told.push(bytes);
  let taken = 0;
  for await (const piece of counted(pieces(), tell)) taken += piece.byteLength;
  expect([taken, told]).toEqual([7, [7]]);
  const read = async () => {
    for await (const piece of counted(pieces(true), tell)) taken += piece.byteLength;
  };
  await expect(read()).rejects.toThrow('broken');
  expect(told).toEqual([7, 7]);
  for await (const piece of counted(pieces(), tell)) if (piece.byteLength > 0) break;
  expect(told).toEqual([7, 7, 3]);
});

test('when a client is gone before the first piece', async () => {
  const told: number[] = [];
  const body = Readable.from(counted(pieces(), (bytes) => told.push(bytes)));
  body.destroy();
  await new Promise((resolve) => body.once('close', resolve));
  expect(told).toEqual([0]);
});
