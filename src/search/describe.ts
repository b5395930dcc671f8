/** Criteria in words, for `_explain`. https://hl7.org/fhir/R4/search.html */
import { decimalText } from '../fhir/decimal.ts';
import type {
  Comparison,
  Criterion,
  IntervalTest,
  SortBy,
  SortKey,
  StringTest,
  ValueTest,
  WordsQuery,
} from './criteria.ts';
import { DATE_MAX, DATE_MIN, DECIMAL_MAX, DECIMAL_MIN } from './entry.ts';

/** How many alternatives are written out. */
const few = 10;

const stringWords: Readonly<Record<StringTest['match'], string>> = {
  starts: 'starts with',
  contains: 'contains',
  ends: 'ends with',
  exact: 'is exactly',
  equal: 'is',
  '<': 'comes before',
  '<=': 'is or comes before',
  '>': 'comes after',
  '>=': 'is or comes after',
};

/** What a criterion asks, after lowering: `subject is Patient/1 and not (code is http://loinc.org|8480-6)`. */
export function describe(criterion: Criterion): string {
  switch (criterion.kind) {
    case 'and':
      return criterion.of.length === 0 ? 'any' : listed(criterion.of.map(nested), ' and ');
    case 'or':
      return criterion.of.length === 0 ? 'none' : listed(criterion.of.map(nested), ' or ');
    case 'not':
      return `not (${describe(criterion.of)})`;
    case 'value':
      return `${criterion.parameter.code} ${listed(criterion.anyOf.map(test), ' or ')}`;
    case 'differs':
      return `${criterion.parameter.code} has a value that is not one that ${listed(criterion.from.map(test), ' or ')}`;
    case 'missing':
      return `${criterion.parameter.code} has ${criterion.missing ? 'no value' : 'a value'}`;
    case 'id':
      return `_id is ${listed(criterion.ids, ' or ')}`;
    case 'lastUpdated':
      return `_lastUpdated ${interval(criterion.interval, instant)}`;
    case 'referenced':
      return `${criterion.parameter.type} ${listed(criterion.by, ' or ')} refers to it by ${criterion.parameter.code}`;
    case 'words':
      return `${criterion.scope === 'content' ? '_content' : '_text'} has ${words(criterion.query)}`;
    case 'hierarchy': {
      const { parameter, by, direction, from } = criterion;
      return `${parameter.code} leads to ${by.type} ${listed(from, ' or ')} or what is ${direction} by ${by.code}`;
    }
    case 'chain':
      return `${criterion.parameter.code} leads to a ${criterion.target} with (${describe(criterion.of)})`;
    case 'has':
      return `a ${criterion.parameter.type} with (${describe(criterion.of)}) refers to it by ${criterion.parameter.code}`;
    case 'contains':
      return `contains a ${criterion.type} with (${describe(criterion.of)})`;
  }
}

/** A query on words: `"bone" or ("broken leg" but not "metasta*")`. */
function words(query: WordsQuery): string {
  switch (query.kind) {
    case 'words':
      return `"${query.words.join(' ')}${query.prefix ? '*' : ''}"`;
    case 'and':
    case 'or':
      return `(${listed(query.of.map(words), ` ${query.kind} `)})`;
    case 'except':
      return `(${words(query.of)} but not ${words(query.but)})`;
  }
}

/** A sort key: `-birthdate`, `subject.family`. */
export function describeSort({ by, descending }: SortKey): string {
  return `${descending ? '-' : ''}${sortBy(by)}`;
}

function sortBy(by: SortBy): string {
  if (typeof by === 'string') return `_${by}`;
  if ('score' in by) return '_score';
  if (!('through' in by)) return by.code;
  const [end] = by.ends;
  return end === undefined ? by.through.code : `${by.through.code}:${end.target}.${sortBy(end.by)}`;
}

function nested(criterion: Criterion): string {
  const compound = (criterion.kind === 'and' || criterion.kind === 'or') && criterion.of.length > 1;
  return compound ? `(${describe(criterion)})` : describe(criterion);
}

function listed(texts: readonly string[], between: string): string {
  if (texts.length <= few) return texts.join(between);
  return `${texts.slice(0, few).join(between)}${between}${texts.length - few} more`;
}

function test(value: ValueTest): string {
  switch (value.kind) {
    case 'token': {
      const begins = value.begins === true ? 'what begins with ' : '';
      const code = `${begins}${value.code ?? 'any code'}${value.fold ? ' (in any case)' : ''}`;
      if (value.system === undefined) return `is ${code}`;
      return `is ${value.system === '' ? '(no system)' : value.system}|${code}`;
    }
    case 'string':
      return `${stringWords[value.match]} "${value.value}"`;
    case 'date':
      return interval(value.interval, instant);
    case 'number':
      return interval(value.interval, number);
    case 'quantity': {
      const unit = [value.system, value.code].filter((part) => part !== undefined).join('|');
      return `${interval(value.interval, number)}${unit === '' ? '' : ` in ${unit}`}`;
    }
    case 'reference':
      return `is ${value.type}/${value.id}`;
    case 'uri':
      return `${{ exact: 'is', canonical: 'is in any version', begins: 'begins with' }[value.match]} ${value.value}`;
    case 'canonical':
      return `is ${value.url}|${value.version} (in any case)`;
    case 'text':
      return `has a text that starts with "${value.value}"`;
    case 'near':
      return `lies within ${value.within} km of ${value.latitude}, ${value.longitude}`;
    case 'composite':
      return `has a repetition that ${value.components.map(test).join(', ')}`;
  }
}

function interval<V extends number | string>(value: IntervalTest<V>, text: (end: V) => string): string {
  const box = (all: readonly Comparison<V>[]): string => {
    const parts = all.map(({ end, operator, value: bound }) => {
      return `${end === 'low' ? 'starts' : 'ends'} ${operator} ${text(bound)}`;
    });
    return parts.join(' and ');
  };
  return listed(value.map(box), ' or ');
}

function instant(milliseconds: number): string {
  if (milliseconds <= DATE_MIN || milliseconds >= DATE_MAX) return 'open';
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}

function number(key: string): string {
  return key === DECIMAL_MIN || key === DECIMAL_MAX ? 'open' : decimalText(key);
}
