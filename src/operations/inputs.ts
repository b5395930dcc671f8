/** The in-parameters of an operation: of the URL, or of a Parameters resource. https://hl7.org/fhir/R4/operations.html#request */
import { parseJson } from '../fhir/json.ts';
import { failure, OutcomeError } from '../fhir/outcome.ts';
import { isObject, isResource, type JsonObject, type JsonValue } from '../fhir/resource.ts';
import { jsonBytes } from '../interactions/body.ts';
import type { Call, Context } from '../interactions/context.ts';
import { nearest } from '../search/nearest.ts';
import { generalParameters } from '../search/result-parameters.ts';
import { objects } from '../terminology/json.ts';
import { checkStructure } from '../validation/structure.ts';

/** `text`: any type that is written as a string; `language`: a text, too; a type of resource for those that carry one. */
export type InputType =
  | 'text'
  | 'language'
  | 'boolean'
  | 'count'
  | 'Coding'
  | 'CodeableConcept'
  | 'parts'
  | 'CodeSystem'
  | 'ValueSet'
  | 'ConceptMap';

export interface DeclaredInput {
  readonly type: InputType;
  /** Whether it may be given more than once. */
  readonly many?: true;
}

export type DeclaredInputs = Readonly<Record<string, DeclaredInput>>;

/** No tag of a language has more characters: it is compared with those of many designations. */
export const longestLanguage = 64;

/** What was given for one parameter: what type it was declared to have, it has. */
type Given = string | boolean | number | JsonObject;

type Resourced = 'CodeSystem' | 'ValueSet' | 'ConceptMap';

function isResourced(type: InputType): type is Resourced {
  return type === 'CodeSystem' || type === 'ValueSet' || type === 'ConceptMap';
}

/** The values of an operation's parameters. */
export class Inputs {
  readonly #given: ReadonlyMap<string, readonly Given[]>;

  constructor(given: ReadonlyMap<string, readonly Given[]>) {
    this.#given = given;
  }

  /** The first value as text. */
  text(name: string): string | undefined {
    return this.texts(name)[0];
  }

  texts(name: string): readonly string[] {
    return (this.#given.get(name) ?? []).filter((each) => typeof each === 'string');
  }

  flag(name: string): boolean | undefined {
    const [value] = this.#given.get(name) ?? [];
    return typeof value === 'boolean' ? value : undefined;
  }

  count(name: string): number | undefined {
    const [value] = this.#given.get(name) ?? [];
    return typeof value === 'number' ? value : undefined;
  }

  /** A Coding, a CodeableConcept or a resource. */
  object(name: string): JsonObject | undefined {
    return this.objects(name)[0];
  }

  objects(name: string): readonly JsonObject[] {
    return (this.#given.get(name) ?? []).filter((each) => typeof each === 'object');
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }
}

/**
 * Reads the parameters of a call. Those of the URL are texts, flags and numbers; a body is Parameters, or the one resource that the
 * operation takes. Throws 400 naming the parameter that is unknown, given twice or of another type.
 */
export function readInputs(context: Context, call: Call, declared: DeclaredInputs): Inputs {
  const given = new Map<string, Given[]>();
  const add = (name: string, { many }: DeclaredInput, value: Given): void => {
    const values = given.get(name) ?? [];
    if (values.length > 0 && many !== true) throw failure(400, 'invalid', `${name} may be given once.`);
    values.push(value);
    given.set(name, values);
  };
  for (const [name, value] of call.parameters) {
    if (generalParameters.has(name) || context.settings.ignoredParameters.includes(name) || value === '') continue;
    const input = known(name, declared);
    add(name, input, fromText(name, value, input.type));
  }
  if (call.method !== 'POST' || call.body === undefined || call.body.bytes.byteLength === 0) return new Inputs(given);
  const { value: body } = parseJson(jsonBytes(call));
  const issues = checkStructure(body, context.definitions);
  if (issues.length > 0) throw new OutcomeError(400, issues);
  if (!isResource(body)) throw failure(400, 'structure', 'The body must be a Parameters resource.');
  if (body.resourceType !== 'Parameters') {
    const [name, input] = Object.entries(declared).find(([, { type }]) => type === body.resourceType) ?? [];
    if (name === undefined || input === undefined) {
      throw failure(400, 'invalid', `The body is of type ${body.resourceType}; send Parameters.`);
    }
    add(name, input, body);
    return new Inputs(given);
  }
  for (const [index, parameter] of objects(body.parameter).entries()) {
    const name = typeof parameter.name === 'string' ? parameter.name : '';
    const input = known(name, declared);
    add(name, input, fromParameter(name, parameter, input.type, `Parameters.parameter[${index}]`));
  }
  return new Inputs(given);
}

function known(name: string, declared: DeclaredInputs): DeclaredInput {
  const input = Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (input !== undefined) return input;
  const names = nearest(name.slice(0, 80), Object.keys(declared)).join(', ');
  throw failure(
    400,
    'not-supported',
    `This operation has no parameter "${name.slice(0, 80)}". The nearest are ${names}.`,
  );
}

function fromText(name: string, value: string, type: InputType): Given {
  if (type === 'text') return value;
  if (type === 'language') return checkedLanguage(name, value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if (type === 'boolean') throw failure(400, 'value', `${name} must be true or false.`);
  if (type === 'count' && /^[0-9]{1,9}$/.test(value)) return Number(value);
  if (type === 'count') throw failure(400, 'value', `${name} must be a number from 0 to 999999999.`);
  throw failure(400, 'invalid', `${name} is a ${type}: it doesn't fit into a URL; POST it in Parameters.`);
}

function checkedLanguage(name: string, value: string, expression?: string): string {
  if (value.length <= longestLanguage) return value;
  throw failure(
    400,
    'value',
    `${name} must be the tag of a language, of at most ${longestLanguage} characters.`,
    expression,
  );
}

function fromParameter(name: string, parameter: JsonObject, type: InputType, expression: string): Given {
  const [value] = Object.entries(parameter)
    .filter(([property]) => property.startsWith('value'))
    .map(([, each]) => each);
  if (type === 'parts') return parameter;
  if (isResourced(type)) {
    const { resource } = parameter;
    if (isResource(resource) && resource.resourceType === type) return resource;
    throw failure(400, 'invalid', `${name} must have a ${type} as its resource.`, expression);
  }
  if (type === 'Coding' || type === 'CodeableConcept') {
    const named = parameter[`value${type}`];
    if (isObject(named)) return named;
    throw failure(400, 'invalid', `${name} must have a value${type}.`, expression);
  }
  const plain = type === 'language' ? 'text' : type;
  const accepted = ofType(value, plain);
  if (accepted === undefined) throw failure(400, 'invalid', `${name} must have ${expected[plain]}.`, expression);
  return type === 'language' ? checkedLanguage(name, String(accepted), expression) : accepted;
}

const expected: Readonly<Record<'text' | 'boolean' | 'count', string>> = {
  text: 'a value that is a text: valueString, valueUri, valueCode …',
  boolean: 'a valueBoolean',
  count: 'a valueInteger that is not negative',
};

function ofType(value: JsonValue | undefined, type: 'text' | 'boolean' | 'count'): Given | undefined {
  if (type === 'text') return typeof value === 'string' && value !== '' ? value : undefined;
  if (type === 'boolean') return typeof value === 'boolean' ? value : undefined;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
}
