/** The bytes of a request's body, unpacked, within the limit. https://hl7.org/fhir/R4/http.html#general */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from 'node:zlib';
import { failure, OutcomeError } from '../fhir/outcome.ts';

const unpackers = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/**
 * Reads the chunks of a body. `length`: what `Content-Length` says, if anything.
 * Throws 413 past `limit` bytes, counted after unpacking (which stops there), 415 for an unknown `Content-Encoding`,
 * 400 for content that can't be unpacked.
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  length: number | undefined,
  encoding: string | undefined,
  limit: number,
): Promise<Uint8Array> {
  const packed = await gather(chunks, length, limit);
  const coding = encoding?.trim().toLowerCase();
  if (coding === undefined || coding === '' || coding === 'identity') return packed;
  const unpack = Object.entries(unpackers).find(([name]) => name === coding)?.[1];
  if (unpack === undefined) throw unknownCoding();
  try {
    return await unpack(packed, { maxOutputLength: limit });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limit);
    throw failure(400, 'structure', `The body can't be unpacked as ${coding}.`);
  }
}

const streamUnpackers = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

/** The chunks of a body, unpacked as they come. Throws 415 for an unknown `Content-Encoding`; its iterator 400 for what can't be unpacked. */
export function unpacked(chunks: AsyncIterable<Uint8Array>, encoding: string | undefined): AsyncIterable<Uint8Array> {
  const coding = encoding?.trim().toLowerCase();
  if (coding === undefined || coding === '' || coding === 'identity') return chunks;
  const create = Object.entries(streamUnpackers).find(([name]) => name === coding)?.[1];
  if (create === undefined) throw unknownCoding();
  return unpackedBy(chunks, create(), coding);
}

async function* unpackedBy(
  chunks: AsyncIterable<Uint8Array>,
  unpack: ReturnType<typeof createGunzip>,
  coding: string,
): AsyncIterable<Uint8Array> {
  const packed = Readable.from(chunks);
  packed.once('error', (error) => unpack.destroy(error));
  packed.pipe(unpack);
  try {
    for await (const chunk of unpack) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    if (packed.errored !== null) throw error;
    throw failure(400, 'structure', `The body can't be unpacked as ${coding}.`);
  } finally {
    packed.destroy();
    unpack.destroy();
  }
}

async function gather(
  chunks: AsyncIterable<Uint8Array>,
  length: number | undefined,
  limit: number,
): Promise<Uint8Array> {
  if (length !== undefined && length > limit) throw tooLarge(limit);
  if (length !== undefined) return gatherKnown(chunks, length, limit);
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > limit) throw tooLarge(limit);
    parts.push(chunk);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

// One piece of the right size from the start: a body of 60 MB is not held twice.
async function gatherKnown(chunks: AsyncIterable<Uint8Array>, length: number, limit: number): Promise<Uint8Array> {
  let body: Uint8Array | undefined;
  let at = 0;
  for await (const chunk of chunks) {
    if (chunk.byteLength === length) return chunk;
    if (at + chunk.byteLength > length) throw tooLarge(limit);
    body ??= new Uint8Array(length);
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  if (at < length) throw failure(400, 'incomplete', 'The connection ended before the whole body was there.');
  return body ?? new Uint8Array(0);
}

function unknownCoding(): OutcomeError {
  return failure(415, 'not-supported', `Content-Encoding must be one of ${Object.keys(unpackers).join(', ')}.`);
}

function tooLarge(limit: number): OutcomeError {
  const diagnostics = `The body is larger than ${limit} bytes (MAX_BODY_BYTES).`;
  return new OutcomeError(413, [{ severity: 'error', code: 'too-long', diagnostics }], { Connection: 'close' });
}
