/** `CodeSystem/$lookup`: what is known of a code. https://hl7.org/fhir/R4/codesystem-operation-lookup.html */
import { failure } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { Answer, Call, Context, Operation } from '../interactions/context.ts';
import { TermLookup } from '../interactions/term-source.ts';
import { type ConceptDetail, type Concepts, type Designation, hasConcepts } from '../terminology/concepts.ts';
import { text } from '../terminology/json.ts';
import { shorten } from '../terminology/shorten.ts';
import { type DeclaredInputs, type Inputs, readInputs } from './inputs.ts';
import {
  answerParameters,
  asOperation,
  canonicalOf,
  checkDate,
  displayIn,
  isLanguage,
  type OutParameter,
} from './terminology.ts';

const declared: DeclaredInputs = {
  code: { type: 'text' },
  system: { type: 'text' },
  version: { type: 'text' },
  coding: { type: 'Coding' },
  date: { type: 'text' },
  displayLanguage: { type: 'language' },
  property: { type: 'text', many: true },
};

/** 200 with what is known; 404 for an unknown system or code. */
export const lookup: Operation = {
  name: '$lookup',
  definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup',
  levels: ['type'],
  types: ['CodeSystem'],
  affectsState: false,
  run: (context, call) => asOperation(() => run(context, call)),
};

async function run(context: Context, call: Call): Promise<Answer> {
  const inputs = readInputs(context, call, declared);
  checkDate(context, inputs);
  const { system, code, canonical } = askedIn(inputs);
  const found = await new TermLookup(context).codeSystem(canonical);
  if (found === undefined) {
    throw failure(404, 'not-found', `There is no code system ${shorten(canonical)} here; store it or load it.`);
  }
  const { concepts } = found;
  const concept = await concepts.get(code);
  if (concept === undefined && !hasConcepts(concepts)) {
    const text = `The code system ${shorten(canonical)} is here without its concepts (content ${shorten(concepts.content)}).`;
    throw failure(422, 'not-supported', text);
  }
  if (concept === undefined) throw failure(404, 'not-found', `${shorten(system)} has no code ${shorten(code)}.`);
  return answerParameters(await outputs(concepts, concept, inputs));
}

function askedIn(inputs: Inputs): { system: string; code: string; canonical: string } {
  const coding = inputs.object('coding');
  if ((coding === undefined) === (inputs.text('code') === undefined)) {
    throw failure(400, 'required', 'Give code and system, or coding.');
  }
  const system = coding === undefined ? (inputs.text('system') ?? '') : text(coding.system);
  const code = coding === undefined ? (inputs.text('code') ?? '') : text(coding.code);
  if (system === '' || code === '') throw failure(400, 'required', 'Give the system of the code, and the code.');
  const version = inputs.text('version') ?? (text(coding?.version) || undefined);
  return { system, code, canonical: canonicalOf(system, version) };
}

async function outputs(concepts: Concepts, concept: ConceptDetail, inputs: Inputs): Promise<readonly OutParameter[]> {
  const asked = inputs.texts('property');
  const wanted = (name: string): boolean => asked.length === 0 || asked.includes(name);
  const language = inputs.text('displayLanguage');
  const display = displayIn(concept, language);
  const designations = (concept.designations ?? []).filter(
    (each) =>
      wanted('designation') || asked.some((name) => name.startsWith('lang.') && isLanguage(each, name.slice(5))),
  );
  const parents = wanted('parent') ? concept.parents : [];
  const children = wanted('child') ? ((await concepts.children(concept.code)) ?? []) : [];
  const own = (concept.properties ?? []).filter(([name]) => wanted(name));
  const named = own.filter(([name]) => concepts.properties.get(name) === 'code').map(([, code]) => code);
  const others = await concepts.find([...new Set([...parents, ...named])]);
  const displays = new Map([...others, ...children].map((each) => [each.code, displayIn(each, language)]));
  const relation = (name: string) => (code: string) => property(name, { valueCode: code }, displays.get(code));
  const flags: OutParameter[] = [];
  for (const [name, value] of [
    ['inactive', concept.inactive],
    ['notSelectable', concept.abstract],
  ] as const) {
    if (value === true && wanted(name) && !own.some(([code]) => code === name)) {
      flags.push(property(name, { valueBoolean: true }));
    }
  }
  return [
    { name: 'name', valueString: concepts.title || concepts.url },
    ...(concepts.version === '' ? [] : [{ name: 'version', valueString: concepts.version }]),
    { name: 'display', valueString: display || concept.code },
    ...designations.map(designationOf),
    ...(concept.definition !== undefined && wanted('definition')
      ? [property('definition', { valueString: concept.definition })]
      : []),
    ...parents.map(relation('parent')),
    ...children.map(({ code }) => code).map(relation('child')),
    ...flags,
    ...own.map(([name, value]) => {
      const type = concepts.properties.get(name);
      return property(name, typedValue(value, type), type === 'code' ? displays.get(value) : undefined);
    }),
  ];
}

function property(code: string, value: JsonObject, description?: string): OutParameter {
  return {
    name: 'property',
    part: [
      { name: 'code', valueCode: code },
      { name: 'value', ...value },
      ...(description === undefined || description === '' ? [] : [{ name: 'description', valueString: description }]),
    ],
  };
}

function typedValue(value: string, type: ReturnType<Concepts['properties']['get']>): JsonObject {
  switch (type) {
    case 'code':
    case 'Coding':
      return { valueCode: value };
    case 'boolean':
      return { valueBoolean: value === 'true' };
    case 'integer':
      return /^-?[0-9]+$/.test(value) ? { valueInteger: Number(value) } : { valueString: value };
    case 'decimal':
      return Number.isFinite(Number(value)) ? { valueDecimal: Number(value) } : { valueString: value };
    case 'dateTime':
      return { valueDateTime: value };
    default:
      return { valueString: value };
  }
}

function designationOf({ value, language, use }: Designation): OutParameter {
  return {
    name: 'designation',
    part: [
      ...(language === undefined ? [] : [{ name: 'language', valueCode: language }]),
      ...(use === undefined ? [] : [{ name: 'use', valueCoding: { ...use } }]),
      { name: 'value', valueString: value },
    ],
  };
}
