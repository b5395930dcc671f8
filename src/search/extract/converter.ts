/** What turns a value of one data type into index values. https://hl7.org/fhir/R4/search.html */
import type { JsonValue, Resource } from '../../fhir/resource.ts';
import type { IndexValue } from '../entry.ts';

/**
 * Appends the index values of a value, as parsed JSON, to `out`; appends nothing for a malformed one. `resource` is the
 * whole resource that it belongs to.
 */
export type Converter = (value: JsonValue, out: IndexValue[], resource: Resource) => void;

/** What converters need to know besides the value. */
export interface ConvertContext {
  /** Our own base, for references. */
  readonly baseUrl: string;
  /** For times without a zone: an IANA name or an offset. */
  readonly timezone: string;
}
