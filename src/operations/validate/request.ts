/** What a call of `$validate` asks for. https://hl7.org/fhir/R4/resource-operation-validate.html */
import { closest } from 'fastest-levenshtein';
import { type ExactJson, isExactObject, parseExact, plain, writeExact } from '../../fhir/exact-json.ts';
import { resourceTypeOf } from '../../fhir/json.ts';
import { LARGE } from '../../fhir/large-json.ts';
import { failure, OutcomeError } from '../../fhir/outcome.ts';
import { outlineParameters } from '../../fhir/parameters.ts';
import { inSteps } from '../../fhir/steps.ts';
import { jsonBytes } from '../../interactions/body.ts';
import type { Call, Context } from '../../interactions/context.ts';
import { generalParameters } from '../../search/result-parameters.ts';
import { makePace } from '../../store/pace.ts';
import { structureSteps } from '../../validation/structure.ts';

const modes = ['create', 'update', 'delete', 'profile'] as const;
export type Mode = (typeof modes)[number];

/** https://hl7.org/fhir/R4/valueset-resource-validation-mode.html; undefined: the resource by itself. */
export interface ValidateRequest {
  readonly mode: Mode | undefined;
  /** Canonicals. */
  readonly profiles: readonly string[];
  /** The resource that was sent, whatever it is; absent: the stored one is meant. */
  readonly sent?: Uint8Array;
}

/** In-parameters beside `resource`, as the URL or Parameters have them. */
type Named = readonly (readonly [name: string, value: string, expression?: string])[];

/**
 * Reads the parameters of the URL and the body: a resource, or Parameters with one.
 * Throws 400 for parameters that there aren't, or that don't fit together; what is wrong with the resource is not its business.
 */
export async function requestOf(context: Context, call: Call): Promise<ValidateRequest> {
  const { parameters, body } = call;
  const wrapped =
    body === undefined || body.bytes.byteLength === 0 ? undefined : await unwrapped(context, jsonBytes(call));
  const ignored = (name: string) => generalParameters.has(name) || context.settings.ignoredParameters.includes(name);
  const named: Named = [...parameters.filter(([name]) => !ignored(name)), ...(wrapped?.named ?? [])];
  for (const [name, , expression] of named) {
    if (name === 'mode' || name === 'profile') continue;
    if (name === 'resource') throw failure(400, 'required', 'The parameter "resource" has no resource.', expression);
    const near = closest(name.slice(0, 80), ['mode', 'profile', 'resource']);
    throw failure(
      400,
      'not-supported',
      `$validate has no parameter "${name.slice(0, 80)}". Nearest: ${near}.`,
      expression,
    );
  }
  const mode = modeOf(named);
  const profiles = named.filter(([name, value]) => name === 'profile' && value !== '').map(([, value]) => value);
  const sent = wrapped?.resource;
  check(call, mode, profiles, sent);
  return { mode, profiles: [...new Set(profiles)], ...(sent === undefined ? {} : { sent }) };
}

function modeOf(named: Named): Mode | undefined {
  const given = new Set(named.filter(([name, value]) => name === 'mode' && value !== '').map(([, value]) => value));
  const [text, another] = given;
  if (text === undefined) return undefined;
  const mode = modes.find((each) => each === text);
  if (mode === undefined || another !== undefined)
    throw failure(400, 'value', `mode must be one of ${modes.join(', ')}.`);
  return mode;
}

function check({ id }: Call, mode: Mode | undefined, profiles: readonly string[], sent: Uint8Array | undefined): void {
  if (id === undefined && (mode === 'delete' || mode === 'profile')) {
    throw failure(400, 'required', `mode=${mode} is about a stored resource: POST [base]/[type]/[id]/$validate.`);
  }
  if (mode === 'profile' && profiles.length === 0) {
    throw failure(400, 'required', 'mode=profile needs a profile to check the stored resource against.');
  }
  if (mode === 'profile' && sent !== undefined) {
    throw failure(400, 'invalid', 'mode=profile checks the stored resource; leave the mode out to check the sent one.');
  }
  if (id === undefined && sent === undefined) {
    throw failure(400, 'required', 'Send a resource, or Parameters with a parameter "resource".');
  }
}

interface Unwrapped {
  readonly resource?: Uint8Array;
  readonly named: Named;
}

/** The parts of Parameters; any other body is the resource itself, also one that is no JSON. */
async function unwrapped(context: Context, bytes: Uint8Array): Promise<Unwrapped> {
  // It may be a Bundle of many megabytes, which is parsed later.
  if (resourceTypeOf(bytes) !== 'Parameters') return { resource: bytes, named: [] };
  let body: ExactJson;
  let large: ReadonlyMap<number, Uint8Array> = new Map();
  try {
    if (bytes.length <= LARGE) body = parseExact(bytes);
    else {
      const outline = outlineParameters(bytes);
      large = outline.resources;
      body = parseExact(outline.rest);
    }
  } catch (error) {
    if (error instanceof OutcomeError) return { resource: bytes, named: [] };
    throw error;
  }
  if (!isExactObject(body) || body.resourceType !== 'Parameters') return { resource: bytes, named: [] };
  const resources: Uint8Array[] = [];
  const named: (readonly [string, string, string])[] = [];
  const list = Array.isArray(body.parameter) ? body.parameter : [];
  for (const [index, parameter] of list.entries()) {
    if (!isExactObject(parameter) || typeof parameter.name !== 'string') continue;
    const { name, resource, ...others } = parameter;
    const at = `Parameters.parameter[${index}]`;
    if (name === 'resource' && isExactObject(resource)) {
      resources.push(large.get(index) ?? writeExact(resource));
      // What is wrong within it is told by the answer.
      delete parameter.resource;
    } else {
      const value = Object.entries(others).find(([key]) => /^value(Code|String|Uri|Url|Canonical)$/.test(key))?.[1];
      named.push([name, typeof value === 'string' ? value : '', at]);
    }
  }
  const tree = plain(body);
  const issues = await inSteps(structureSteps(tree, context.definitions), makePace());
  if (issues.length > 0) throw new OutcomeError(400, issues);
  const [resource, another] = resources;
  if (another !== undefined)
    throw failure(400, 'invalid', 'There may be one parameter "resource".', 'Parameters.parameter');
  return { named, ...(resource === undefined ? {} : { resource }) };
}
