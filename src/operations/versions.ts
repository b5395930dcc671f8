/** `$versions`: the FHIR versions this server speaks. https://hl7.org/fhir/R4/capabilitystatement-operation-versions.html */
import type { Operation } from '../interactions/context.ts';

const parameters = {
  resourceType: 'Parameters',
  parameter: [
    { name: 'version', valueCode: '4.0' },
    { name: 'default', valueCode: '4.0' },
  ],
};

export const versions: Operation = {
  name: '$versions',
  definition: 'http://hl7.org/fhir/OperationDefinition/CapabilityStatement-versions',
  levels: ['system'],
  affectsState: false,
  run: async () => ({ status: 200, body: new TextEncoder().encode(JSON.stringify(parameters)) }),
};
