/** Expands an element of the snapshot to JSON properties, one for each type of a choice. https://hl7.org/fhir/R4/formats.html#choice */
import { BARE, type CompactElement, type CompactType, MODIFIER, SUMMARY } from './compact.ts';
import type { Binding, ElementDefinition } from './definitions.ts';

/** What `value[x]` may be where it may be anything. https://hl7.org/fhir/R4/datatypes.html#open */
const CHOICE = '[x]';

/** Types whose values a binding speaks of. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.binding */
const bindable = new Set(['code', 'Coding', 'CodeableConcept', 'Quantity', 'Duration', 'Money', 'string', 'uri']);

const strengths: ReadonlySet<string> = new Set<Binding['strength']>(['required', 'extensible', 'preferred', 'example']);

function isStrength(text: string | undefined): text is Binding['strength'] {
  return text !== undefined && strengths.has(text);
}

/** `Reference(Patient|Group)` → its type and targets. */
function typeAndTargets(text: string): { type: string; targets: readonly string[] } {
  const open = text.indexOf('(');
  return open < 0
    ? { type: text, targets: [] }
    : { type: text.slice(0, open), targets: text.slice(open + 1, -1).split('|') };
}

/** The JSON properties of an element: one, or one for each type of a choice. */
export function expandElement(
  compact: CompactElement,
  types: ReadonlyMap<string, CompactType>,
): readonly ElementDefinition[] {
  const [name, typeText, min, max, flags = 0, strength, valueSet, maxValueSet] = compact;
  const choice = name.endsWith(CHOICE) ? name.slice(0, -CHOICE.length) : undefined;
  return typeText.split(',').map((text): ElementDefinition => {
    const { type, targets } = typeAndTargets(text);
    const bound = isStrength(strength) && valueSet !== undefined && bindable.has(type);
    return {
      name: choice === undefined ? name : choice + type.charAt(0).toUpperCase() + type.slice(1),
      type,
      array: max !== 1,
      min,
      max: max < 0 ? Number.POSITIVE_INFINITY : max,
      summary: (flags & SUMMARY) !== 0,
      modifier: (flags & MODIFIER) !== 0,
      extensible: types.get(type)?.kind === 'primitive' && type !== 'xhtml' && (flags & BARE) === 0,
      ...(choice === undefined ? {} : { choice }),
      targets,
      ...(bound ? { binding: { strength, valueSet } } : {}),
      ...(maxValueSet === undefined ? {} : { maxValueSet }),
    };
  });
}
