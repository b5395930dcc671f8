/** Parameters of interactions that take none, and of operations that take a few. https://hl7.org/fhir/R4/http.html#parameters */
import { failure } from '../fhir/outcome.ts';
import { nearest } from '../search/nearest.ts';
import { generalParameters } from '../search/result-parameters.ts';
import type { Call, Context } from './context.ts';

/**
 * Throws 400 for parameters that a write by id would ignore: whoever sends criteria there, or asks for a cascade, would
 * otherwise get something else than meant.
 */
export function refuseParameters(context: Context, call: Call): void {
  for (const [name] of call.parameters) {
    if (generalParameters.has(name) || context.settings.ignoredParameters.includes(name)) continue;
    const advice =
      call.interaction === 'create'
        ? 'Criteria of a create go into If-None-Exist (in a bundle: request.ifNoneExist).'
        : 'Criteria go where the URL has no id.';
    const text = `This ${call.interaction} takes no parameter "${name.slice(0, 80)}". ${advice}`;
    throw failure(400, 'not-supported', text);
  }
}

/** Throws 400 for parameters of an operation that are not among its `names`: a misspelt one would be ignored. */
export function refuseOthers(context: Context, call: Call, names: readonly string[]): void {
  for (const [name] of call.parameters) {
    if (names.includes(name) || generalParameters.has(name)) continue;
    if (context.settings.ignoredParameters.includes(name)) continue;
    const given = name.slice(0, 80);
    const known = names.length === 0 ? 'It takes none.' : `Nearest: ${nearest(given, names).join(', ')}.`;
    throw failure(400, 'not-supported', `${call.operation} has no parameter "${given}". ${known}`);
  }
}
