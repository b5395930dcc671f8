/**
 * Keeps a store's file in the operating system's memory while searches are measured, so that they are compared and not the disk.
 * https://hl7.org/fhir/R4/search.html
 */
import { createReadStream } from 'node:fs';

/** Bytes that are read at once. */
const piece = 4 * 1024 * 1024;
/** Milliseconds after which it is read again: some kernels take out of memory what nobody used for a while. */
const stays = 45_000;

/** @returns what reads the file through where that was some time ago; for other stores than a file, and unless it is wanted, nothing. */
export function fileCache(storeUrl: string, wanted: boolean): () => Promise<void> {
  const file = storeFile(storeUrl);
  let readAt: number | undefined;
  return async () => {
    if (!wanted || file === undefined || (readAt !== undefined && performance.now() - readAt < stays)) return;
    for await (const _ of createReadStream(file, { highWaterMark: piece }));
    readAt = performance.now();
  };
}

/** The file that a store's URL names; undefined for other stores. */
export function storeFile(url: string): string | undefined {
  return /^sqlite:(.+)$/.exec(url)?.[1];
}
