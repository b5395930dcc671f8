/** Tests of one stored value, as filters of it. https://hl7.org/fhir/R4/search.html#ptypes */
import { anyOf, type Filter } from '../filter.ts';

/** What a value passes. */
export interface Element {
  /** Filters any of which it passes, on the fields of the value itself. */
  readonly anyOf: readonly Filter[];
  /** Whether no other value passes. */
  readonly exact: boolean;
}

/** A filter on the fields of a value, as one on a component of a composite. */
export function ofComponent({ anyOf: ways }: Element, component: string): Filter {
  return anyOf(ways.map((way) => prefixed(way, component)));
}

function prefixed(filter: Filter, component: string): Filter {
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(filter)) {
    if (key.startsWith('$') && Array.isArray(value))
      changed[key] = value.map((each: Filter) => prefixed(each, component));
    else changed[`${component}.${key}`] = value;
  }
  return changed;
}
