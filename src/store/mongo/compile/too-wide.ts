/** That too many resources match what a criterion looks at elsewhere. https://hl7.org/fhir/R4/search.html#chaining */
import { TooCostly } from '../../errors.ts';

/** Refused, unless other criteria leave few resources to look at it from. */
export class TooWide extends TooCostly {}
