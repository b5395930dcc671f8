/** Which modifiers a parameter takes. https://hl7.org/fhir/R4/search.html#modifiers */
import type { SearchParameterType } from '../criteria.ts';
import { nearest } from '../nearest.ts';
import type { SearchParameter } from '../registry.ts';
import { refuse } from './context.ts';

/** Modifiers of each parameter type, beside resource types for references. */
const modifiers: Readonly<Record<SearchParameterType, readonly string[]>> = {
  string: ['exact', 'contains', 'missing'],
  token: ['not', 'missing', 'text', 'of-type', 'in', 'not-in', 'above', 'below'],
  reference: ['missing', 'identifier', 'above', 'below'],
  uri: ['missing', 'above', 'below'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  // R4: "except combination".
  composite: [],
  special: ['missing'],
};

const listOf = (names: readonly string[]) => names.map((each) => `:${each}`).join(', ');

/** Throws 400 unless the parameter takes the modifier. `name`: as the client wrote it. */
export function checkModifier(
  modifier: string,
  parameter: SearchParameter,
  name: string,
  types: ReadonlySet<string>,
): void {
  const own = modifiers[parameter.kind];
  if (own.includes(modifier)) return;
  const targets = parameter.kind === 'reference' ? parameter.targets : [];
  if (targets.includes(modifier)) return;
  if (parameter.kind === 'reference' && types.has(modifier)) {
    if (targets.length === 0) return;
    throw refuse('invalid', `${name}: ${parameter.code} never leads to ${modifier}, only to ${targets.join(', ')}.`);
  }
  const taken = listOf(nearest(modifier, own, own.length));
  const type = targets.length === 0 ? '' : `, and a type it leads to: ${listOf(nearest(modifier, targets, 5))}`;
  const hint =
    own.length === 0 ? `a ${parameter.kind} parameter takes none` : `${parameter.code} takes ${taken}${type}`;
  throw refuse('not-supported', `${name}: there is no modifier :${modifier} here; ${hint}.`);
}
