/** Values of `_include` and `_revinclude`. https://hl7.org/fhir/R4/search.html#include */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { canonicalTarget } from './canonical-target.ts';
import type { Include } from './include.ts';
import { refuse } from './lower/context.ts';
import { mayBeUri } from './lower/reference.ts';
import { nearest } from './nearest.ts';
import type { ParameterRegistry, SearchParameter } from './registry.ts';

export interface IncludeContext {
  readonly registry: ParameterRegistry;
  readonly definitions: Definitions;
  /** The searched types. */
  readonly types: readonly string[];
}

/**
 * What `Source:parameter`, `Source:parameter:Target`, `Source:*` or `*` follows. `iterate`: from what was included too.
 * Throws 400 for unknown names, for parameters that are no references, and for what could never find anything on this
 * search.
 */
export function parseInclude(
  name: '_include' | '_revinclude',
  value: string,
  iterate: boolean,
  context: IncludeContext,
): readonly Include[] {
  const [source = '', written, target, ...rest] = value.split(':');
  const code = written ?? '*';
  if (rest.length > 0 || (written === undefined && source !== '*'))
    throw refuse('value', `${name}: write Type:parameter or Type:parameter:TargetType, not ${shown(value)}.`);
  const { definitions, registry, types } = context;
  for (const type of source === '*' ? [] : [source, ...(target === undefined ? [] : [target])]) {
    if (definitions.resourceTypes.has(type)) continue;
    const names = nearest(type, [...definitions.resourceTypes]).join(', ');
    throw refuse('value', `${name}: ${shown(type)} is no resource type; nearest: ${names}.`);
  }
  if (name === '_include' && !iterate && source !== '*' && !types.includes(source)) {
    throw refuse(
      'value',
      `${name}: ${source} is not searched here; the included resources are those that a match refers to, and with _include:iterate those that these refer to.`,
    );
  }
  // What is included may be of any type, and is followed by `:iterate`.
  const sources = source !== '*' ? [source] : name === '_include' && !iterate ? types : [...definitions.resourceTypes];
  const parameters = sources.flatMap((type) => parametersOf(name, type, code, registry));
  const includes = parameters.map((parameter) => includeOf(parameter, target, iterate, context));
  const useful = includes.filter(({ targets }) =>
    name === '_include' || iterate ? targets.length > 0 : targets.some((type) => types.includes(type)),
  );
  if (useful.length === 0 && code !== '*') {
    throw refuse('value', `${name}: ${shown(value)} never leads to ${target ?? types.slice(0, 5).join(', ')}.`);
  }
  return useful;
}

function parametersOf(
  name: string,
  type: string,
  code: string,
  registry: ParameterRegistry,
): readonly SearchParameter[] {
  const references = (): readonly SearchParameter[] => registry.of(type).filter(({ kind }) => kind === 'reference');
  if (code === '*') return references();
  const parameter = registry.get(type, code);
  if (parameter?.kind === 'reference') return [parameter];
  const names = nearest(
    code,
    references().map((each) => each.code),
  ).join(', ');
  throw refuse('value', `${name}: ${type} has no reference parameter ${shown(code)}; nearest: ${names}.`);
}

function includeOf(
  parameter: SearchParameter,
  target: string | undefined,
  iterate: boolean,
  context: IncludeContext,
): Include {
  const all = parameter.targets.length > 0 ? parameter.targets : [...context.definitions.resourceTypes];
  const targets = target === undefined ? all : all.filter((type) => type === target);
  return {
    parameter: parameter.parameter,
    targets,
    canonicals: mayBeUri(parameter) ? targets.flatMap((type) => canonicalTarget(type, context.registry) ?? []) : [],
    iterate,
  };
}

function shown(text: string): string {
  return `"${text.slice(0, 80)}"`;
}
