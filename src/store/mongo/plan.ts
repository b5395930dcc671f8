/** What the writes of a commit come to, given what is stored. https://hl7.org/fhir/R4/http.html#transaction */
import { sameContent } from '../../fhir/body.ts';
import { Conflict, PreconditionFailed } from '../errors.ts';
import type { Precondition, Write, Written } from '../write.ts';
import type { CurrentDocument } from './document.ts';
import type { Prepared } from './prepare.ts';

/** The current document of a resource, with its bytes unpacked where a put compares with them. */
export interface Current {
  readonly document: CurrentDocument;
  readonly bytes: Uint8Array | undefined;
}

/** A write with what it will do; `unchanged` does nothing. */
export interface Planned {
  readonly write: Write;
  readonly prepared: Prepared | undefined;
  readonly current: Current | undefined;
  readonly outcome: Written['outcome'];
  /** Of what will be current; 0 after an erasure. */
  readonly versionId: number;
  /** When it was made, of a copy (`Commit.times`), in milliseconds; undefined: with the commit. */
  readonly time: number | undefined;
}

/** A plan, or why the writes can't be made: conditions are evaluated first, then it is thrown. */
export interface Plan {
  readonly planned: readonly Planned[];
  readonly failure: Error | undefined;
}

export function planOf(
  writes: readonly Write[],
  prepared: readonly (Prepared | undefined)[],
  currentOf: (write: Write) => Current | undefined,
  times?: readonly number[],
): Plan {
  const planned: Planned[] = [];
  for (const [index, write] of writes.entries()) {
    const current = currentOf(write);
    const failure = write.kind === 'erase' ? undefined : violated(write.precondition, current?.document, index);
    if (failure !== undefined) return { planned, failure };
    planned.push(planOne(write, prepared[index], current, times?.[index]));
  }
  return { planned, failure: undefined };
}

function planOne(
  write: Write,
  prepared: Prepared | undefined,
  current: Current | undefined,
  given: number | undefined,
): Planned {
  const time = given === undefined ? undefined : Math.max(given, current?.document.updated.getTime() ?? 0);
  const one = { write, prepared, current, time };
  const version = current?.document.version ?? 0;
  const live = isLive(current?.document);
  const unchanged = { ...one, outcome: 'unchanged', versionId: version } as const;
  switch (write.kind) {
    case 'put':
      if (live && current?.bytes !== undefined && sameContent(write.body, current.bytes)) return unchanged;
      return { ...one, outcome: live ? 'updated' : 'created', versionId: version + 1 };
    case 'delete':
      return live ? { ...one, outcome: 'deleted', versionId: version + 1 } : unchanged;
    case 'erase':
      return current === undefined ? unchanged : { ...one, outcome: 'deleted', versionId: 0 };
  }
}

function isLive(document: CurrentDocument | undefined): boolean {
  return document !== undefined && document.deleted !== true;
}

/** What the precondition of the write at `index` is violated by. */
function violated(
  precondition: Precondition | undefined,
  document: CurrentDocument | undefined,
  index: number,
): Error | undefined {
  if (precondition === undefined) return undefined;
  const { ifMatch, ifNoneMatch, computedFrom } = precondition;
  const version = document?.version;
  const live = isLive(document);
  if (ifMatch !== undefined && !(live && (ifMatch === '*' || ifMatch.includes(String(version))))) {
    return new PreconditionFailed(index, 'ifMatch', version);
  }
  if (ifNoneMatch !== undefined && live) return new PreconditionFailed(index, 'ifNoneMatch', version);
  if (computedFrom !== undefined && computedFrom !== (version ?? 0)) return new Conflict('write', index);
  return undefined;
}
