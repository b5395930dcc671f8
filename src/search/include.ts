/** Resources that travel with the matches of a page, found by further searches. https://hl7.org/fhir/R4/search.html#include */
import type { Criterion, Parameter } from './criteria.ts';
import type { IndexEntry } from './entry.ts';

/** One reference parameter that `_include` follows, or `_revinclude` follows backwards. Wildcards are expanded. */
export interface Include {
  /** The reference parameter; its `type` is the type of the resources that refer. */
  readonly parameter: Parameter;
  /** Resource types that are referred to. */
  readonly targets: readonly string[];
  /** Whether the parameter's values may be canonical URLs. */
  readonly canonical: boolean;
  /** Whether it is followed from what was included too (`:iterate`). */
  readonly iterate: boolean;
}

/** A resource that was found. */
export interface Found {
  readonly type: string;
  readonly id: string;
  readonly versionId?: number;
}

/** Finds current resources of a type, at most `limit`. */
export type Find<F extends Found> = (
  part: { readonly type: string; readonly criterion: Criterion },
  limit: number,
) => Promise<readonly F[]>;

/** What following versioned references and canonicals needs besides searching. */
export interface IncludeSources<F extends Found> {
  /** The index entries of a found resource. */
  entries(found: F): readonly IndexEntry[];
  /** Whether the resource may hold versioned references: a cheap test, true when in doubt. */
  mayHaveVersions(found: F): boolean;
  /** A version of a resource, undefined where there is none. */
  vread(type: string, id: string, versionId: string): Promise<F | undefined>;
  /** Whether there are resources of a type at all. */
  has(type: string): boolean;
}
