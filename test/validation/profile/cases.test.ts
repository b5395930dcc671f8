/** The Java validator's cases: the same verdict, and errors at the same elements. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { parseJson } from '../../../src/fhir/json.ts';
import { type Issue, OutcomeError } from '../../../src/fhir/outcome.ts';
import { isArray, isObject, isResource, type JsonObject, type JsonValue } from '../../../src/fhir/resource.ts';
import { checkStructure } from '../../../src/validation/structure.ts';
import { cases, faultOf, filed, haveData, validatorOf } from './source.ts';

const display = 'displays of codes in systems that are not here (LOINC, SNOMED CT) are not compared';
const unknownExtension =
  'R4 lets extensions stand that a server does not know: https://hl7.org/fhir/R4/extensibility.html#exchange';
const syntax = 'what is no JSON (RFC 8259) has no elements: the error names line and column';
const signature = 'signatures are not verified';

/** Cases whose verdict is another here, and why. */
const verdicts: Readonly<Record<string, string>> = {
  'pat-dob-ext': unknownExtension,
  'pat-example-extensions': unknownExtension,
  'target-ref-profile-empty': unknownExtension,
  'bundle-id-2': 'R4 does not say that a relation of links stands once',
  'uk-msg': display,
  'ips-nz-pj': display,
  'vs-params-2': 'parameters of value sets are an extension that R4 does not have',
  'vs-params-4': 'parameters of value sets are an extension that R4 does not have',
  'json-comments-2-yes': 'comments are none of JSON (RFC 8259)',
  'signatures-example-2': signature,
};

/** Cases whose verdict is the same for another reason, and why. */
const locations: Readonly<Record<string, string>> = {
  'json-comments-2-no': syntax,
  'json-comma-bad-1': syntax,
  'json-comma-bad-2': syntax,
  'json-no-quotes-1': syntax,
  'json-no-quotes-2': syntax,
};

/** `Bundle.entry[0].resource.valueString` for what that validator calls so. */
function normal(expression: string): string {
  return expression
    .replace(/\/\*.*?\*\//g, '')
    .replace(/\.ofType\(([a-z])/gi, (_, first: string) => first.toUpperCase())
    .replace(/\)/g, '');
}

interface Case {
  readonly name: string;
  readonly valid: boolean;
  readonly expressions: readonly string[];
  readonly text: string | undefined;
}

function read(line: string): Case {
  const { value } = parseJson(Buffer.from(line));
  const { name, valid, errors, resource, raw } = isObject(value) ? value : {};
  const expressions = (isArray(errors) ? errors : []).filter(isObject).flatMap(({ expression }) => {
    return isArray(expression) ? expression.filter((each) => typeof each === 'string').map(normal) : [];
  });
  const text = typeof raw === 'string' ? raw : JSON.stringify(resource);
  return { name: String(name), valid: valid === true, expressions, text };
}

const validator = validatorOf(filed());

async function errorsOf({ text = '' }: Case): Promise<readonly Issue[]> {
  let resource: JsonValue;
  try {
    resource = parseJson(Buffer.from(text)).value;
  } catch (error) {
    if (error instanceof OutcomeError) return error.issues;
    throw error;
  }
  const structure = checkStructure(resource, loadDefinitions());
  if (structure.length > 0 || !isResource(resource)) return structure;
  const issues = await validator.validate({ resource, level: 'profiles', budget: 60_000 });
  const errors = issues.filter(({ severity }) => severity === 'error' || severity === 'fatal');
  const fault = resource.resourceType === 'StructureDefinition' ? await faultOf(resource, filed()) : undefined;
  if (fault === undefined) return errors;
  return [
    ...errors,
    { severity: 'error', code: 'processing', diagnostics: fault, expression: [resource.resourceType] },
  ];
}

/** Whether an error is at the element, at the one that it is in, or at one of its own. */
function near(issue: Issue, expression: string): boolean {
  return (issue.expression ?? []).some(
    (own) => own === expression || outer(own) === expression || own === outer(expression) || own === `${expression}[0]`,
  );
}

/** Without its last element. */
function outer(expression: string): string {
  return expression.replace(/\.[A-Za-z]+(?:\[[0-9]+\])?$/, '');
}

describe.skipIf(!haveData(cases))('cases of the Java validator', () => {
  const all = haveData(cases) ? readFileSync(cases, 'utf8').trim().split('\n').map(read) : [];

  it('are all there', () => {
    expect(all).toHaveLength(69);
    const names: JsonObject = Object.fromEntries(all.map(({ name }) => [name, true]));
    expect([...Object.keys(verdicts), ...Object.keys(locations)].filter((name) => names[name] === undefined)).toEqual(
      [],
    );
  });

  it.each(all)('$name', async (each) => {
    const errors = await errorsOf(each);
    const exception = verdicts[each.name];
    expect(errors.length === 0, errors.map(({ diagnostics }) => diagnostics).join('\n')).toBe(
      exception === undefined ? each.valid : !each.valid,
    );
    if (exception !== undefined || each.valid || each.expressions.length === 0) return;
    const same = each.expressions.some((expression) => errors.some((issue) => near(issue, expression)));
    expect(same, `${each.expressions.join()} / ${errors.flatMap((issue) => issue.expression ?? []).join()}`).toBe(
      locations[each.name] === undefined,
    );
  });
});
