/** Value sets that are there without a resource: their urls say what they have. https://hl7.org/fhir/R4/snomedct.html#implicit */
import type { JsonObject } from '../fhir/resource.ts';

const snomed = 'http://snomed.info/sct';
/** The system or a version of an edition, and behind it what is meant: all concepts, or those that one subsumes. */
const ofSnomed = /^(http:\/\/snomed\.info\/sct(?:\/[0-9]+\/version\/[0-9]+)?)\?fhir_vs(?:=isa\/([0-9]{6,18}))?$/;

/** The value set that a canonical of SNOMED CT or LOINC means by itself; undefined for others, and for reference sets, ECL and answer lists. */
export function implicitValueSet(canonical: string): JsonObject | undefined {
  // https://hl7.org/fhir/R4/loinc.html#alloinc
  if (canonical === 'http://loinc.org/vs') return valueSet(canonical, 'LoincAll', { system: 'http://loinc.org' });
  const [, version, code] = ofSnomed.exec(canonical) ?? [];
  if (version === undefined) return undefined;
  return valueSet(canonical, code === undefined ? 'SnomedAll' : `SnomedIsA${code}`, {
    system: snomed,
    ...(version !== snomed && { version }),
    ...(code !== undefined && { filter: [{ property: 'concept', op: 'is-a', value: code }] }),
  });
}

function valueSet(url: string, name: string, include: JsonObject): JsonObject {
  return { resourceType: 'ValueSet', url, name, status: 'active', compose: { include: [include] } };
}
