/** All examples of R4, from their npm package, which is downloaded once. https://hl7.org/fhir/R4/downloads.html */
import { execFile } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';

const name = 'hl7.fhir.r4.examples';
const version = '4.0.1';
const cache = fileURLToPath(new URL('../.cache', import.meta.url));
const archive = join(cache, `${name}-${version}.tgz`);

export interface R4Example {
  /** e.g. `Patient-example.json` */
  readonly file: string;
  readonly bytes: Buffer;
}

/** Downloads the archive where the cache hasn't it. Another process may do so too: it appears whole or not at all. */
async function download(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'download-'));
  try {
    await promisify(execFile)('npm', ['pack', `${name}@${version}`, '--pack-destination', folder, '--silent'], {
      cwd: folder,
      shell: process.platform === 'win32',
      timeout: 120_000,
    });
    renameSync(join(folder, `${name}-${version}.tgz`), archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the examples can be had; says on the console why not. Use it to skip a test: `it.skipIf(!(await haveR4Examples()))`. */
export async function haveR4Examples(): Promise<boolean> {
  if (existsSync(archive)) return true;
  try {
    await download();
    return true;
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    console.warn(`Skipped: the examples of R4 (npm pack ${name}@${version}) can't be had: ${reason}`);
    return false;
  }
}

/** All 5,306 examples, in the order of the archive. Throws where `haveR4Examples` is false. */
export async function* r4Examples(): AsyncGenerator<R4Example> {
  for await (const { path, bytes } of tarFiles(createReadStream(archive).pipe(createGunzip()))) {
    const file = path.replace(/^package\//, '');
    if (file.endsWith('.json') && !file.startsWith('.') && file !== 'package.json') yield { file, bytes };
  }
}

const BLOCK = 512;

/** The files of a tar archive. https://www.gnu.org/software/tar/manual/html_node/Standard.html */
async function* tarFiles(stream: AsyncIterable<Buffer>): AsyncGenerator<{ path: string; bytes: Buffer }> {
  let chunks: Buffer[] = [];
  let have = 0;
  let need = BLOCK;
  let header: Buffer | undefined;
  for await (const chunk of stream) {
    chunks.push(chunk);
    have += chunk.length;
    if (have < need) continue;
    let rest = Buffer.concat(chunks);
    while (rest.length >= need) {
      if (header === undefined) {
        header = rest.subarray(0, BLOCK);
        if (header[0] === 0) return;
        need = Math.ceil(Number.parseInt(header.toString('latin1', 124, 136), 8) / BLOCK) * BLOCK;
        rest = rest.subarray(BLOCK);
      } else {
        const size = Number.parseInt(header.toString('latin1', 124, 136), 8);
        const path = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
        if (header.toString('latin1', 156, 157) === '0') yield { path, bytes: rest.subarray(0, size) };
        rest = rest.subarray(need);
        header = undefined;
        need = BLOCK;
      }
    }
    chunks = [rest];
    have = rest.length;
  }
}
