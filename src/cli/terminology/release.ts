/** A version of a code system in files, as its publisher releases it. https://hl7.org/fhir/R4/terminologies-systems.html */
import type { LoadedConcept, LoadedSystem } from '../../store/terminology.ts';

export interface Release {
  /** What people know it by: a file or folder. */
  readonly path: string;
  readonly system: LoadedSystem;
  /** Bytes on disk that are read each time. */
  readonly size: number;
  /** Reads the concepts from the beginning, as ReadConcepts does; `onRead` hears of bytes read from disk. Throws UnusableRelease, UnreadableFile. */
  readonly read: (onRead: (bytes: number) => void, only?: 'hierarchy') => AsyncIterable<readonly LoadedConcept[]>;
}

/** What a person says of a release, in place of what its files say. */
export interface Said {
  readonly url?: string;
  readonly version?: string;
}

/** A release that isn't what it should be: the message says what is wrong, and what to do. */
export class UnusableRelease extends Error {}

/** Concepts that are given at once. */
export const someConcepts = 500;
