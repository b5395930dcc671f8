/** What the client wants: format, preferences, compression. https://hl7.org/fhir/R4/http.html#mime-type */
import { fhirJsonType, isFhirJson, isVersionR4, parseMediaType } from '../fhir/media-type.ts';
import { failure } from '../fhir/outcome.ts';
import type { Prefer, QueryParameters } from '../interactions/context.ts';

export interface Format {
  readonly pretty: boolean;
  /** Whether the client asked for FHIR by name, so that a Binary comes as a resource. */
  readonly fhir: boolean;
  /** The media type: FHIR JSON, or another one that the interaction may answer in. */
  readonly media: string;
}

const plainFormat: Format = { pretty: false, fhir: false, media: fhirJsonType };
const fhirFormat: Format = { pretty: false, fhir: true, media: fhirJsonType };

/**
 * The format of the answer by `_format`, which beats `Accept`, and `_pretty`.
 * Throws 406 for formats other than JSON and for another FHIR version. `binary`: any media type is acceptable. `others`: media types
 * that the interaction may answer in besides.
 */
export function formatOf(
  accept: string | undefined,
  parameters: QueryParameters,
  binary: boolean,
  others: readonly string[] = [],
): Format {
  let pretty = false;
  let named: string | undefined;
  for (const [name, value] of parameters) {
    if (name === '_pretty') pretty = value === 'true';
    else if (name === '_format' && value !== '') named = value;
  }
  const other = others.length === 0 ? undefined : otherFormat(named ?? accept ?? '', others);
  const format = other ?? (named === undefined ? acceptedFormat(accept, binary) : namedFormat(named));
  return pretty ? { ...format, pretty } : format;
}

/** The first of the media types that is one of these; undefined where FHIR JSON, or anything, comes before it. */
function otherFormat(text: string, others: readonly string[]): Format | undefined {
  for (const part of text.split(',')) {
    const mediaType = parseMediaType(part);
    if (isFhirJson(mediaType) || mediaType.essence === '*/*') return undefined;
    const media = others.find((each) => each === mediaType.essence);
    if (media !== undefined) return { pretty: false, fhir: false, media };
  }
  return undefined;
}

function namedFormat(text: string): Format {
  // A `+` in a query is a space to many parsers.
  const mediaType = parseMediaType(text.replaceAll(' json', '+json').replaceAll(' xml', '+xml'));
  if (!isFhirJson(mediaType)) throw notAcceptable('_format');
  if (!isVersionR4(mediaType)) throw otherVersion();
  return fhirFormat;
}

function acceptedFormat(accept: string | undefined, binary: boolean): Format {
  if (accept === undefined || accept === '*/*') return plainFormat;
  if (accept === 'application/fhir+json' || accept === 'application/json') return fhirFormat;
  let wildcard = false;
  let otherVersionAsked = false;
  for (const part of accept.split(',')) {
    const mediaType = parseMediaType(part);
    if (mediaType.parameters.get('q') !== undefined && Number(mediaType.parameters.get('q')) === 0) continue;
    if (isFhirJson(mediaType)) {
      if (isVersionR4(mediaType)) return fhirFormat;
      otherVersionAsked = true;
    } else if (['*/*', 'application/*', 'text/*', ''].includes(mediaType.essence)) {
      wildcard = true;
    }
  }
  if (wildcard) return plainFormat;
  if (otherVersionAsked) throw otherVersion();
  if (binary && !/fhir\+xml/i.test(accept)) return plainFormat;
  throw notAcceptable('Accept');
}

const notAcceptable = (where: string) =>
  failure(406, 'not-supported', `This server answers in JSON; ${where} must allow application/fhir+json.`);

const otherVersion = () => failure(406, 'not-supported', 'This server answers in FHIR R4: fhirVersion=4.0.');

/** No `Prefer` at all. */
export const noPreference: Prefer = { return: undefined, handling: undefined };

/** The preferences of a `Prefer` header; unknown ones are left out. https://www.rfc-editor.org/rfc/rfc7240 */
export function parsePrefer(header: string | undefined): Prefer {
  if (header === undefined) return noPreference;
  let prefer = noPreference;
  // Of a preference that is given twice, the first counts.
  for (const part of header.split(/[,;]/)) {
    const [token = '', value] = part.split('=').map((each) => each.trim().replace(/^"(.*)"$/, '$1'));
    const name = token.toLowerCase();
    if (name === 'return' && (value === 'minimal' || value === 'representation' || value === 'OperationOutcome')) {
      prefer = { return: prefer.return ?? value, handling: prefer.handling };
    } else if (name === 'handling' && (value === 'strict' || value === 'lenient')) {
      prefer = { return: prefer.return, handling: prefer.handling ?? value };
    }
  }
  return prefer;
}

/** Whether `Accept-Encoding` allows gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  let any = false;
  for (const part of header.split(',')) {
    const [coding, quality = ''] = part.split(';').map((each) => each.trim().toLowerCase());
    const allowed = !/^q=0(\.0*)?$/.test(quality);
    if (coding === 'gzip' || coding === 'x-gzip') return allowed;
    if (coding === '*') any = allowed;
  }
  return any;
}
