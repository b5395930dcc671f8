/** Groups what belongs to types, each of which has a collection. https://hl7.org/fhir/R4/resourcelist.html */

/** The items of each type, in their order; types in the order of their first item. */
export function byType<T>(items: Iterable<T>, typeOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(typeOf(item));
    if (group === undefined) groups.set(typeOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
