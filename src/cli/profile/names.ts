/** How what belongs to a research case is called. https://hl7.org/fhir/R4/resource.html#canonical */

/** What the canonicals of our own definitions begin with. */
export const canonicalBase = 'http://osteon.example';

export type DefinedType = 'StructureDefinition' | 'ValueSet' | 'CodeSystem' | 'SearchParameter';

/** The canonical of a definition of ours: `http://osteon.example/ValueSet/approach`. */
export function canonicalOf(type: DefinedType, id: string): string {
  return `${canonicalBase}/${type}/${id}`;
}

/** A column's name as an id and a search parameter's code: `cup_size` is `cup-size`. */
export function idOf(column: string): string {
  return column.replaceAll('_', '-');
}

/** An id or a column's name as a name that programs can use: `cup-size` is `CupSize`. */
export function nameOf(id: string): string {
  const joined = id
    .split(/[-_]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
  return /^[A-Z]/.test(joined) ? joined : `N${joined}`;
}

/** An id or a column's name as people read it: `cup_size` is `Cup size`. */
export function titleOf(id: string): string {
  const words = id.replaceAll(/[-_]/g, ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** Moments after an operation, in their order. */
export const followUpTimes = ['preop', '6w', '3m', '6m', '1y', '2y', '5y', '10y'] as const;

export type FollowUpTime = (typeof followUpTimes)[number];

/** Extensions with which definitions say what a CSV row is. */
export const csvColumnUrl = canonicalOf('StructureDefinition', 'csv-column');
export const casePartUrl = canonicalOf('StructureDefinition', 'case-part');
export const csvKeyUrl = canonicalOf('StructureDefinition', 'csv-key');
export const followUpTimeUrl = canonicalOf('StructureDefinition', 'follow-up-time');

/** System of the identifiers of cases. */
export const caseIdentifierSystem = `${canonicalBase}/identifier/case`;
