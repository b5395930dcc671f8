/** What the operations of terminology have in common. https://hl7.org/fhir/R4/terminology-service.html */
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { dateRange } from '../fhir/period.ts';
import { isArray, isObject, type JsonObject } from '../fhir/resource.ts';
import { findCanonical, splitCanonical } from '../interactions/canonical.ts';
import type { Answer, Call, Context } from '../interactions/context.ts';
import { currentOf } from '../interactions/read.ts';
import { TooCostly } from '../store/errors.ts';
import type { ConceptDetail, Designation } from '../terminology/concepts.ts';
import { versioned } from '../terminology/expand.ts';
import { objects, text } from '../terminology/json.ts';
import { shorten } from '../terminology/shorten.ts';
import { type Inputs, longestLanguage } from './inputs.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** 200 with a resource. */
export function answerWith(resource: object): Answer {
  return { status: 200, body: encoder.encode(JSON.stringify(resource)) };
}

/** A parameter of an answer: `value…`, `part` or `resource`. */
export type OutParameter = JsonObject & { readonly name: string };

/** 200 with Parameters. */
export function answerParameters(parameter: readonly OutParameter[]): Answer {
  return answerWith({ resourceType: 'Parameters', parameter });
}

/**
 * Runs an operation: what terminology says of a search's parameter (400) is a fault of the request's content here: 404 for what isn't
 * here, 422 for what can't be done.
 */
export async function asOperation(run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof TooCostly) throw failure(422, 'too-costly', `This would take too long. ${error.hint}`);
    if (!(error instanceof OutcomeError) || error.status !== 400) throw error;
    const code = error.issues[0]?.code;
    if (code === 'not-found') throw new OutcomeError(404, error.issues);
    if (code === 'too-costly' || code === 'processing') throw new OutcomeError(422, error.issues);
    if (code === 'not-supported' && !error.message.startsWith('This operation'))
      throw new OutcomeError(422, error.issues);
    throw error;
  }
}

/** The resource of an instance's call. Throws 404, 410. */
export async function instanceOf(context: Context, { type, id }: Call): Promise<JsonObject | undefined> {
  if (type === undefined || id === undefined) return undefined;
  const { body } = await currentOf(context, type, id);
  const value: unknown = JSON.parse(decoder.decode(body));
  return isJsonObject(value) ? value : {};
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A resource, or the canonical that it is found by. */
export type Named = { readonly canonical: string } | { readonly resource: JsonObject };

/** An element has one binding: it counts for what comes in and for what goes out. */
const directions: ReadonlySet<string> = new Set(['incoming', 'outgoing']);

/** Which value set a call means: of its path, `url`, `context` or `valueSet`. Throws 400 without any or with several of them. */
export async function valueSetMeant(context: Context, call: Call, inputs: Inputs): Promise<Named> {
  const ways = ['url', 'context', 'valueSet'].filter((name) => inputs.has(name));
  const direction = inputs.text('contextDirection');
  if (direction !== undefined && (!inputs.has('context') || !directions.has(direction))) {
    throw failure(400, 'value', 'contextDirection must be incoming or outgoing, and goes with context.');
  }
  const instance = await instanceOf(context, call);
  if (ways.length + (instance === undefined ? 0 : 1) !== 1) {
    const problem = ways.length === 0 && instance === undefined ? 'Name a value set' : 'Name one value set';
    throw failure(400, 'required', `${problem}: by url, by context, in valueSet, or in the path (ValueSet/id).`);
  }
  const resource = instance ?? inputs.object('valueSet');
  if (resource !== undefined) return { resource };
  const version = inputs.text('valueSetVersion') ?? '';
  const url = inputs.text('url');
  if (url !== undefined) return { canonical: version === '' ? url : versioned(splitCanonical(url)[0], version) };
  return { canonical: await boundTo(context, inputs.text('context') ?? '') };
}

/** The value set that the element `StructureDefinition#path` is bound to. */
async function boundTo(context: Context, place: string): Promise<string> {
  const hash = place.indexOf('#');
  const [url, path] = hash < 0 ? [place, ''] : [place.slice(0, hash), place.slice(hash + 1)];
  const found = await findCanonical(context, 'StructureDefinition', url);
  if (found === undefined)
    throw failure(404, 'not-found', `context: there is no StructureDefinition ${shorten(url)} here.`);
  const { snapshot, differential } = found.content();
  const elements = [snapshot, differential].flatMap((each) => (isObject(each) ? objects(each.element) : []));
  const element = elements.find(
    (each) => (each.id === path || each.path === path) && isObject(each.binding) && each.binding.valueSet !== undefined,
  );
  if (isObject(element?.binding)) return text(element.binding.valueSet);
  throw failure(
    404,
    'not-found',
    `context: ${shorten(path)} of ${shorten(url)} is no element that is bound to a value set.`,
  );
}

/** The version that `url` (or `url|version`) and a version parameter name together. */
export function canonicalOf(url: string, version: string | undefined): string {
  return version === undefined ? url : versioned(splitCanonical(url)[0], version);
}

/** The display in a language, or in the one that it is a kind of; the system's own where there is none. */
export function displayIn({ display, designations = [] }: ConceptDetail, language: string | undefined): string {
  if (language === undefined) return display;
  const wanted = language.toLowerCase().split('-');
  let [best, most] = [display, 0];
  for (const each of designations) {
    // `de-AT` is told in `de` where nothing is in its own.
    const shared = sharedSubtags(each, wanted);
    if (shared > most) [best, most] = [each.value, shared];
  }
  return best;
}

/** How many subtags a designation's language begins with that a wanted one begins with, too. */
function sharedSubtags({ language = '' }: Designation, wanted: readonly string[]): number {
  if (language === '') return 0;
  const has = language.toLowerCase().split('-');
  const differing = wanted.findIndex((subtag, place) => has[place] !== subtag);
  return differing < 0 ? wanted.length : differing;
}

/** Whether a designation is in a language: `en` is what `en-GB` is in, too. */
export function isLanguage({ language = '' }: Designation, wanted: string): boolean {
  if (wanted.length > longestLanguage) return false;
  const [has, asked] = [language.toLowerCase(), wanted.toLowerCase()];
  return has === asked || has.startsWith(`${asked}-`);
}

/** By how much the clocks of clients may be wrong, in milliseconds. */
const skew = 60_000;

/** What is here is told as it is now. Throws 400 for a `date` that is none, 422 for one that isn't now. */
export function checkDate({ settings, clock }: Context, inputs: Inputs): void {
  const date = inputs.text('date');
  if (date === undefined) return;
  const range = dateRange(date, settings.timezone);
  if (range === undefined) throw failure(400, 'value', `date: ${shorten(date)} is no date or dateTime.`);
  const now = clock();
  if (range.low - skew <= now && now < range.high + skew) return;
  const text = `date: codes are told as they are now, not as they are on ${date}; name the version that was used then instead.`;
  throw failure(422, 'not-supported', text);
}

/** Throws 422 for a CodeSystem that supplements another: it has no codes of its own. */
export function refuseSupplement({ content, supplements }: JsonObject): void {
  if (content !== 'supplement') return;
  const text = `This CodeSystem supplements ${shorten(String(supplements))}: ask for codes of that one.`;
  throw failure(422, 'not-supported', text);
}

/** The codings of a CodeableConcept. */
export function codingsOf({ coding }: JsonObject): readonly JsonObject[] {
  return isArray(coding) ? objects(coding) : [];
}
