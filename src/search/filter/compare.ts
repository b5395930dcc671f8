/** One comparison of a `_filter` as a criterion. https://hl7.org/fhir/R4/search_filter.html#ops */
import { decimalKey, isDecimal } from '../../fhir/decimal.ts';
import { precisionCode } from '../companion.ts';
import type {
  Criterion,
  DateTest,
  DiffersCriterion,
  NumberTest,
  SimpleTest,
  StringTest,
  ValueTest,
} from '../criteria.ts';
import { badValue, type LowerContext, refuse } from '../lower/context.ts';
import { lowerParameter } from '../lower/criterion.ts';
import { lowerSpan } from '../lower/date.ts';
import { containsTest, includesTest, overlapTest } from '../lower/interval.ts';
import { lowerSimple } from '../lower/simple.ts';
import { lowerString } from '../lower/string.ts';
import type { ComponentParameter, SearchParameter } from '../registry.ts';
import { checkOperator } from './operators.ts';
import type { FilterOperator, FilterTest } from './tree.ts';

/** R4: "the codes loinc, snomed, rxnorm and ucum are predefined". */
const namespaces: Readonly<Record<string, string>> = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ucum: 'http://unitsofmeasure.org',
};

/**
 * The criterion that a comparison with a parameter's values means. Throws 400 for an operator or a value that the
 * parameter doesn't take.
 */
export function lowerComparison(
  { operator, value }: Pick<FilterTest, 'operator' | 'value'>,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  checkOperator(operator, parameter, context);
  if (value === '') throw badValue(context, value, 'a value to compare with; whether there is one is asked by pr');
  if (operator === 'pr') return present(value, parameter, context);
  switch (parameter.kind) {
    case 'string':
      return lowerText(operator, value, parameter, context);
    case 'date':
      return lowerTime(operator, value, parameter, context);
    case 'number':
      if (operator === 'co') return includes(value, parameter, context);
      return asParameter(undefined, `${operator}${value}`, parameter, context);
    case 'quantity':
      return asParameter(
        undefined,
        `${operator}${value.replace(/(?<=^[^|]*\|)[^|]+(?=\|)/, named)}`,
        parameter,
        context,
      );
    case 'token':
      return lowerConcept(operator, withNamespace(value), parameter, context);
    case 'uri':
      return ofEquality(operator, asParameter(undefined, escaped(value), parameter, context));
    case 'reference':
      return asParameter(undefined, escaped(value), parameter, context);
    case 'composite':
      return ofEquality(operator, asParameter(undefined, value, parameter, context));
    case 'special':
      return asParameter(undefined, value, parameter, context);
  }
}

/** By the operators that codes within one repetition take: the modifiers that mean them. */
const ofCodes: Readonly<Partial<Record<FilterOperator, string>>> = {
  ss: 'below',
  sb: 'above',
  in: 'in',
};

/**
 * What a comparison with a composite's component means. Throws 400 for operators that don't say which values there may be,
 * and values that don't fit.
 */
export function lowerComponent(
  { operator, value }: Pick<FilterTest, 'operator' | 'value'>,
  part: ComponentParameter,
  context: LowerContext,
): readonly SimpleTest[] {
  const taken =
    part.kind === 'reference' ? ['re', 'eq'] : part.kind === 'token' ? ['eq', ...Object.keys(ofCodes)] : ['eq'];
  if (!taken.includes(operator)) {
    throw refuse('not-supported', `${context.name}: within one repetition only ${taken.join(', ')} work here.`);
  }
  if (value === '') throw badValue(context, value, 'a value to compare with');
  if (part.kind === 'reference') return lowerSimple(escaped(value), undefined, part, context);
  const written = operator === 'in' ? escaped(value) : withNamespace(value);
  return lowerSimple(written, ofCodes[operator], part, context);
}

/** What a query's parameter with one value means. */
function asParameter(
  modifier: string | undefined,
  value: string,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  return lowerParameter(modifier, [value], parameter, context);
}

function present(value: string, parameter: SearchParameter, context: LowerContext): Criterion {
  if (value !== 'true' && value !== 'false') throw badValue(context, value, 'true or false');
  // Composites take no :missing, but there are repetitions or there are none.
  if (parameter.kind === 'composite')
    return { kind: 'missing', parameter: parameter.parameter, missing: value === 'false' };
  return asParameter('missing', value === 'true' ? 'false' : 'true', parameter, context);
}

/** Parts are sought as `:contains` and a plain search do; whole values are compared in the form that strings have there. */
function lowerText(
  operator: FilterOperator,
  value: string,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  const match = stringMatches[operator] ?? 'equal';
  const criterion: Criterion = valueCriterion(parameter, lowerString(escaped(value), match, context));
  return ofEquality(operator, criterion);
}

const stringMatches: Readonly<Partial<Record<FilterOperator, StringTest['match']>>> = {
  co: 'contains',
  sw: 'starts',
  ew: 'ends',
  gt: '>',
  lt: '<',
  ge: '>=',
  le: '<=',
};

/** R4: "An item in the set's implicit imprecision includes the stated value". */
function includes(value: string, { code, parameter }: SearchParameter, context: LowerContext): Criterion {
  if (!isDecimal(value)) throw badValue(context, value, 'a number; write one like 5.4 or 1e-3');
  const test: NumberTest = { kind: 'number', interval: includesTest(decimalKey(value)) };
  const kept = { ...parameter, code: precisionCode(code), multiple: true };
  return { kind: 'value', parameter: kept, anyOf: [test] };
}

function lowerTime(
  operator: FilterOperator,
  value: string,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  if (operator !== 'po' && operator !== 'co') {
    return asParameter(undefined, `${operator}${value}`, parameter, context);
  }
  const span = lowerSpan(value, context);
  const interval: DateTest['interval'] = operator === 'po' ? overlapTest(span) : containsTest(span);
  if (parameter.code !== '_lastUpdated') return valueCriterion(parameter, { kind: 'date', interval });
  // An instant is compared as the millisecond that it is written as.
  const instant = interval.map((all) =>
    all.map((each) => (each.end === 'high' ? { ...each, value: each.value - 1 } : each)),
  );
  return { kind: 'lastUpdated', interval: instant };
}

/** A code by its text, by what it subsumes or is subsumed by (as `:below`, `:above`), or by value sets (as `:in`). */
function lowerConcept(
  operator: FilterOperator,
  value: string,
  parameter: SearchParameter,
  context: LowerContext,
): Criterion {
  switch (operator) {
    case 'ss':
      return asParameter('below', value, parameter, context);
    case 'sb':
      return asParameter('above', value, parameter, context);
    case 'in':
      return asParameter('in', escaped(value), parameter, context);
    case 'ni':
      return { kind: 'not', of: asParameter('in', escaped(value), parameter, context) };
    default:
      return ofEquality(operator, asParameter(undefined, value, parameter, context));
  }
}

/** R4: `ne` is "an item in the set has an unequal value", so it needs one; `not (… eq …)` doesn't. */
function ofEquality(operator: FilterOperator, criterion: Criterion): Criterion {
  if (operator !== 'ne') return criterion;
  // Every resource has one id.
  if (criterion.kind !== 'value') return { kind: 'not', of: criterion };
  return { kind: 'differs', parameter: criterion.parameter, from: criterion.anyOf.flatMap(comparable) };
}

function comparable(test: ValueTest): DiffersCriterion['from'] {
  const { kind } = test;
  return kind === 'token' || kind === 'string' || kind === 'uri' || kind === 'composite' ? [test] : [];
}

function valueCriterion(parameter: SearchParameter, test: ValueTest): Criterion {
  return { kind: 'value', parameter: parameter.parameter, anyOf: [test] };
}

/** A token with the namespace that a short name stands for. */
function withNamespace(token: string): string {
  return token.replace(/^[^|]+(?=\|)/, named);
}

function named(namespace: string): string {
  return Object.hasOwn(namespaces, namespace) ? (namespaces[namespace] ?? namespace) : namespace;
}

/** A text with search's escapes, so that it is taken as it stands. */
function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&');
}
