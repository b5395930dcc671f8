/** What a filter of concepts means in SQL. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { wordsIn } from '../../search/words.ts';
import type { ConceptFilter } from '../terminology.ts';
import type { SqlValue } from './open.ts';
import { type NumberedSystem, propertyNumbers } from './terminology-rows.ts';
import { ABSTRACT, abstractWord, INACTIVE, inactiveWord, systemSpan, wordsTable } from './terminology-schema.ts';

/** A piece of SQL and what it is given. */
interface Piece {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** Where numbers of concepts come from: `column` of `from`, those for which `where` holds. */
export interface Numbers {
  readonly from: Piece;
  readonly column: string;
  readonly where: readonly Piece[];
}

/** What a filter selects. */
export interface Selected {
  /** One after the other; none has what another has. */
  readonly sources: readonly Numbers[];
  /** All of it at once, or how many there are. */
  readonly whole: Numbers | number;
}

/** What is asked of the store while a filter is compiled. */
export interface Lookups {
  /** undefined where there is no such code. */
  readonly numberOf: (code: string) => number | undefined;
  /** The first and the last number below a number; undefined where there is none. */
  readonly rangeBelow: (number: number) => readonly [first: number, last: number] | undefined;
}

type Property = NonNullable<ConceptFilter['properties']>[number];

const nothing: Selected = { sources: [], whole: 0 };

/** Compiles a filter. */
export function selectedBy(system: NumberedSystem, filter: ConceptFilter, lookups: Lookups): Selected {
  const { text = '', codes, properties = [] } = filter;
  const words = wordsIn(text);
  const under = filter.under === undefined ? undefined : upperOf(filter.under, lookups);
  if (filter.under !== undefined && under === undefined) return nothing;
  const named = codes === undefined ? undefined : [...new Set(codes.flatMap((code) => lookups.numberOf(code) ?? []))];
  const single = properties.find(({ op, values }) => op === '=' && values.length === 1);
  const flags = flagged(system, filter);
  /** What holds besides, for what is led by another part of the filter. */
  const rest: Rest = (column, lead) => [
    piece(`((${column} & 1023) <> 0 OR concept_tick())`),
    ...(named !== undefined && lead !== 'codes' ? [inNumbers(column, named)] : []),
    ...(under !== undefined && lead !== 'under' ? [isUnder(column, under)] : []),
    ...properties
      .filter((property) => lead !== 'property' || property !== single)
      .map((property) => hasProperty(system, column, property)),
    ...(flags === 0 || lead === 'text' ? [] : [isUnflagged(column, flags)]),
  ];
  if (words.length > 0) return byText(system, filter, words, lookups.numberOf(text.trim()), rest);
  const source = sourceOf(system, { named, under, single }, rest);
  const all = named === undefined && under === undefined && properties.length === 0 && flags === 0;
  return { sources: [source], whole: all ? system.count : source };
}

interface Upper {
  readonly number: number;
  readonly self: boolean;
  /** Between which numbers all lie that are meant. */
  readonly first: number;
  readonly last: number;
}

/** undefined where nothing is under it. */
function upperOf({ code, self }: NonNullable<ConceptFilter['under']>, lookups: Lookups): Upper | undefined {
  const number = lookups.numberOf(code);
  if (number === undefined) return undefined;
  const range = lookups.rangeBelow(number) ?? (self ? ([number, number] as const) : undefined);
  if (range === undefined) return undefined;
  const [first, last] = self ? [Math.min(number, range[0]), Math.max(number, range[1])] : range;
  return { number, self, first, last };
}

/** Parts of a filter that can lead. */
interface Leads {
  readonly named: readonly number[] | undefined;
  readonly under: Upper | undefined;
  readonly single: Property | undefined;
}

function sourceOf(system: NumberedSystem, { named, under, single }: Leads, rest: Rest): Numbers {
  if (named !== undefined) {
    const column = 'j.value';
    return { from: piece('json_each(?) j', JSON.stringify(named)), column, where: rest(column, 'codes') };
  }
  if (under !== undefined) return underSource(under, rest);
  if (single !== undefined) {
    const column = 'p.concept';
    const where = piece(
      'p.system = ? AND p.property = ? AND p.value = ?',
      system.number,
      numberOfProperty(system, single.code),
      single.values[0] ?? '',
    );
    return { from: piece('concept_property p'), column, where: [where, ...rest(column, 'property')] };
  }
  const column = 'k.number';
  const within = piece('k.number >= ? AND k.number < ?', system.number * systemSpan, (system.number + 1) * systemSpan);
  return { from: piece('concept k'), column, where: [within, ...rest(column, 'all')] };
}

type Rest = (column: string, lead: 'codes' | 'text' | 'under' | 'property' | 'all') => readonly Piece[];

/** The concept whose code the text is, those that have its words, those that have words which begin so. */
function byText(
  system: NumberedSystem,
  filter: ConceptFilter,
  words: readonly string[],
  exact: number | undefined,
  rest: Rest,
): Selected {
  const table = wordsTable(system.number);
  const left = [
    ...(filter.activeOnly === true && system.inactive > 0 ? [inactiveWord] : []),
    ...(filter.selectableOnly === true && system.abstract > 0 ? [abstractWord] : []),
  ];
  const unflagged = (query: string) => left.reduce((all, word) => `(${all}) NOT "${word}"`, query);
  const whole = words.map((word) => `"${word}"`).join(' AND ');
  const beginning = words.map((word) => `"${word}"*`).join(' AND ');
  const from = (query: string, others: readonly Piece[]): Numbers => ({
    from: piece(`${table} f`),
    column: 'f.rowid',
    where: [piece(`f.${table} MATCH ?`, unflagged(query)), ...others, ...rest('f.rowid', 'text')],
  });
  const notExact = exact === undefined ? [] : [piece('f.rowid <> ?', exact)];
  const sources = [
    ...(exact === undefined ? [] : [from(beginning, [piece('f.rowid = ?', exact)])]),
    from(whole, notExact),
    from(`(${beginning}) NOT (${whole})`, notExact),
  ];
  return { sources, whole: from(beginning, []) };
}

function underSource({ number, self }: Upper, rest: Rest): Numbers {
  const column = 'u.below';
  if (!self)
    return { from: piece('concept_below u'), column, where: [piece('u.above = ?', number), ...rest(column, 'under')] };
  const both = '(SELECT ? AS below UNION ALL SELECT below FROM concept_below WHERE above = ?) u';
  return { from: piece(both, number, number), column, where: rest(column, 'under') };
}

/** In most systems what is under a code lies together: the range leaves most others out before they are looked at. */
function isUnder(column: string, { number, self, first, last }: Upper): Piece {
  const below = `EXISTS (SELECT 1 FROM concept_below b WHERE b.above = ? AND b.below = ${column})`;
  const range = `${column} >= ? AND ${column} <= ?`;
  return self
    ? piece(`${range} AND (${column} = ? OR ${below})`, first, last, number, number)
    : piece(`${range} AND ${below}`, first, last, number);
}

function inNumbers(column: string, numbers: readonly number[]): Piece {
  return piece(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(numbers));
}

function hasProperty(system: NumberedSystem, column: string, { code, op, values }: Property): Piece {
  const number = numberOfProperty(system, code);
  if (op === 'exists') {
    const all = `SELECT concept FROM concept_property WHERE system = ? AND property = ?`;
    return piece(`${column} ${values[0] === 'false' ? 'NOT IN' : 'IN'} (${all})`, system.number, number);
  }
  const test = `EXISTS (SELECT 1 FROM json_each(?) v CROSS JOIN concept_property q
    WHERE q.system = ? AND q.property = ? AND q.value = v.value AND q.concept = ${column})`;
  return piece(`${op === 'not-in' ? 'NOT ' : ''}${test}`, JSON.stringify(values), system.number, number);
}

/** -1, which nothing has, for a property that the system doesn't declare. */
function numberOfProperty(system: NumberedSystem, code: string): number {
  return propertyNumbers(system).get(code) ?? -1;
}

/** The flags that selected concepts must not have; 0 where none of the system has one. */
function flagged(system: NumberedSystem, filter: ConceptFilter): number {
  return (
    (filter.activeOnly === true && system.inactive > 0 ? INACTIVE : 0) |
    (filter.selectableOnly === true && system.abstract > 0 ? ABSTRACT : 0)
  );
}

function isUnflagged(column: string, flags: number): Piece {
  return piece(`EXISTS (SELECT 1 FROM concept g WHERE g.number = ${column} AND (g.flags & ?) = 0)`, flags);
}

function piece(text: string, ...values: readonly SqlValue[]): Piece {
  return { text, values };
}

/** The numbers of a source as a statement: `what` of them, and what comes `after`. */
export function statementOf({ from, column, where }: Numbers, what: 'count' | 'page'): Piece {
  const source = `FROM ${from.text} WHERE ${where.map(({ text }) => text).join(' AND ')}`;
  const text =
    what === 'count'
      ? `SELECT count(*) ${source}`
      : `SELECT ${column} AS number ${source} ORDER BY ${column} LIMIT ? OFFSET ?`;
  return { text, values: [...from.values, ...where.flatMap(({ values }) => values)] };
}
