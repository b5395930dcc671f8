/** The fields that statistics are made of: search parameters with codes or numbers. https://hl7.org/fhir/R4/search.html#ptypes */
import { failure } from '../../fhir/outcome.ts';
import type { Parameter } from '../../search/criteria.ts';
import { nearest } from '../../search/nearest.ts';
import type { ParameterRegistry, SearchParameter } from '../../search/registry.ts';

export interface Field {
  /** The search parameter's code. */
  readonly code: string;
  readonly parameter: Parameter;
  /** Whether it was asked for by name: then it is told also where no match has it. */
  readonly named: boolean;
}

/**
 * The fields of those names; without names all of the type's coded fields and numbers, but those of every resource (`_tag` …) and those
 * whose values hardly repeat. Throws 400 for a name that has none.
 */
export function chosenFields(registry: ParameterRegistry, type: string, names: readonly string[]): readonly Field[] {
  if (names.length > 0) {
    return names.map((name) => ({ ...fieldOf(registry, type, name, 'field', isCountable), named: true }));
  }
  return registry
    .of(type)
    .filter((each) => isCountable(each) && !each.textual && !each.code.startsWith('_'))
    .map(({ code, parameter }) => ({ code, parameter, named: false }));
}

/** The token that matches are grouped by. Throws 400 for what is none, or hardly repeats. */
export function groupingOf(registry: ParameterRegistry, type: string, name: string): Field {
  return { ...fieldOf(registry, type, name, 'by', isCoded), named: true };
}

function fieldOf(
  registry: ParameterRegistry,
  type: string,
  name: string,
  parameter: 'field' | 'by',
  fits: (found: SearchParameter) => boolean,
): Omit<Field, 'named'> {
  const found = registry.get(type, name);
  if (found !== undefined && fits(found)) return { code: name, parameter: found.parameter };
  const possible = registry.of(type).filter(fits);
  const meant = nearest(
    name,
    possible.map(({ code }) => code),
  ).join(', ');
  const what = parameter === 'by' ? 'coded field' : 'coded field or number';
  throw failure(400, 'value', `${parameter}: "${name.slice(0, 80)}" is no ${what} of ${type}; nearest: ${meant}.`);
}

function isCoded({ kind, textual, code }: SearchParameter): boolean {
  return kind === 'token' && !textual && code !== '_id';
}

function isCountable({ kind, code }: SearchParameter): boolean {
  return (kind === 'token' || kind === 'number' || kind === 'quantity') && code !== '_id';
}
