/** Loaded code systems on MongoDB. https://hl7.org/fhir/R4/codesystem.html */
import type { LoadedConcept, TerminologyStore } from '../terminology.ts';
import type { TerminologyReads } from './terminology-read.ts';
import type { TerminologyWrites } from './terminology-write.ts';

export interface TerminologyParts {
  readonly reads: TerminologyReads;
  readonly writes: TerminologyWrites;
}

/** Puts reading and writing together; `timed` is around each call. */
export function terminologyOf(
  { reads, writes }: TerminologyParts,
  timed: <T>(act: () => Promise<T>) => Promise<T>,
): TerminologyStore {
  const next = (batches: AsyncIterator<readonly LoadedConcept[]>) => timed(() => batches.next());
  return {
    systems: () => timed(() => reads.systems()),
    load: (system, read) => timed(() => writes.load(system, read)),
    remove: (url, version) => timed(() => writes.remove(url, version)),
    concepts: (system, codes) => timed(() => reads.concepts(system, codes)),
    select: (system, filter, page) => timed(() => reads.select(system, filter, page)),
    all: async function* (system) {
      const batches = reads.all(system);
      for (let some = await next(batches); some.done !== true; some = await next(batches)) yield some.value;
    },
    related: (system, code, direction, limit) => timed(() => reads.related(system, code, direction, limit)),
    subsumed: (system, ancestor, code) => timed(() => reads.subsumed(system, ancestor, code)),
  };
}
