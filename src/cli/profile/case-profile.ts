/** The profile of a research case: a Procedure with its fields, and the parts of its CSV row. https://hl7.org/fhir/R4/profiling.html */
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { type About, boundTo, csvKeys, type Element, slicedByUrl, structureDefinition, typed } from './definition.ts';
import { canonicalOf, casePartUrl, type FollowUpTime } from './names.ts';

/** A field of the case: an extension that the profile has. */
export interface CaseField {
  readonly column: string;
  /** Id of the extension's definition. */
  readonly extension: string;
  readonly title: string;
  readonly required: boolean;
  readonly repeats: boolean;
  /** Id of the value set of those of its codes that the case has; undefined: all that its definition allows. */
  readonly valueSet?: string | undefined;
}

/** An element of the base profile whose codes this case narrows. */
export interface Narrowing {
  readonly column: string;
  readonly element: string;
  readonly required: boolean;
  /** Id of the value set. */
  readonly valueSet: string;
}

/** A resource beside the Procedure that a row becomes. */
export interface CasePart {
  readonly name: string;
  /** Id of its profile. */
  readonly profile: string;
  /** The element that joins it and the Procedure. */
  readonly link: string;
  readonly times?: readonly FollowUpTime[];
}

/** What every case has beside the Procedure. */
export const commonParts: readonly CasePart[] = [
  { name: 'patient', profile: 'research-patient', link: 'Procedure.subject' },
  { name: 'encounter', profile: 'case-encounter', link: 'Procedure.encounter' },
  { name: 'surgeon', profile: 'research-surgeon', link: 'Procedure.performer.actor' },
];

/** The elements of the base profile that a case may narrow, by their columns, in R4's order. */
export const narrowable: ReadonlyMap<string, string> = new Map([
  ['procedure_code', 'Procedure.code'],
  ['diagnosis_code', 'Procedure.reasonCode'],
  ['body_site', 'Procedure.bodySite'],
]);

/** The extension that says of a part what it is. */
export function casePart({ name, profile, link, times = [] }: CasePart): JsonObject {
  return {
    extension: [
      { url: 'name', valueCode: name },
      { url: 'profile', valueCanonical: canonicalOf('StructureDefinition', profile) },
      { url: 'link', valueString: link },
      ...times.map((time) => ({ url: 'time', valueCode: time })),
    ],
    url: casePartUrl,
  };
}

/** The profile of a case, on the base `research-case`. `parts`: those beside patient, encounter and surgeon. */
export function caseProfile(
  about: About,
  fields: readonly CaseField[],
  narrowings: readonly Narrowing[],
  parts: readonly CasePart[],
): Resource {
  const slices = fields.flatMap(fieldElements);
  const narrowed = [...narrowable.keys()].flatMap((column) => narrowings.filter((each) => each.column === column));
  return structureDefinition({
    about,
    type: 'Procedure',
    base: canonicalOf('StructureDefinition', 'research-case'),
    extension: [...csvKeys(['mrn_system', 'mrn', 'case_id']), ...[...commonParts, ...parts].map(casePart)],
    elements: [
      ...(slices.length === 0 ? [] : [{ id: 'Procedure.extension', rules: slicedByUrl }]),
      ...slices,
      ...narrowed.map(narrowedElement),
    ],
  });
}

/** The slice of a field's extension, and its value where the case has fewer codes. */
function fieldElements({ valueSet, ...field }: CaseField): readonly Element[] {
  const slice = fieldElement(field);
  if (valueSet === undefined) return [slice];
  const rules = { ...typed('CodeableConcept'), ...boundTo(canonicalOf('ValueSet', valueSet)) };
  return [slice, { id: `${slice.id}.value[x]`, rules }];
}

function fieldElement({ column, extension, title, required, repeats }: CaseField): Element {
  return {
    id: `Procedure.extension:${extension}`,
    column,
    rules: {
      short: title,
      min: required ? 1 : 0,
      max: repeats ? '*' : '1',
      ...typed('Extension', { profile: [canonicalOf('StructureDefinition', extension)] }),
      mustSupport: true,
    },
  };
}

function narrowedElement({ column, element, required, valueSet }: Narrowing): Element {
  return {
    id: element,
    column,
    rules: { ...(required ? { min: 1 } : {}), mustSupport: true, ...boundTo(canonicalOf('ValueSet', valueSet)) },
  };
}
