/** Filters in MongoDB's language, and how they combine. https://hl7.org/fhir/R4/search.html#combining */

/** Plain data; what the driver takes. */
export type Filter = Readonly<Record<string, unknown>>;

/** Passed by every document. */
export const always: Filter = {};

/** Passed by none. */
export const never: Filter = { $nor: [{}] };

export function isAlways(filter: Filter): boolean {
  for (const _ in filter) return false;
  return true;
}

/** Whether it is known that no document passes. */
export function isNever(filter: Filter): boolean {
  return filter === never;
}

/** Passed by what passes all. */
export function allOf(filters: readonly Filter[]): Filter {
  const said = filters.filter((filter) => !isAlways(filter));
  if (said.some(isNever)) return never;
  const [only] = said;
  if (only === undefined) return always;
  return said.length === 1 ? only : { $and: said };
}

/** Passed by what passes any. */
export function anyOf(filters: readonly Filter[]): Filter {
  const possible = filters.filter((filter) => !isNever(filter));
  if (possible.some(isAlways)) return always;
  const [only] = possible;
  if (only === undefined) return never;
  return possible.length === 1 ? only : { $or: possible };
}

/** Passed by what doesn't pass. */
export function noneOf(filter: Filter): Filter {
  if (isAlways(filter)) return never;
  return isNever(filter) ? always : { $nor: [filter] };
}

/** A filter of current versions as one of superseded versions, whose `_id` is the logical id with the version. */
export function ofHistory(filter: Filter): Filter {
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(filter)) {
    if (key === '_id') changed['_id.id'] = value;
    else if ((key === '$and' || key === '$or' || key === '$nor') && Array.isArray(value)) {
      changed[key] = value.map((each: Filter) => ofHistory(each));
    } else changed[key] = value;
  }
  return changed;
}

/** Filters of texts that begin so. */
export function beginsWith(beginning: string): Filter {
  if (beginning === '') return { $gte: '' };
  const after = afterPrefix(beginning);
  return after === undefined ? { $gte: beginning } : { $gte: beginning, $lt: after };
}

/** The least text after all that begin so; undefined where there is none. */
function afterPrefix(beginning: string): string | undefined {
  const points = [...beginning];
  for (let last = points.length - 1; last >= 0; last--) {
    const point = points[last]?.codePointAt(0) ?? 0;
    if (point >= 0x10ffff) continue;
    // Surrogates are no characters of their own.
    const next = point + 1 === 0xd800 ? 0xe000 : point + 1;
    return points.slice(0, last).join('') + String.fromCodePoint(next);
  }
  return undefined;
}

/** A text as a part of a regular expression that stands for itself. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
