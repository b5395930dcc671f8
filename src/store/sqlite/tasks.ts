/** What the writer is asked to do, and what came of it: plain data that crosses threads. https://hl7.org/fhir/R4/http.html#transaction */
import type { Condition, Note, ResourceKey, Written } from '../write.ts';
import type { IndexWork } from './index-work.ts';
import type { PackedWrites } from './pack.ts';
import type { TerminologyWork } from './terminology-write.ts';

export interface CommitTask {
  readonly kind: 'commit';
  readonly writes: readonly PackedWrites[];
  readonly conditions: readonly Condition[];
  /** Types and ids in turn: there may be many, and texts cross in a tenth of the time of objects. */
  readonly mustExist: readonly string[];
  readonly mustBeUnreferenced: readonly ResourceKey[];
  /** Packed records (`audit-pack.ts`). */
  readonly audit: readonly Uint8Array[];
  readonly notes: readonly Note[];
  /** As in `Commit`. */
  readonly times?: readonly number[];
}

/** Records of interactions that wrote nothing. */
export interface AuditTask {
  readonly kind: 'audit';
  /** Packed records. */
  readonly parts: readonly Uint8Array[];
}

export interface NoteTask {
  readonly kind: 'note';
  readonly key: string;
  readonly text: string;
  /** Milliseconds. */
  readonly until: number;
}

/** From now on a walk may be alive until that instant (milliseconds): replaced versions are kept for it. */
export interface WalksTask {
  readonly kind: 'walks';
  readonly until: number;
}

/** Takes so many changes into the full-text index. */
export interface WordsTask {
  readonly kind: 'words';
  readonly limit: number;
}

/** Work on the index beside commits. */
export interface IndexTask {
  readonly kind: 'index';
  readonly work: IndexWork;
}

/** A step of loading or removing a code system. */
export interface TerminologyTask {
  readonly kind: 'terminology';
  readonly work: TerminologyWork;
}

export type Task = CommitTask | AuditTask | NoteTask | WalksTask | WordsTask | IndexTask | TerminologyTask;

/** `written`: for each write version id, last updated, and the number of the outcome in `outcomes`. */
export type TaskResult =
  | { readonly ok: true; readonly written: Float64Array<ArrayBuffer> }
  | { readonly ok: false; readonly error: unknown };

export const outcomes = ['created', 'updated', 'deleted', 'unchanged'] as const satisfies readonly Written['outcome'][];
export const CREATED = 0;
export const UPDATED = 1;
export const DELETED = 2;
export const UNCHANGED = 3;

/** The port's form of what a commit came to. */
export function unpackWritten(written: Float64Array): readonly Written[] {
  const result: Written[] = [];
  for (let place = 0; place < written.length; place += 3) {
    result.push({
      versionId: written[place] ?? 0,
      lastUpdated: written[place + 1] ?? 0,
      outcome: outcomes[written[place + 2] ?? UNCHANGED] ?? 'unchanged',
    });
  }
  return result;
}
