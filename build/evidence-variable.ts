/** R4's EvidenceVariable.characteristic, where the package has R5's. https://hl7.org/fhir/R4/evidencevariable-definitions.html */
import type { CompactElement, CompactType } from '../src/fhir/definitions/compact.ts';
import { BARE, MODIFIER, SUMMARY } from '../src/fhir/definitions/compact.ts';

const element: CompactElement = ['characteristic', 'EvidenceVariable.characteristic', 1, -1, SUMMARY];

const type: CompactType = {
  kind: 'backbone',
  base: 'BackboneElement',
  elements: [
    ['id', 'string', 0, 1, BARE],
    ['extension', 'Extension', 0, -1],
    ['modifierExtension', 'Extension', 0, -1, SUMMARY + MODIFIER],
    ['description', 'string', 0, 1],
    [
      'definition[x]',
      'Reference(Group),canonical(ActivityDefinition),CodeableConcept,Expression,DataRequirement,TriggerDefinition',
      1,
      1,
      SUMMARY,
    ],
    ['usageContext', 'UsageContext', 0, -1],
    ['exclude', 'boolean', 0, 1],
    ['participantEffective[x]', 'dateTime,Period,Duration,Timing', 0, 1],
    ['timeFromStart', 'Duration', 0, 1],
    ['groupMeasure', 'code', 0, 1, 0, 'required', 'http://hl7.org/fhir/ValueSet/group-measure|4.0.1'],
  ],
};

export const evidenceVariableCharacteristic = { element, type };
