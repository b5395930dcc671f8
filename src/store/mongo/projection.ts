/** Which fields of documents are read. https://hl7.org/fhir/R4/search.html */
import { looksAtWords } from '../../search/words.ts';
import type { Condition } from './compile/condition.ts';

/** A projection of paths, none of which begins with another. */
export function projectionOf(paths: readonly string[]): Record<string, 1> {
  const distinct = [...new Set(paths)].sort();
  const kept = distinct.filter(
    (path, place) => !distinct.slice(0, place).some((other) => path.startsWith(`${other}.`)),
  );
  return Object.fromEntries(['_id', ...kept].map((path) => [path, 1]));
}

/** A projection with what testing a condition needs. */
export function withTest(projection: Record<string, 1>, { exact, local }: Condition): Record<string, 1> {
  if (exact) return projection;
  const paths = [...Object.keys(projection), 'index', 'contained', 'updated'];
  return projectionOf(looksAtWords(local) ? [...paths, ...bytePaths] : paths);
}

/** Where the bytes of a version are. */
export const bytePaths: readonly string[] = ['bytes', 'deflated', 'file'];
