/** Name and version of this software, from its package. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.software */
import { readFileSync } from 'node:fs';
import { packageFolder } from './fhir/definitions/package-folder.ts';

const described: { readonly version: string } = JSON.parse(
  readFileSync(new URL('package.json', packageFolder()), 'utf8'),
);

export const software = { name: 'Osteon', version: described.version };
