/** Whether the codes of a code system are there once, of however many concepts. https://hl7.org/fhir/R4/codesystem.html#invs */
import { isArray, isObject, type JsonValue } from '../fhir/resource.ts';
import type { Walk } from './walk.ts';

/** Checks csd-1 of a CodeSystem in pieces. As its expression does, it looks at the concepts of what is contained, too. */
export function checkConceptCodes(value: JsonValue, walk: Walk): void {
  if (!isObject(value) || (value.concept === undefined && value.contained === undefined)) return;
  const codes = new Set<string>();
  const path = walk.place.path();
  let isTold = false;
  const note = (concept: JsonValue): void => {
    walk.budget.spend(1);
    if (!isObject(concept) || typeof concept.code !== 'string') return;
    const { size } = codes;
    if (isTold || codes.add(concept.code).size > size) return;
    isTold = true;
    const text = "doesn't hold to csd-1: Within a code system definition, all the codes SHALL be unique";
    walk.error('invariant', 'csd-1', text, path);
  };
  const noteAll = (concepts: JsonValue | undefined): void => {
    if (!isArray(concepts)) return;
    walk.place.enter('concept');
    walk.each(concepts, (concept) => {
      note(concept);
      if (isObject(concept)) noteAll(concept.concept);
    });
    walk.place.leave();
  };
  noteAll(value.concept);
  if (value.contained !== undefined) noteWithin(value.contained, note);
}

/** Notes each `concept` at any depth. */
function noteWithin(value: JsonValue, note: (concept: JsonValue) => void): void {
  if (isArray(value)) {
    for (const item of value) noteWithin(item, note);
    return;
  }
  if (!isObject(value)) return;
  for (const name in value) {
    const member = value[name];
    if (typeof member !== 'object' || member === null) continue;
    if (name === 'concept' && isArray(member)) for (const concept of member) note(concept);
    noteWithin(member, note);
  }
}
