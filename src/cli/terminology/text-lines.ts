/** Text files line by line, unpacked where their names end in `.gz`. https://hl7.org/fhir/R4/nd-json.html */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UnreadableFile } from '../import/sources.ts';

/** Bytes that are read at once: texts of more don't lie among short-lived ones, and are collected late. */
const chunkSize = 64 * 1024;

/** The bytes of a file. Throws UnreadableFile. `onRead` hears of those read from disk. */
export function bytesOf(path: string, onRead: (bytes: number) => void = () => undefined): Readable {
  const file = createReadStream(path, { highWaterMark: chunkSize });
  file.on('data', (chunk) => onRead(chunk.length));
  if (!/\.t?gz$/i.test(path)) return file;
  const gunzip = createGunzip({ chunkSize });
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => file.destroy());
  return file.pipe(gunzip);
}

/** The lines of a UTF-8 file without what ends them, many at a time; a mark at the beginning and empty lines are left out. */
export async function* linesOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let begun = '';
  try {
    for await (const chunk of bytesOf(path, onRead)) {
      const lines = (begun + decoder.decode(chunk, { stream: true })).split('\n');
      begun = lines.pop() ?? '';
      yield lines.map(withoutReturn).filter((line) => line !== '');
    }
  } catch (error) {
    throw new UnreadableFile(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const last = withoutReturn(begun + decoder.decode());
  if (last !== '') yield [last];
}

/** The first line; '' where there is none. */
export async function firstLineOf(path: string): Promise<string> {
  for await (const [line] of linesOf(path)) if (line !== undefined) return line;
  return '';
}

/** A copy: what is cut out of a text keeps all of it in memory. */
export function owned(text: string): string {
  return Buffer.from(text).toString();
}

const withoutReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);
