/** What a filter of concepts means in SQL. https://hl7.org/fhir/R4/valueset-filter-operator.html */
import { wordsIn } from '../../search/words.ts';
import type { ConceptFilter, ConceptTest } from '../terminology.ts';
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

/** How many a source has, told by what it leaves out. */
export interface Others {
  readonly of: number;
  readonly without: Numbers;
}

/** What a filter selects. */
export interface Selected {
  /** One after the other; none has what another has. */
  readonly sources: readonly Numbers[];
  /** All of it at once, or how many there are. */
  readonly whole: Numbers | Others | number;
}

/** What is asked of the store while a filter is compiled. */
export interface Lookups {
  /** undefined where there is no such code. */
  readonly numberOf: (code: string) => number | undefined;
  /** Those of the codes that there are, once each. */
  readonly numbersOf: (codes: readonly string[]) => readonly number[];
  /** The first and the last number below a number; undefined where there is none. */
  readonly rangeBelow: (number: number) => readonly [first: number, last: number] | undefined;
}

type Property = NonNullable<ConceptFilter['properties']>[number];

/** Compiles a filter. */
export function selectedBy(system: NumberedSystem, filter: ConceptFilter, lookups: Lookups): Selected {
  const { text = '', activeOnly = false, selectableOnly = false, ...test } = filter;
  const compiled = compile(test, lookups);
  const flags = flagged(system, filter);
  const words = wordsIn(text);
  if (words.length > 0) return byText(system, filter, words, lookups.numberOf(text.trim()), compiled);
  const source = sourceOf(system, compiled, (column) => (flags === 0 ? [] : [isUnflagged(column, flags)]));
  return { sources: [source], whole: flags === 0 ? counted(system, compiled, source) : source };
}

/** A test with the numbers of the concepts that it names. */
interface Compiled {
  readonly codes: readonly number[] | undefined;
  /** 'nothing' where nothing is under it. */
  readonly under: Upper | 'nothing' | undefined;
  readonly properties: readonly Property[];
  readonly anyOf: readonly Compiled[] | undefined;
  readonly noneOf: readonly Compiled[];
  readonly allOf: readonly Compiled[];
}

function compile(test: ConceptTest, lookups: Lookups): Compiled {
  const each = (tests: readonly ConceptTest[]) => tests.map((one) => compile(one, lookups));
  return {
    codes: test.codes && lookups.numbersOf(test.codes),
    under: test.under && (upperOf(test.under, lookups) ?? 'nothing'),
    properties: test.properties ?? [],
    anyOf: test.anyOf && each(test.anyOf),
    noneOf: each(test.noneOf ?? []),
    allOf: each(test.allOf ?? []),
  };
}

interface Upper {
  readonly number: number;
  readonly self: boolean;
  /** Between which numbers all lie that are meant. */
  readonly first: number;
  readonly last: number;
}

/** undefined where nothing is under it. */
function upperOf({ code, self }: NonNullable<ConceptTest['under']>, lookups: Lookups): Upper | undefined {
  const number = lookups.numberOf(code);
  if (number === undefined) return undefined;
  const range = lookups.rangeBelow(number) ?? (self ? ([number, number] as const) : undefined);
  if (range === undefined) return undefined;
  const [first, last] = self ? [Math.min(number, range[0]), Math.max(number, range[1])] : range;
  return { number, self, first, last };
}

/** Few are left out of a whole system, so these are counted. */
function counted(system: NumberedSystem, { noneOf, ...others }: Compiled, source: Numbers): Selected['whole'] {
  if (leadOf(others) !== undefined || others.properties.length > 0 || others.allOf.length > 0) return source;
  if (noneOf.length === 0) return system.count;
  const left = { codes: undefined, under: undefined, properties: [], anyOf: noneOf, noneOf: [], allOf: [] };
  return { of: system.count, without: sourceOf(system, left) };
}

type Lead = 'codes' | 'under' | 'property' | 'anyOf' | undefined;

/** The part of a test that most others are left out by; undefined where all concepts have to be looked at. */
function leadOf({ codes, under, properties, anyOf }: Pick<Compiled, 'codes' | 'under' | 'properties' | 'anyOf'>): Lead {
  if (codes !== undefined) return 'codes';
  if (under !== undefined) return 'under';
  if (singleOf(properties) !== undefined) return 'property';
  return anyOf === undefined || anyOf.length === 0 ? undefined : 'anyOf';
}

function singleOf(properties: readonly Property[]): Property | undefined {
  return properties.find(({ op, values }) => op === '=' && values.length === 1);
}

/** The concepts for which a test holds, and what else is asked of a column with their numbers. */
function sourceOf(
  system: NumberedSystem,
  test: Compiled,
  more: (column: string) => readonly Piece[] = () => [],
): Numbers {
  const lead = leadOf(test);
  const [first] = test.allOf;
  if (lead === undefined && first !== undefined) {
    // What all of them have leads just as well from within.
    const { allOf, noneOf, ...rest } = first;
    const inner = { ...rest, noneOf: [...noneOf, ...test.noneOf], allOf: [...allOf, ...test.allOf.slice(1)] };
    return sourceOf(system, { ...inner, properties: [...rest.properties, ...test.properties] }, more);
  }
  const led = (from: Piece, column: string, ...where: readonly Piece[]): Numbers => ({
    from,
    column,
    where: [...where, tick(column), ...holding(system, column, test, lead), ...more(column)],
  });
  const single = singleOf(test.properties);
  if (test.codes !== undefined) return led(piece('json_each(?) j', JSON.stringify(test.codes)), 'j.value');
  if (test.under === 'nothing') return led(piece('(SELECT 0 AS number WHERE 0) e'), 'e.number');
  if (test.under !== undefined) {
    const { number, self } = test.under;
    if (!self) return led(piece('concept_below u'), 'u.below', piece('u.above = ?', number));
    const both = '(SELECT ? AS below UNION ALL SELECT below FROM concept_below WHERE above = ?) u';
    return led(piece(both, number, number), 'u.below');
  }
  if (single !== undefined) {
    const own = piece(
      'p.system = ? AND p.property = ? AND p.value = ?',
      system.number,
      numberOfProperty(system, single.code),
      single.values[0] ?? '',
    );
    return led(piece('concept_property p'), 'p.concept', own);
  }
  if (lead === 'anyOf' && test.anyOf !== undefined) {
    const parts = test.anyOf.map((each) => numbersOf(sourceOf(system, each)));
    return led(joined('(', parts, ' UNION ', ') o'), 'o.number');
  }
  const within = piece('k.number >= ? AND k.number < ?', system.number * systemSpan, (system.number + 1) * systemSpan);
  return led(piece('concept k'), 'k.number', within);
}

/** What a test asks of a column, but for what has led to it. */
function holding(system: NumberedSystem, column: string, test: Compiled, lead?: Lead): readonly Piece[] {
  const { codes, under, properties, anyOf, noneOf, allOf } = test;
  const single = lead === 'property' ? singleOf(properties) : undefined;
  const whole = (each: Compiled) => joined('(', [piece('1'), ...holding(system, column, each)], ' AND ', ')');
  return [
    ...(codes === undefined || lead === 'codes' ? [] : [inNumbers(column, codes)]),
    ...(under === undefined || lead === 'under' ? [] : [under === 'nothing' ? piece('0') : isUnder(column, under)]),
    ...properties.filter((each) => each !== single).map((each) => hasProperty(system, column, each)),
    ...(anyOf === undefined || lead === 'anyOf' ? [] : [joined('(', [piece('0'), ...anyOf.map(whole)], ' OR ', ')')]),
    ...noneOf.map((each) => joined('NOT ', [whole(each)], '', '')),
    ...allOf.flatMap((each) => holding(system, column, each)),
  ];
}

function tick(column: string): Piece {
  return piece(`((${column} & 1023) <> 0 OR concept_tick())`);
}

/** The concept whose code the text is, those that have its words, those that have words which begin so. */
function byText(
  system: NumberedSystem,
  filter: ConceptFilter,
  words: readonly string[],
  exact: number | undefined,
  test: Compiled,
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
    where: [
      piece(`f.${table} MATCH ?`, unflagged(query)),
      ...others,
      tick('f.rowid'),
      ...holding(system, 'f.rowid', test),
    ],
  });
  const notExact = exact === undefined ? [] : [piece('f.rowid <> ?', exact)];
  const sources = [
    ...(exact === undefined ? [] : [from(beginning, [piece('f.rowid = ?', exact)])]),
    from(whole, notExact),
    from(`(${beginning}) NOT (${whole})`, notExact),
  ];
  return { sources, whole: from(beginning, []) };
}

/** In most systems what is under a code lies together: the range leaves most others out before they are looked at. */
function isUnder(column: string, { number, self, first, last }: Upper): Piece {
  const below = `EXISTS (SELECT 1 FROM concept_below b WHERE b.above = ? AND b.below = ${column})`;
  const range = `${column} >= ? AND ${column} <= ?`;
  return self
    ? piece(`${range} AND (${column} = ? OR ${below})`, first, last, number, number)
    : piece(`${range} AND ${below}`, first, last, number);
}

/** The sign keeps the full-text table from being asked anew for each of the numbers. */
function inNumbers(column: string, numbers: readonly number[]): Piece {
  return piece(`+${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(numbers));
}

function hasProperty(system: NumberedSystem, column: string, { code, op, values }: Property): Piece {
  const number = numberOfProperty(system, code);
  if (op === 'exists') {
    const all = `SELECT concept FROM concept_property WHERE system = ? AND property = ?`;
    return piece(`${column} ${values[0] === 'false' ? 'NOT IN' : 'IN'} (${all})`, system.number, number);
  }
  const not = op === 'not-in' ? 'NOT ' : '';
  const its = `q.system = ? AND q.property = ? AND q.concept = ${column}`;
  const [only = ''] = values;
  if (values.length === 1) {
    const one = `EXISTS (SELECT 1 FROM concept_property q WHERE ${its} AND q.value = ?)`;
    return piece(not + one, system.number, number, only);
  }
  const any = `EXISTS (SELECT 1 FROM json_each(?) v CROSS JOIN concept_property q WHERE ${its} AND q.value = v.value)`;
  return piece(not + any, JSON.stringify(values), system.number, number);
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

function joined(before: string, pieces: readonly Piece[], between: string, after: string): Piece {
  const text = before + pieces.map((each) => each.text).join(between) + after;
  return { text, values: pieces.flatMap(({ values }) => values) };
}

function piece(text: string, ...values: readonly SqlValue[]): Piece {
  return { text, values };
}

/** The numbers of a source as a statement, in no order. */
function numbersOf({ from, column, where }: Numbers): Piece {
  const test = joined('', where, ' AND ', '');
  return joined('', [piece(`SELECT ${column} AS number FROM`), from, piece('WHERE'), test], ' ', '');
}

/** The numbers of a source as a statement: how many, or some of them in their order. */
export function statementOf(source: Numbers, what: 'count' | 'page'): Piece {
  const { from, column, where } = source;
  if (what === 'page') return joined('', [numbersOf(source), piece(`ORDER BY ${column} LIMIT ? OFFSET ?`)], ' ', '');
  return joined('SELECT count(*) FROM ', [from, joined('', where, ' AND ', '')], ' WHERE ', '');
}
