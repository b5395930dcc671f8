/** `:in`, `:not-in`, `:above` and `:below` on token parameters. https://hl7.org/fhir/R4/search.html#token */
import type { TokenTest } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import type { TermRequest } from '../terms.ts';
import { badValue, type Lowerable, type LowerContext, refuse } from './context.ts';
import { readToken, tokenTest } from './token.ts';
import type { Direction } from './uri.ts';

/** Types with codes. */
const coded = new Set(['Coding', 'CodeableConcept', 'code']);

/** Systems whose codes say themselves what lies above them: what a code is followed by in the codes below it. */
const grammars: Readonly<Record<string, (code: string) => readonly string[]>> = {
  // https://hl7.org/fhir/R4/valueset-mimetypes.html
  'urn:ietf:bcp:13': (code) => (code.includes('/') ? [';'] : ['/']),
  // https://hl7.org/fhir/R4/valueset-languages.html
  'urn:ietf:bcp:47': () => ['-'],
};

/** Tests for the codes of a value set; none where it has none. Throws 400 where the parameter has no codes. */
export function lowerMembers(value: string, parameter: Lowerable, context: LowerContext): readonly TokenTest[] {
  refuseUncoded(parameter, context);
  return testsFor({ kind: 'in', parameter: context.name, valueSet: unescaped(value) }, parameter, context);
}

/**
 * Tests for a code and those that it subsumes (`below`), or that it is subsumed by (`above`). Throws 400 where the parameter
 * has no codes, for a value that isn't a code, and for a code without a system where the parameter doesn't imply one.
 */
export function lowerSubsumption(
  value: string,
  direction: Direction,
  parameter: Lowerable,
  context: LowerContext,
): readonly TokenTest[] {
  refuseUncoded(parameter, context);
  const { system: written, code } = readToken(value, context);
  const system = written ?? parameter.values.system;
  if (code === undefined || system === undefined || system === '') {
    throw badValue(context, value, 'a code with its system; write system|code');
  }
  const grammar = Object.hasOwn(grammars, system) ? grammars[system] : undefined;
  if (grammar === undefined) {
    return testsFor({ kind: direction, parameter: context.name, system, code }, parameter, context);
  }
  const test = (each: string) => tokenTest(system, each, parameter, context);
  if (direction === 'below') {
    return [test(code), ...grammar(code).map((end): TokenTest => ({ ...test(`${code}${end}`), begins: true }))];
  }
  const above = [...code.matchAll(/[/;-]/g)].map(({ index }) => code.slice(0, index));
  return [code, ...above.filter((each) => grammar(each).some((end) => code.startsWith(`${each}${end}`)))].map(test);
}

function testsFor(request: TermRequest, parameter: Lowerable, context: LowerContext): readonly TokenTest[] {
  const { terms } = context;
  if (terms === undefined) {
    throw refuse('not-supported', `${context.name}: the modifier :${request.kind} is not supported here.`);
  }
  // A code element with several systems is indexed without one: it has that of its code.
  const { types, system: implied } = parameter.values;
  const bare = implied === undefined && types.length > 0 && types.every((type) => type === 'code');
  return terms(request).flatMap(({ system, codes }): readonly TokenTest[] => {
    context.allowance.values(codes?.length ?? 1);
    if (codes === undefined) return [tokenTest(system, undefined, parameter, context)];
    return codes.flatMap((code) => {
      const test = tokenTest(system, code, parameter, context);
      return bare ? [test, tokenTest('', code, parameter, context)] : [test];
    });
  });
}

function refuseUncoded({ values: { types } }: Lowerable, context: LowerContext): void {
  if (types.length === 0 || types.some((type) => coded.has(type))) return;
  throw refuse(
    'not-supported',
    `${context.name}: the parameter has no codes of a code system, only ${types.join(', ')}.`,
  );
}
