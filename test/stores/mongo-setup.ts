/** Starts the MongoDB of a test run before its first test, and says which it is. https://hl7.org/fhir/R4/http.html */
import type { TestProject } from 'vitest/node';
import { findMongo, versionOf, withoutMongo } from './mongo-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The connection string of the server that the tests on MongoDB use. */
    mongodb: string;
  }
}

/** Called by the test runner; what it returns is called after the last test. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const source = findMongo();
  if (source === undefined) throw new Error(withoutMongo);
  const { url, stop } = await source.start();
  provide('mongodb', url);
  console.log(`The tests on MongoDB use ${source.name}, version ${await versionOf(url)}.`);
  return stop;
}
