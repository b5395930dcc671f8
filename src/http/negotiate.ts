/** What the client wants: format, preferences, compression. https://hl7.org/fhir/R4/http.html#mime-type */
import { fhirJsonType, isFhirJson, isVersionR4, type MediaType, parseMediaType } from '../fhir/media-type.ts';
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
  const format = named === undefined ? acceptedFormat(accept, binary, others) : namedFormat(named, others);
  return pretty ? { ...format, pretty } : format;
}

function namedFormat(text: string, others: readonly string[]): Format {
  // A `+` in a query is a space to many parsers.
  const mediaType = parseMediaType(text.replaceAll(' json', '+json').replaceAll(' xml', '+xml'));
  const other = others.find((each) => each === mediaType.essence);
  if (other !== undefined) return { pretty: false, fhir: false, media: other };
  if (!isFhirJson(mediaType)) throw notAcceptable('_format');
  if (!isVersionR4(mediaType)) throw otherVersion();
  return fhirFormat;
}

function acceptedFormat(accept: string | undefined, binary: boolean, others: readonly string[]): Format {
  if (accept === undefined || accept === '*/*') return plainFormat;
  if (accept === 'application/fhir+json' || accept === 'application/json') return fhirFormat;
  const ranges = rangesOf(accept);
  if (ranges.length === 0) return plainFormat;
  if (binary) return binaryFormat(ranges);
  const json = fhirQuality(ranges);
  let best = json;
  let media: string | undefined;
  for (const each of others) {
    const quality = qualityOf(each, ranges);
    if (quality === undefined || (best !== undefined && !isBetter(quality, best))) continue;
    best = quality;
    media = each;
  }
  if (best === undefined || best.q === 0) throw asksOtherVersion(ranges) ? otherVersion() : notAcceptable('Accept');
  if (media !== undefined) return { pretty: false, fhir: false, media };
  return best.specificity === NAMED ? fhirFormat : plainFormat;
}

/**
 * Of a Binary the content comes in the type that it has, unless FHIR's JSON is asked for by one of its names, and nothing else rather.
 * https://hl7.org/fhir/R4/binary.html#rest
 */
function binaryFormat(ranges: readonly MediaRange[]): Format {
  const wanted = ranges.filter(({ q }) => q > 0);
  const fhir = wanted.filter((range) => isFhirJson(range) && isVersionR4(range)).map(({ q }) => q);
  const rest = wanted.filter((range) => !isFhirJson(range) && !/^application\/fhir\+/.test(range.essence));
  if (fhir.length > 0 && rest.every(({ q }) => q <= Math.max(...fhir))) return fhirFormat;
  if (rest.length > 0) return plainFormat;
  throw asksOtherVersion(ranges) ? otherVersion() : notAcceptable('Accept');
}

/** One of the media ranges of `Accept`. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1 */
interface MediaRange extends MediaType {
  readonly q: number;
  /** Its place in the header. */
  readonly at: number;
}

/** How much a media type is wanted, by the most specific range that it is in. */
interface Quality {
  readonly q: number;
  readonly specificity: number;
  readonly at: number;
}

const fhirJson = 'application/fhir+json';

/** Other names for it. */
const genericJson = ['application/json', 'text/json'];

/** What `Accept` may say instead of a range: any, and JSON as `_format` names it. */
const shortNames: ReadonlyMap<string, string> = new Map([
  ['*', '*/*'],
  ['json', 'application/json'],
]);

/** How specific ranges are: a type by its name, `type/*`, and any. */
const NAMED = 2;

function rangesOf(accept: string): readonly MediaRange[] {
  return (accept.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? [])
    .map(parseMediaType)
    .filter(({ essence }) => essence !== '')
    .map(({ essence, parameters }, at) => {
      return { essence: shortNames.get(essence) ?? essence, parameters, q: weightOf(parameters), at };
    });
}

/** What the parameter `q` says; 1 where it says nothing that can be read. https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2 */
function weightOf(parameters: MediaType['parameters']): number {
  const text = parameters.get('q') ?? '';
  return /^(?:[01](?:\.[0-9]*)?|\.[0-9]+)$/.test(text) ? Math.min(Number(text), 1) : 1;
}

function specificityOf(essence: string, media: string): number | undefined {
  if (essence === media) return NAMED;
  if (essence === `${media.slice(0, media.indexOf('/'))}/*`) return 1;
  return essence === '*/*' ? 0 : undefined;
}

/** undefined where it is in none of the ranges. Of ranges that are as specific the one that is wanted more counts. */
function qualityOf(media: string, ranges: readonly MediaRange[]): Quality | undefined {
  let found: Quality | undefined;
  for (const { essence, q, at } of ranges) {
    const specificity = specificityOf(essence, media);
    if (specificity === undefined || (found !== undefined && found.specificity > specificity)) continue;
    if (found === undefined || specificity > found.specificity || q > found.q) found = { q, specificity, at };
  }
  return found;
}

/**
 * FHIR's JSON by its own name, or else by the one of its other names, or the range, by which it is wanted most. Where its own name is
 * refused its other names count, but no range.
 */
function fhirQuality(ranges: readonly MediaRange[]): Quality | undefined {
  const ofR4 = ranges.filter((range) => !isFhirJson(range) || isVersionR4(range));
  const own = qualityOf(fhirJson, ofR4);
  const isNamed = own?.specificity === NAMED;
  if (isNamed && own.q > 0) return own;
  let best = own;
  for (const name of genericJson) {
    const found = qualityOf(name, ofR4);
    if (isNamed && found?.specificity !== NAMED) continue;
    // A range that has but another name of it means rather what is of that type itself: `text/*`.
    const quality = found?.specificity === 1 ? { ...found, specificity: 0 } : found;
    if (quality !== undefined && (best === undefined || isBetter(quality, best))) best = quality;
  }
  return best;
}

/** Whether one is wanted more than another: by its quality, by a name rather than among others, or named before it. */
function isBetter(one: Quality, other: Quality): boolean {
  if (one.q !== other.q) return one.q > other.q;
  return one.specificity === other.specificity ? one.at < other.at : one.specificity > other.specificity;
}

function asksOtherVersion(ranges: readonly MediaRange[]): boolean {
  return ranges.some((range) => range.q > 0 && isFhirJson(range) && !isVersionR4(range));
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

/** Whether `Accept-Encoding` allows gzip. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  let any = false;
  for (const part of header.split(',')) {
    const { essence, parameters } = parseMediaType(part);
    const allowed = weightOf(parameters) > 0;
    if (essence === 'gzip' || essence === 'x-gzip') return allowed;
    if (essence === '*') any = allowed;
  }
  return any;
}
