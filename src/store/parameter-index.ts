/**
 * The search parameters of which a store keeps entries: they come and go while it is open.
 * https://hl7.org/fhir/R4/searchparameter.html
 *
 * A definition that is new to a store that has resources is filled from them little by little, while commits go on and
 * bring its entries along; when all of its types are filled, it becomes current in one commit, in the place of the one
 * that had its code before. What is no longer wanted is removed little by little. All of it survives the end of a process.
 */
import type { Entries } from './write.ts';

/** A search parameter of a type. */
export interface ParameterDefinition {
  /** The searched type, e.g. `Patient`. */
  readonly type: string;
  readonly code: string;
  /** A text that changes whenever what is extracted changes. */
  readonly definition: string;
  /** What the store remembers of it for its owner. */
  readonly source?: string | undefined;
}

/** A search parameter as a store has it. */
export interface ParameterState extends ParameterDefinition {
  /** `filling`: searches don't see it yet. */
  readonly state: 'current' | 'filling';
  /** What commits call it in entries: its code, or for one that is filled beside a current one another name. */
  readonly entry: string;
  /** Of the resources to fill it from, how many are done. */
  readonly done: number;
  readonly total: number;
}

/** What came of writing resources' entries anew. */
export interface Rewritten {
  /** How many were looked at, and how many had other entries. */
  readonly looked: number;
  readonly changed: number;
  /** Logical ids of those whose entries can't be made; they are left as they were. */
  readonly failed: readonly string[];
  /** Where to go on, for the store alone to read; absent at the end. */
  readonly next?: readonly number[];
}

/** The entries of a stored resource, extracted anew. */
export type Reextract = (body: Uint8Array) => Entries;

export interface ParameterIndex {
  /** Rises whenever commits have to bring other entries than before. */
  readonly generation: number;

  /** Current and filling parameters. Of a code there are at most two for a type, one current and one filling. */
  states(): readonly ParameterState[];

  /**
   * Makes the wanted ones the parameters; they are asked for when nothing else changes states any more. New ones are filled
   * from now on, others are retired. Where two have the same type and code,
   * one must be current: the other will take its place. `changed` is called in the moment from which commits must bring
   * entries by the new states; a commit with an older generation is a Conflict from then on.
   */
  declare(wanted: () => readonly ParameterDefinition[], changed: () => void): Promise<void>;

  /**
   * Does a little of what is to be filled or removed; `extract` gives a resource's entries of the parameters that are
   * filling, and all of what it contains. Calls `changed` as `declare` does where parameters have become current. Not to be called again before it is
   * done. A resource of which it throws is left as it is. Resolves to how many resources were looked at, undefined where
   * there was nothing to do.
   */
  advance(extract: Reextract, changed: () => void): Promise<number | undefined>;

  /** Writes the entries of a current resource anew, of all parameters. */
  rewrite(type: string, id: string, extract: Reextract): Promise<Rewritten>;

  /**
   * The same for some of a type's resources, from a place on; absent: from the beginning. What is written after the
   * beginning needn't be looked at.
   */
  rewriteSome(type: string, place: readonly number[] | undefined, extract: Reextract): Promise<Rewritten>;
}
