/** Query strings turned into lowered criteria and result parameters. https://hl7.org/fhir/R4/search.html */
import type { Definitions } from '../fhir/definitions/definitions.ts';
import { type CompartmentOwner, compartmentCriterion } from './compartment.ts';
import { containedParts, parseContained, shownTypes } from './contained-parameter.ts';
import type { Criterion, SortKey } from './criteria.ts';
import { lowerFilter } from './filter/lower.ts';
import type { Include } from './include.ts';
import { parseInclude } from './include-parameter.ts';
import { type Allowance, checkNumber, newAllowance } from './lower/allowance.ts';
import { type LowerContext, refuse } from './lower/context.ts';
import { checkModifier } from './lower/modifier.ts';
import { lowerNamed, type UnknownName, unknownStep } from './lower/name.ts';
import { Uses } from './lower/once.ts';
import { nearest } from './nearest.ts';
import { filterParameter, parseParameter, parseQueryString, type QueryParameter } from './parse/parameter.ts';
import type { ParameterRegistry } from './registry.ts';
import {
  generalParameters,
  parseCount,
  parseElements,
  parseFlag,
  parseSummary,
  parseTotal,
  resultParameters,
  singleParameters,
  unsupportedParameters,
} from './result-parameters.ts';
import { relevanceOf } from './score.ts';
import { checkSorts, parseSort } from './sort.ts';
import type { Terms } from './terms.ts';

export interface SearchContext {
  readonly registry: ParameterRegistry;
  readonly definitions: Definitions;
  /** What token modifiers that need code systems mean; absent: they are refused. */
  readonly terms?: Terms | undefined;
  /** The searched types; for a search of the whole system all of them, unless `_type` names some. */
  readonly types: readonly string[];
  /** Whose compartment the search keeps to. */
  readonly compartment?: CompartmentOwner | undefined;
  readonly baseUrl: string;
  /** For times without a zone: an IANA name or an offset. */
  readonly timezone: string;
  /** Milliseconds since 1970: what `ap` measures the distance of dates to. */
  readonly now: number;
  /** Told where what the query means depends on `now`. */
  readonly usesNow?: () => void;
  readonly handling: 'strict' | 'lenient';
  readonly defaultCount: number;
  readonly maxCount: number;
  /** Names that never count as unknown (`IGNORED_PARAMETERS`). */
  readonly ignoredParameters: readonly string[];
}

/** A criterion and a sort on one of the searched types. */
export interface SearchPart {
  readonly type: string;
  readonly criterion: Criterion;
  readonly sort: readonly SortKey[];
}

/** A bare id in a reference parameter that may lead to several types: 400 if more than one of them has it. */
export interface AmbiguousId {
  readonly parameter: string;
  readonly id: string;
  readonly types: readonly string[];
}

export interface Search {
  /** One for each searched type; their sorts have keys of the same kinds at the same places. */
  readonly parts: readonly SearchPart[];
  readonly count: number;
  readonly total: 'none' | 'bounded' | 'accurate' | 'estimate';
  /** undefined: whole resources. */
  readonly summary?: 'true' | 'text' | 'data' | 'count';
  readonly elements?: readonly string[];
  readonly includes: readonly Include[];
  readonly revincludes: readonly Include[];
  /** Names and values for `self`: after defaults, without empty and ignored ones. */
  readonly used: readonly (readonly [string, string])[];
  /** Names of unknown parameters that lenient handling ignored. */
  readonly ignored: readonly string[];
  readonly ambiguousIds: readonly AmbiguousId[];
  /** Whether it looks at contained resources. */
  readonly contained: boolean;
  /** Whether to say how it is read, instead of what it finds. */
  readonly explain: boolean;
}

/** Codes that a conditional interaction's criteria may hold without being criteria. */
const withoutMeaning = (name: string, context: SearchContext): boolean =>
  generalParameters.has(name) || context.ignoredParameters.includes(name);

/**
 * A search from the decoded names and values of its query string and form.
 * Throws 400 for an unknown parameter unless handling is lenient; always for a modifier, prefix or value that isn't
 * supported or is malformed, and for a result parameter that is given twice.
 */
export function parseSearch(parameters: readonly (readonly [string, string])[], context: SearchContext): Search {
  checkNumber(parameters);
  const allowance = newAllowance();
  const used: (readonly [string, string])[] = [];
  const ignored: string[] = [];
  const criteria: Written[] = [];
  const results = new Map<string, QueryParameter>();
  const following: QueryParameter[] = [];

  const types = searchedTypes(parameters, context);
  for (const pair of parameters) {
    const written = parseParameter(pair);
    const { code = '', modifier } = written.name.steps[0] ?? {};
    if (generalParameters.has(code)) {
      if (written.text !== '') used.push(pair);
      continue;
    }
    if (context.ignoredParameters.includes(pair[0])) continue;
    if (resultParameters.has(code)) {
      refuseModifier(code, modifier);
      if (written.values.length === 0) continue;
      if (results.has(code)) throw refuse('invalid', `${code} is given twice.`);
      if (singleParameters.has(code)) results.set(code, written);
      if (code === '_include' || code === '_revinclude') following.push(written);
      if (code !== '_count') used.push(pair);
      continue;
    }
    const lacking = unknownOf(written, types, context, allowance);
    if (lacking !== undefined) {
      // DEVIATION: R4 says SHOULD ignore; docs/adr/0001-strict-search-parameters.md.
      if (context.handling === 'strict') throw unknown(lacking, written, types, context);
      if (!ignored.includes(written.name.text)) ignored.push(written.name.text);
      continue;
    }
    if (written.values.length === 0) {
      checkModifiers(written, types, context);
      continue;
    }
    criteria.push({ written, behind: new Map() });
    used.push(pair);
  }

  const ambiguousIds: AmbiguousId[] = [];
  const sortValues = results.get('_sort')?.values ?? [];
  const parts = types.map((type) => {
    const criterion = within(lowerAll(criteria, type, types, context, allowance, ambiguousIds), type, context);
    const relevance = relevanceOf(criterion);
    const sort = parseSort(sortValues, type, context.registry, lowering('_sort', context, allowance, []), relevance);
    return { type, criterion, sort };
  });
  checkSorts(parts.map(({ sort }) => sort));
  const containment = parseContained(results.get('_contained')?.text, results.get('_containedType')?.text);
  const shown = shownTypes(types, containment, context.definitions);
  const includesOf = (name: '_include' | '_revinclude'): readonly Include[] =>
    following.flatMap(({ name: { steps }, text }) => {
      if (steps[0]?.code !== name) return [];
      return parseInclude(name, text, steps[0].modifier === 'iterate', { ...context, types: shown });
    });
  const countText = results.get('_count')?.text;
  const asked =
    countText === undefined
      ? Math.min(context.defaultCount, context.maxCount)
      : parseCount(countText, context.maxCount);
  used.push(['_count', String(asked)]);
  const summaryText = results.get('_summary')?.text;
  const summary = summaryText === undefined ? 'false' : parseSummary(summaryText);
  const totalText = results.get('_total')?.text;
  const total = totalText === undefined ? undefined : parseTotal(totalText);
  // R4: "If _count has the value 0, this shall be treated the same as _summary=count".
  const onlyCount = asked === 0 || summary === 'count';
  const elements = results.get('_elements')?.values;
  const explainText = results.get('_explain')?.text;
  return {
    parts: containment === undefined ? parts : containedParts(parts, containment, context.definitions),
    count: onlyCount ? 0 : asked,
    total: total ?? (onlyCount ? 'accurate' : 'bounded'),
    ...(onlyCount ? { summary: 'count' } : summary === 'false' ? {} : { summary }),
    ...(elements === undefined ? {} : { elements: parseElements(elements, shown, context.definitions) }),
    includes: includesOf('_include'),
    revincludes: includesOf('_revinclude'),
    used,
    ignored,
    ambiguousIds: distinctIds(ambiguousIds),
    contained: containment !== undefined,
    explain: explainText !== undefined && parseFlag('_explain', explainText),
  };
}

/**
 * The criterion of a conditional interaction on resources of a type. `query` may begin with `?` or `Type?`.
 * `ambiguousIds` takes the bare ids that may lead to several types.
 * Throws 400 for an unknown, empty or result parameter, and for criteria that come to nothing, whatever the handling.
 */
export function parseCondition(
  type: string,
  query: string,
  context: SearchContext,
  ambiguousIds: AmbiguousId[] = [],
): Criterion {
  const criteria: Written[] = [];
  const allowance = newAllowance();
  const parameters = parseQueryString(behindType(type, query));
  checkNumber(parameters);
  for (const pair of parameters) {
    const written = parseParameter(pair);
    const { code = '' } = written.name.steps[0] ?? {};
    if (withoutMeaning(code, context)) continue;
    if (resultParameters.has(code))
      throw refuse('invalid', `${code} is no criterion; a condition takes search parameters only.`);
    const lacking = unknownOf(written, [type], context, allowance);
    if (lacking !== undefined) throw unknown(lacking, written, [type], context);
    if (written.values.every((value) => value.trim() === ''))
      throw refuse('invalid', `${written.name.text} has no value; a condition needs one.`);
    criteria.push({ written, behind: new Map() });
  }
  if (criteria.length === 0)
    throw refuse('invalid', 'The condition has no criteria; add one, e.g. identifier=system|value.');
  return lowerAll(criteria, type, [type], context, allowance, ambiguousIds);
}

function behindType(type: string, query: string): string {
  const mark = query.indexOf('?');
  const equals = query.indexOf('=');
  if (mark < 0 || (equals >= 0 && equals < mark)) return query;
  const named = query.slice(0, mark);
  if (named !== '' && named !== type)
    throw refuse('invalid', `The condition is on ${named.slice(0, 80)}, not on ${type}.`);
  return query.slice(mark + 1);
}

/** The types that `_type` names, or all that the context searches. Throws 400 for unknown ones. */
function searchedTypes(parameters: readonly (readonly [string, string])[], context: SearchContext): readonly string[] {
  const written = parameters
    .filter(([name]) => name === '_type')
    .map(parseParameter)
    .find(({ values }) => values.length > 0);
  if (written === undefined) return context.types;
  if (context.types.length === 1)
    throw refuse('invalid', '_type is for searches of the whole system; the type stands in the URL here.');
  const valid = [...context.types];
  for (const type of written.values) {
    if (valid.includes(type)) continue;
    if (context.compartment !== undefined && context.definitions.resourceTypes.has(type)) {
      throw refuse(
        'value',
        `_type: ${type} is never in the compartment of a resource of type ${context.compartment.type}.`,
      );
    }
    throw refuse(
      'value',
      `_type: there is no resource type "${type.slice(0, 80)}"; nearest: ${nearest(type, valid).join(', ')}.`,
    );
  }
  return [...new Set(written.values)];
}

/** What one of the searched types lacks for the parameter. Throws 400 for what R4 has and this server not yet. */
function unknownOf(
  { name }: QueryParameter,
  types: readonly string[],
  context: SearchContext,
  allowance: Allowance,
): UnknownName | undefined {
  const [first] = name.steps;
  if (first?.code === filterParameter && name.steps.length === 1) {
    refuseModifier(filterParameter, first.modifier);
    return undefined;
  }
  const path = { registry: context.registry, context: lowering(name.text, context, allowance, []) };
  let unknown: UnknownName | undefined;
  for (const type of types) {
    unknown = unknownStep(name.steps, type, path);
    if (unknown !== undefined) break;
  }
  const unsupported = unknown === undefined ? undefined : unsupportedParameters.get(unknown.code);
  if (unsupported !== undefined) throw refuse('not-supported', unsupported);
  return unknown;
}

/** 400 that names what is lacking, with the nearest names: those of all searched types where it is theirs. */
function unknown(
  { type, code }: UnknownName,
  { name }: QueryParameter,
  types: readonly string[],
  { registry }: SearchContext,
): Error {
  const searched = name.steps.length === 1 ? types : [type];
  const common = registry
    .of(type)
    .filter((each) => searched.every((searchedType) => registry.get(searchedType, each.code) !== undefined));
  const results = name.steps.length === 1 ? resultParameters : [];
  const names = nearest(code, [...common.map((each) => each.code), ...results]).join(', ');
  const place = name.steps.length === 1 ? '' : `${name.text.slice(0, 200)}: `;
  // One that other searched types have isn't misspelt: it is asked of too many.
  const elsewhere = name.steps.length === 1 && types.some((each) => registry.get(each, code) !== undefined);
  const hint = elsewhere ? ' Other types that are searched have it: name these in _type.' : '';
  return refuse('invalid', `${place}${type} has no search parameter "${code.slice(0, 80)}"; nearest: ${names}.${hint}`);
}

/** Throws 400 for a modifier that the parameter doesn't take; where there are no values, nothing else would. */
function checkModifiers({ name }: QueryParameter, types: readonly string[], context: SearchContext): void {
  const { code = '', modifier } = name.steps[0] ?? {};
  if (modifier === undefined || name.steps.length > 1) return;
  for (const type of types) {
    const parameter = context.registry.get(type, code);
    if (parameter !== undefined) checkModifier(modifier, parameter, name.text, context.definitions.resourceTypes);
  }
}

function refuseModifier(code: string, modifier: string | undefined): void {
  if (modifier === undefined) return;
  const includes = code === '_include' || code === '_revinclude';
  if (modifier === 'iterate' && includes) return;
  // DSTU 2 and STU 3 had `:recurse`.
  throw refuse('invalid', `${code} takes no modifier :${modifier.slice(0, 80)}${includes ? ', only :iterate' : ''}.`);
}

/** The criterion within the compartment that is searched, if one is. */
function within(criterion: Criterion, type: string, { compartment, definitions, registry }: SearchContext): Criterion {
  if (compartment === undefined) return criterion;
  return { kind: 'and', of: [compartmentCriterion(compartment, type, definitions, registry), criterion] };
}

/** A parameter that is a criterion. `behind`: what it asks of other resources, on any of the searched types. */
interface Written {
  readonly written: QueryParameter;
  readonly behind: Map<string, Criterion>;
}

/** All parameters of a query as one criterion on a type: each of them holds. `among`: all types that are searched. */
function lowerAll(
  criteria: readonly Written[],
  type: string,
  among: readonly string[],
  context: SearchContext,
  allowance: Allowance,
  ambiguousIds: AmbiguousId[],
): Criterion {
  const uses = new Uses();
  const of = criteria.map(({ written, behind }): Criterion => {
    const named = lowering(written.name.text, context, allowance, ambiguousIds);
    const path = { registry: context.registry, context: named, among };
    const filter = written.name.steps[0]?.code === filterParameter;
    return filter ? lowerFilter(written.text, type, path, uses) : lowerNamed(written, type, path, uses, behind);
  });
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'and', of };
}

/** What lowering a parameter needs. */
function lowering(
  name: string,
  context: SearchContext,
  allowance: Allowance,
  ambiguousIds: AmbiguousId[],
): LowerContext {
  return {
    name,
    definitions: context.definitions,
    registry: context.registry,
    terms: context.terms,
    baseUrl: context.baseUrl,
    timezone: context.timezone,
    now: () => {
      context.usesNow?.();
      return context.now;
    },
    allowance,
    ambiguous: (id, types) => ambiguousIds.push({ parameter: name, id, types }),
  };
}

function distinctIds(ids: readonly AmbiguousId[]): readonly AmbiguousId[] {
  return [...new Map(ids.map((each) => [JSON.stringify(each), each])).values()];
}
