/** Query strings turned into lowered criteria and result parameters. https://hl7.org/fhir/R4/search.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import type { Criterion, SortKey } from './criteria.ts';
import type { Include } from './include.ts';
import type { ParameterRegistry } from './registry.ts';

export interface SearchContext {
  readonly registry: ParameterRegistry;
  readonly definitions: Definitions;
  /** The searched types; for a search of the whole system all of them, unless `_type` names some. */
  readonly types: readonly string[];
  readonly baseUrl: string;
  /** For times without a zone: an IANA name or an offset. */
  readonly timezone: string;
  /** Milliseconds since 1970: what `ap` measures the distance of dates to. */
  readonly now: number;
  readonly handling: 'strict' | 'lenient';
  readonly defaultCount: number;
  readonly maxCount: number;
  /** Names that never count as unknown (`IGNORED_PARAMETERS`). */
  readonly ignoredParameters: readonly string[];
}

/** A criterion and a sort on one of the searched types. */
export interface SearchPart {
  readonly type: string;
  readonly criterion: Criterion;
  readonly sort: readonly SortKey[];
}

/** A bare id in a reference parameter that may lead to several types: 400 if more than one of them has it. */
export interface AmbiguousId {
  readonly parameter: string;
  readonly id: string;
  readonly types: readonly string[];
}

export interface Search {
  /** One for each searched type; their sorts have keys of the same kinds at the same places. */
  readonly parts: readonly SearchPart[];
  readonly count: number;
  readonly total: 'none' | 'bounded' | 'accurate' | 'estimate';
  /** undefined: whole resources. */
  readonly summary?: 'true' | 'text' | 'data' | 'count';
  readonly elements?: readonly string[];
  readonly includes: readonly Include[];
  readonly revincludes: readonly Include[];
  /** Names and values for `self`: after defaults, without empty and ignored ones. */
  readonly used: readonly (readonly [string, string])[];
  /** Names of unknown parameters that lenient handling ignored. */
  readonly ignored: readonly string[];
  readonly ambiguousIds: readonly AmbiguousId[];
}
