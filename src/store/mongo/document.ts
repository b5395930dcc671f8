/**
 * What the documents of the MongoDB store look like. https://hl7.org/fhir/R4/resource.html
 *
 * A type has the collection `Patient` with current versions and `Patient_history` with superseded ones. Beside the
 * resource, which people query, lie its exact bytes, which are all that is served, and what it is found by.
 */
import type { Binary, Document, ObjectId } from 'mongodb';
import type { WriteMethod } from '../write.ts';
import type { AuditDocument } from './audit-append.ts';

/**
 * A value of a search parameter. What kind it is of shows in its fields (`indexValue` in `values.ts`):
 *
 * - token `{s, c, f}`: system, code, code without case; identifier the same with `i: true`
 * - string `{n, e}`: normalised, exact or null
 * - date `{l, h}` in milliseconds; number `{l, h}` as decimal keys; quantity `{l, h, s, c, u}` with system, code, unit
 * - reference `{r, v}`: `Type/id` (`#Type/id` where it is contained), version where there is one
 * - uri `{u}`
 * - composite `{a, b, d}`: the components' values
 * - position `{lat, lon, p}`: degrees, and the same as GeoJSON
 */
export interface StoredValue {
  readonly [field: string]: StoredPart;
}

type StoredPart = string | number | boolean | null | StoredValue | readonly number[];

/** What a resource, or one inside it, is found by. Keys are fields (`fields.ts`), not codes. */
export interface Indexed {
  readonly index?: Readonly<Record<string, readonly StoredValue[]>>;
  /** Fields with a value, as they stand in `index`: for `:missing`. */
  readonly present?: readonly string[];
  /** By field; see `SortEnds`. */
  readonly sort?: Readonly<Record<string, SortEnds>>;
}

/**
 * The least value as ascending sorts see it and the greatest as descending ones do: milliseconds, a decimal key or a text.
 * Of identifiers `il` and `ih`, since a reference parameter doesn't sort by them and a token parameter does.
 */
export interface SortEnds {
  readonly low?: string | number;
  readonly high?: string | number;
  readonly il?: string;
  readonly ih?: string;
}

/** A contained resource. `type` is its own: `Patient`. */
export interface ContainedDocument extends Indexed {
  readonly type: string;
  readonly id: string;
}

/** Distinct words, sorted; phrases are tested on the words of the bytes (`wordsOf`). */
export interface StoredWords {
  readonly narrative?: readonly string[];
  readonly content?: readonly string[];
}

/** What current and superseded versions have. */
export interface VersionFields extends Indexed {
  readonly version: number;
  /** The change number (`clock.ts`): rises with the order of changes in a process, and follows the time between processes. */
  readonly change: number;
  /** The first change number of the commit that wrote it: all its versions have it. */
  readonly commit: number;
  /** `meta.lastUpdated`. */
  readonly updated: Date;
  readonly method: WriteMethod;
  /** Of a deletion, which has neither resource nor bytes nor anything it is found by. */
  readonly deleted?: true;
  /** The resource with R4's names; absent where it would be too large. */
  readonly resource?: Document;
  /** Its exact JSON in UTF-8; absent where it lies in `file`. */
  readonly bytes?: Binary;
  /** Whether `bytes`, or what lies in `file`, are deflated (raw). */
  readonly deflated?: true;
  /** Where the bytes are in GridFS (`files.ts`). */
  readonly file?: ObjectId;
  /** `Patient/1`: what it refers to through any search parameter, `#Patient/p` for what it contains. */
  readonly refs?: readonly string[];
  /** `Patient/1`: patients that it refers to, and itself. */
  readonly compartments?: readonly string[];
  readonly words?: StoredWords;
  readonly contained?: readonly ContainedDocument[];
}

/** In the collection `<Type>`. */
export interface CurrentDocument extends VersionFields {
  /** The logical id. */
  readonly _id: string;
  /** How often what it is found by was written anew, for other search parameters. */
  readonly rewritten?: number;
  /** AuditEvents of the change, until they are moved to their own collection: where there are no transactions. */
  readonly pending?: readonly AuditDocument[];
}

export interface VersionKey {
  readonly id: string;
  readonly version: number;
}

/** In the collection `<Type>_history`. What it was found by is unset some time after it was replaced. */
export interface HistoryDocument extends VersionFields {
  readonly _id: VersionKey;
  /** The change number and the commit of what replaced it. */
  readonly until: number;
  readonly untilCommit: number;
  readonly replaced: Date;
  /** While it has what it was found by, and had any. */
  readonly kept?: true;
}

const historySuffix = '_history';

/** The name of the collection with a type's superseded versions. */
export function historyName(type: string): string {
  return type + historySuffix;
}

/** The type of which a collection has current versions; undefined for the store's own collections and histories. */
export function typeOfCollection(name: string): string | undefined {
  return /^[A-Z][A-Za-z]*$/.test(name) ? name : undefined;
}

/** Collections of the store itself. */
export const names = {
  meta: 'osteon_meta',
  notes: 'osteon_notes',
  guards: 'osteon_guards',
  processes: 'osteon_processes',
  audit: 'osteon_audit',
  seals: 'osteon_audit_seals',
  leases: 'osteon_leases',
  files: 'osteon_files',
  indexes: 'osteon_indexes',
  codeSystems: 'osteon_code_systems',
  conceptSets: 'osteon_concept_sets',
  concepts: 'osteon_concepts',
} as const;
