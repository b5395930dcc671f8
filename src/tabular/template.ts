/** What a row of CSV is: columns, and the resources that they are parts of. https://hl7.org/fhir/R4/profiling.html */
import type { ExactObject } from '../fhir/exact-json.ts';
import type { ElementNode } from './element-tree.ts';

/** A code that a column may have. */
export interface AllowedCode {
  readonly system: string;
  readonly code: string;
  readonly display?: string | undefined;
}

/** What a value set allows, as far as it can be told. */
export interface AllowedCodes {
  readonly systems: readonly string[];
  /** Undefined: too many, or the code system is not here. */
  readonly codes: readonly AllowedCode[] | undefined;
}

/** Codes of a column, for looking up. */
export interface ColumnCodes {
  readonly systems: readonly string[];
  /** By code; undefined: they can't be told here. */
  readonly byCode: ReadonlyMap<string, readonly AllowedCode[]> | undefined;
  /** Whether no other code may stand there. */
  readonly closed: boolean;
}

/** An element on the way to a column's value. */
export interface Step {
  readonly node: ElementNode;
  /** What is written with it: fixed values and patterns, without those of columns. */
  readonly content: ExactObject | undefined;
  /** What tells a slice from others of its list. */
  readonly mark: ExactObject | undefined;
  /** The marks of the list's other slices, where this is none. */
  readonly others: readonly ExactObject[];
}

export interface Column {
  readonly name: string;
  /** Index of its part. */
  readonly part: number;
  /** Its place in a row. */
  readonly index: number;
  readonly steps: readonly Step[];
  /** For people: `Patient.identifier:mrn.value`. */
  readonly path: string;
  /** A data type of FHIR. */
  readonly type: string;
  readonly codes: ColumnCodes | undefined;
  /** Of a quantity, for people. */
  readonly unit: string | undefined;
  /** Of a reference: types that it may lead to. */
  readonly targets: readonly string[];
  /** `part`: as soon as another column of its part has a value. */
  readonly required: 'yes' | 'part' | 'no';
  /** Whether it is of the key of its row. */
  readonly key: boolean;
  /** The step of which there may be several, joined by `;`. */
  readonly several: number | undefined;
}

/** Where a reference joins a part and the row's main resource. */
export interface Link {
  /** `main`: the main resource refers to the part; `part`: the other way round. */
  readonly on: 'main' | 'part';
  readonly steps: readonly Step[];
}

export interface Part {
  readonly name: string;
  readonly index: number;
  /** The time after the operation; undefined: it has none. */
  readonly time: string | undefined;
  /** Canonical of its profile. */
  readonly profile: string;
  readonly type: string;
  /** What is written into a new one: fixed values and patterns. */
  readonly content: ExactObject;
  readonly columns: readonly Column[];
  /** Columns that name it among all resources of its type; empty: it is found through the main resource. */
  readonly key: readonly Column[];
  /** Undefined: the main resource itself. */
  readonly link: Link | undefined;
  /** The reference to the row's patient, where it has one. */
  readonly patient: readonly Step[] | undefined;
}

export interface Template {
  readonly profile: string;
  readonly name: string;
  /** In the order in which a row names them. */
  readonly parts: readonly Part[];
  readonly main: Part;
  /** The part that is the patient; undefined: rows are of none. */
  readonly patient: Part | undefined;
  /** In the order of the header. */
  readonly columns: readonly Column[];
  /** The row's key. */
  readonly key: readonly Column[];
}
