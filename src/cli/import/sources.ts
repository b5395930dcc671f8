/** The files of an import, and what is in them, piece by piece. https://hl7.org/fhir/R4/nd-json.html */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A file to import. */
export interface Source {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Whether each line is a resource; otherwise the whole file is one. */
  readonly lines: boolean;
}

/** A resource or Bundle of a file. */
export interface Piece {
  /** From 1. */
  readonly line: number;
  readonly bytes: Uint8Array;
}

/** A file that can't be read or unpacked to its end; the message says why, without contents. */
export class UnreadableFile extends Error {}

/** The files of these paths; folders with all that is in them, in the order of their names. Throws for a missing path. */
export async function findSources(paths: readonly string[]): Promise<readonly Source[]> {
  const found: Source[] = [];
  for (const path of paths) {
    const stats = await stat(path);
    if (stats.isDirectory()) {
      const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
      const inside = await findSources(names.map((name) => join(path, name)));
      found.push(...inside);
    } else {
      const kind = /\.(ndjson|jsonl|json)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
      if (kind !== undefined) found.push({ path, size: stats.size, lines: kind !== 'json' });
    }
  }
  return found;
}

/**
 * The pieces of a file, unpacked where its name ends in `.gz`. `onRead` hears of the bytes read from disk.
 * Throws UnreadableFile, after the pieces before the place.
 */
export async function* piecesOf(source: Source, onRead: (bytes: number) => void): AsyncGenerator<Piece> {
  const file = createReadStream(source.path, { highWaterMark: 256 * 1024 });
  file.on('data', (chunk) => onRead(chunk.length));
  const stream = /\.gz$/i.test(source.path) ? unpacked(file) : file;
  const chunks = chunksOf(stream);
  if (source.lines) yield* linesOf(chunks);
  else yield { line: 1, bytes: await wholeOf(chunks) };
}

async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    throw new UnreadableFile(error instanceof Error ? error.message : String(error));
  }
}

function unpacked(file: Readable): Readable {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  file.on('error', (error) => gunzip.destroy(error));
  return file.pipe(gunzip);
}

async function wholeOf(stream: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Lines as bytes; empty ones are counted and left out. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let line = 0;
  let begun: Buffer[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      line += 1;
      const part = chunk.subarray(start, end);
      const bytes = begun.length === 0 ? part : Buffer.concat([...begun, part]);
      begun = [];
      start = end + 1;
      if (!isBlank(bytes)) yield { line, bytes };
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  const bytes = Buffer.concat(begun);
  if (!isBlank(bytes)) yield { line: line + 1, bytes };
}

const isBlank = (bytes: Uint8Array) => bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
