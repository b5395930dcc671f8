/** Media types of FHIR content. https://hl7.org/fhir/R4/http.html#mime-type */

/** A media type in lower case, and its parameters. */
export interface MediaType {
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses `type/subtype; name=value; …`; quotes around a value are taken off. */
export function parseMediaType(text: string): MediaType {
  const semicolon = text.indexOf(';');
  if (semicolon === -1) return { essence: text.trim().toLowerCase(), parameters: new Map() };
  const parameters = new Map<string, string>();
  for (const part of text.slice(semicolon + 1).split(';')) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const value = part.slice(equals + 1).trim();
    parameters.set(part.slice(0, equals).trim().toLowerCase(), value.replace(/^"(.*)"$/, '$1'));
  }
  return { essence: text.slice(0, semicolon).trim().toLowerCase(), parameters };
}

const fhirJson: ReadonlySet<string> = new Set(['application/fhir+json', 'application/json', 'text/json', 'json']);

/** Whether a media type means FHIR as JSON, of whatever version. */
export function isFhirJson({ essence }: MediaType): boolean {
  return fhirJson.has(essence);
}

/** Whether a `fhirVersion` parameter, if there is one, is that of R4. */
export function isVersionR4({ parameters }: MediaType): boolean {
  const version = parameters.get('fhirversion');
  return version === undefined || version === '4.0' || version === '4.0.1';
}

/** The media type of answers. */
export const fhirJsonType = 'application/fhir+json; charset=utf-8';
