/** Name and version of this software, from its package. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.software */
import { existsSync, readFileSync } from 'node:fs';

function packageUrl(): URL {
  // This file runs from src/ and from dist/src/.
  const near = new URL('../package.json', import.meta.url);
  return existsSync(near) ? near : new URL('../../package.json', import.meta.url);
}

const described: { readonly version: string } = JSON.parse(readFileSync(packageUrl(), 'utf8'));

export const software = { name: 'Osteon', version: described.version };
