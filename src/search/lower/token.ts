/** Values of token parameters. https://hl7.org/fhir/R4/search.html#token */
import type { TokenTest } from '../criteria.ts';
import { foldToken } from '../normalise.ts';
import { split, unescaped } from '../parse/value.ts';
import { badValue, type Lowerable, type LowerContext } from './context.ts';

/** `system|code`, `|code`, `system|` or `code`: undefined any, '' none. */
export interface WrittenToken {
  readonly system: string | undefined;
  readonly code: string | undefined;
}

/** A test of a token parameter's values. Throws 400 for a value with more than one `|`, or with nothing else. */
export function lowerToken(value: string, parameter: Lowerable, context: LowerContext): TokenTest {
  const { system, code } = readToken(value, context);
  const { types } = parameter.values;
  if (code !== undefined && types.length === 1 && types[0] === 'boolean' && !/^(?:true|false)$/i.test(code)) {
    throw badValue(context, value, 'true or false');
  }
  return tokenTest(system, code, parameter, context);
}

/** A test for a code, or for all of a system. `system`: undefined any, '' none. */
export function tokenTest(
  system: string | undefined,
  code: string | undefined,
  parameter: Lowerable,
  context: LowerContext,
): TokenTest {
  if (code === undefined) return { kind: 'token', fold: false, ...(system !== undefined && { system }) };
  if (parameter.textual) return test(system, parameter.values.folded ? foldToken(code) : code, false);
  return test(system, code, countsCase(system ?? parameter.values.system, context) ? false : hasCase(code));
}

/** A test of the identifiers of logical references (`:identifier`). Throws 400 as `lowerToken` does. */
export function lowerIdentifier(value: string, context: LowerContext): TokenTest {
  const { system, code } = readToken(value, context);
  return test(system, code, false);
}

function test(system: string | undefined, code: string | undefined, fold: boolean): TokenTest {
  return { kind: 'token', fold, ...(system !== undefined && { system }), ...(code !== undefined && { code }) };
}

/** Throws 400 for a value with more than one `|`, or with nothing else. */
export function readToken(value: string, context: LowerContext): WrittenToken {
  const [first = '', second, ...rest] = split(value, '|').map(unescaped);
  if (rest.length > 0 || (first === '' && second === '')) {
    throw badValue(context, value, 'a token; write system|code, |code, system| or code, with \\| for a | inside one');
  }
  if (second === undefined) return { system: undefined, code: first };
  return { system: first, code: second === '' ? undefined : second };
}

/** Whether a code system is known to be case-sensitive. */
function countsCase(system: string | undefined, { definitions }: LowerContext): boolean {
  return system !== undefined && definitions.caseSensitive(system) === true;
}

/** Whether a code has letters that come in two cases; the others compare alike either way. */
function hasCase(code: string): boolean {
  return code.toLowerCase() !== code.toUpperCase();
}
