/** Which modifiers a parameter takes. https://hl7.org/fhir/R4/search.html#modifiers */
import type { SearchParameterType } from '../criteria.ts';
import { nearest } from '../nearest.ts';
import type { SearchParameter } from '../registry.ts';
import { refuse } from './context.ts';

/** Modifiers of each parameter type in R4: those that work, and those that don't yet. */
const modifiers: Readonly<
  Record<SearchParameterType, { readonly now: readonly string[]; readonly later: readonly string[] }>
> = {
  string: { now: ['exact', 'contains', 'missing'], later: [] },
  token: { now: ['not', 'missing', 'text', 'of-type', 'in', 'not-in', 'above', 'below'], later: [] },
  reference: { now: ['missing', 'identifier', 'above', 'below'], later: [] },
  uri: { now: ['missing', 'above', 'below'], later: [] },
  date: { now: ['missing'], later: [] },
  number: { now: ['missing'], later: [] },
  quantity: { now: ['missing'], later: [] },
  composite: { now: [], later: [] },
  special: { now: ['missing'], later: [] },
};

/** Throws 400 unless the parameter takes the modifier. `name`: as the client wrote it. */
export function checkModifier(
  modifier: string,
  parameter: SearchParameter,
  name: string,
  types: ReadonlySet<string>,
): void {
  const { now, later } = modifiers[parameter.kind];
  if (now.includes(modifier)) return;
  if (later.includes(modifier)) {
    throw refuse('not-supported', `${name}: the modifier :${modifier} is not supported yet.`);
  }
  const targets = parameter.kind === 'reference' ? parameter.targets : [];
  if (targets.includes(modifier)) return;
  if (parameter.kind === 'reference' && types.has(modifier)) {
    if (targets.length === 0) return;
    throw refuse('invalid', `${name}: ${parameter.code} never leads to ${modifier}, only to ${targets.join(', ')}.`);
  }
  const possible = [...now, ...targets];
  const hint =
    possible.length === 0
      ? `a ${parameter.kind} parameter takes none`
      : `${parameter.code} takes ${nearest(modifier, possible, 5)
          .map((each) => `:${each}`)
          .join(', ')}`;
  throw refuse('not-supported', `${name}: there is no modifier :${modifier} here; ${hint}.`);
}
