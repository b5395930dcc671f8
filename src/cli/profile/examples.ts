/** Examples of a case: one that is right, and such as are refused. https://hl7.org/fhir/R4/procedure.html */
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import type { Column } from './columns.ts';
import { canonicalOf, caseIdentifierSystem, followUpTimeUrl, idOf } from './names.ts';
import { type Exemplified, exampleOf, type Plan, type PlannedOutcome, profileOf } from './plan.ts';
import { systemOf } from './terminology.ts';

/** An example, and what is wrong with it. */
export interface Example {
  /** Name of its file, without `.json`. */
  readonly file: string;
  readonly resource: Resource;
  /** Absent: nothing. */
  readonly fault?: { readonly expression: string; readonly text: string };
}

/** What a case is coded with where its columns don't say. */
const surgicalProcedure = { system: 'http://snomed.info/sct', code: '387713003', display: 'Surgical procedure' };

/** Examples of a plan: a case, an observation of each of its own outcome measures, and those that are refused. */
export function examplesOf(plan: Plan): readonly Example[] {
  const valid = caseExample(plan);
  return [
    { file: `valid-${plan.id}`, resource: valid },
    ...plan.outcomes.filter(({ shared }) => !shared).map((outcome) => outcomeExample(plan, outcome)),
    withoutIdentifier(plan, valid),
    ...[missing(plan, valid), otherCode(plan, valid)].flatMap((example) => (example === undefined ? [] : [example])),
  ];
}

function caseExample(plan: Plan): Resource {
  const { id, fields, common, narrowings } = plan;
  const narrowed = (name: string): readonly JsonObject[] =>
    narrowings.filter(({ column }) => column === name).map(({ written, valueSet }) => concept(written, valueSet));
  const [code = { coding: [surgicalProcedure] }] = narrowed('procedure_code');
  const reasonCode = narrowed('diagnosis_code');
  const bodySite = narrowed('body_site');
  return {
    resourceType: 'Procedure',
    id: `example-${id}`,
    meta: { profile: [profileOf(plan)] },
    ...extensions([...fields, ...common]),
    identifier: [{ system: caseIdentifierSystem, value: `${id}-1` }],
    status: 'completed',
    code,
    subject: { reference: 'Patient/example' },
    encounter: { reference: 'Encounter/example' },
    performedDateTime: '2024-03-12',
    performer: [{ actor: { reference: 'Practitioner/example' } }],
    ...(reasonCode.length === 0 ? {} : { reasonCode }),
    ...(bodySite.length === 0 ? {} : { bodySite }),
  };
}

function extensions(fields: readonly Exemplified[]): JsonObject {
  return fields.length === 0 ? {} : { extension: fields.map(extensionOf) };
}

function extensionOf({ extension, example }: Exemplified): JsonObject {
  return { url: canonicalOf('StructureDefinition', extension), ...example };
}

function concept({ allowed }: Column, valueSet: string): JsonObject {
  const coding = allowed.slice(0, 1).map((value) => ({
    system: systemOf(value, valueSet),
    code: value.code,
    display: value.display,
  }));
  return { coding };
}

function outcomeExample(plan: Plan, { written, part }: PlannedOutcome): Example {
  const value = exampleOf(written, part.profile);
  const code = written.code ?? { system: canonicalOf('CodeSystem', plan.id), code: part.name };
  const resource: Resource = {
    resourceType: 'Observation',
    id: `example-${idOf(part.name)}`,
    meta: { profile: [canonicalOf('StructureDefinition', part.profile)] },
    extension: [{ url: followUpTimeUrl, valueCode: part.times?.[0] }],
    partOf: [{ reference: `Procedure/example-${plan.id}` }],
    status: 'final',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'survey' }] }],
    code: { coding: [{ ...code }] },
    subject: { reference: 'Patient/example' },
    ...value,
  };
  return { file: `valid-${part.profile}`, resource };
}

function withoutIdentifier({ id }: Plan, valid: Resource): Example {
  const { identifier, ...rest } = valid;
  void identifier;
  return {
    file: 'invalid-no-case-identifier',
    resource: { ...rest, resourceType: 'Procedure', id: `invalid-${id}` },
    fault: { expression: 'Procedure.identifier', text: 'a case needs its identifier (at least one)' },
  };
}

/** Without the first field that is required. */
function missing({ id, fields, common }: Plan, valid: Resource): Example | undefined {
  const field = fields.find(({ required }) => required);
  if (field === undefined) return undefined;
  const extension = [...fields.filter((each) => each !== field), ...common].map(extensionOf);
  return {
    file: `invalid-no-${field.extension.replace(`${id}-`, '')}`,
    resource: { ...valid, extension: extension.length === 0 ? undefined : extension, id: `invalid-${id}` },
    fault: { expression: 'Procedure.extension', text: `${field.column} is required` },
  };
}

/** With a code in the first coded field that its value set doesn't have. */
function otherCode({ id, fields, common }: Plan, valid: Resource): Example | undefined {
  const place = fields.findIndex(({ example }) => example.valueCodeableConcept !== undefined);
  const field = fields[place];
  if (field === undefined) return undefined;
  const extension = [...fields, ...common].map((each) => {
    if (each !== field) return extensionOf(each);
    const system = canonicalOf('CodeSystem', each.extension);
    return { ...extensionOf(each), valueCodeableConcept: { coding: [{ system, code: 'no-such-code' }] } };
  });
  return {
    file: `invalid-${field.extension.replace(`${id}-`, '')}-code`,
    resource: { ...valid, extension, id: `invalid-${id}` },
    fault: {
      expression: `Procedure.extension[${place}].value`,
      text: `no-such-code is none of the allowed values of ${field.column}`,
    },
  };
}
